"""Likenesses that several levels ask for are measured once, and the levels stay what they were."""

from __future__ import annotations

from itertools import product

import duckdb
import pyarrow as pa

from customer360.identity.match.comparisons import comparisons
from customer360.identity.match.vectors import level_sql, measured_once

NAMES = ["anna", "anne", "hannah", "ana", "a", "bert", None]


def test_levels_do_not_depend_on_where_a_likeness_is_measured() -> None:
    cases = [level_sql(one) for one in comparisons({"first_name", "last_name", "birth_date", "birth_year"})]
    changed, measured = measured_once(cases)
    assert len(measured) == 6  # of both names Jaro and Winkler's and Levenshtein's, of dates and years Levenshtein's
    assert sum(case.count("levenshtein(first_name_l, first_name_r)") for case in cases) > 1
    assert not any("levenshtein(first_name_l, first_name_r)" in case.replace("damerau_levenshtein", "") for case in changed)
    rows = [
        {"first_name_l": a, "first_name_r": b, "last_name_l": b, "last_name_r": a, "birth_date_l": c, "birth_date_r": d}
        | {"birth_year_l": c and c[:4], "birth_year_r": d and d[:4]}
        for (a, b), (c, d) in product(product(NAMES, NAMES), product(["1980-05-03", "1980-05-30", "1981-12-24", None], repeat=2))
    ]
    given = pa.Table.from_pylist(rows)
    with duckdb.connect() as connection:
        connection.register("given", given)
        plain = connection.execute(f"select {', '.join(cases)} from given").fetchall()
        once = connection.execute(f"select {', '.join(changed)} from (select {', '.join(['*', *measured])} from given)").fetchall()
    assert plain == once
    assert len(set(plain)) > 12
