"""Rules without a model: records are one person when an identifier is equal, or both names and the birth date.

`python exact_rules.py FOLDER CLUSTERS.csv`. Values are compared trimmed and in lower case; whatever hangs together is one person.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np
import people_folder
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

RULES = (("national_id",), ("external_id",), ("email",), ("phone",), ("first_name", "last_name", "birth_date"), ("full_name", "birth_date"))


def main() -> None:
    """Reads, links, writes."""
    folder, out = people_folder.read(Path(sys.argv[1])), sys.argv[2]
    steps = people_folder.Steps()
    rules = [[folder.column(kind) for kind in rule] for rule in RULES if all(folder.column(kind) for kind in rule)]
    if not rules:
        people_folder.cannot("no identifier and no name with a birth date among the columns")
    connection = duckdb.connect()
    connection.execute(
        f"create table people as select row_number() over () - 1 as row, * from read_csv('{folder.records}', all_varchar = true)"
    )
    steps.done("read")
    left, right = [], []
    for columns in rules:
        plain = [f"nullif(lower(trim({column})), '')" for column in columns]
        known = " and ".join(f"{value} is not null" for value in plain)
        found = connection.execute(
            f"select row as a, first_value(row) over (partition by {', '.join(plain)} order by row) as b from people where {known}"
        ).fetchnumpy()
        left.append(found["a"])
        right.append(found["b"])
    a, b = np.concatenate(left), np.concatenate(right)
    (count,) = connection.execute("select count(*) from people").fetchall()[0]
    _, label = connected_components(coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count)), directed=False)
    connection.register("labels", {"row": np.arange(count), "label": label})
    steps.done("match")
    connection.execute(
        f"copy (select {folder.record_id} as record_id, label as customer_id from people join labels using (row)) to '{out}' (header)"
    )
    steps.done("write")
    steps.tell()


main()
