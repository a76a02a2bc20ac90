"""GoldenMatch without a configuration: `python goldenmatch_people.py FOLDER CLUSTERS.csv`.

It gets the columns that the map names and not the record ids, which it would take for an identifier of people.
"""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from pathlib import Path

import people_folder
import pyarrow.csv as pacsv

os.environ["GOLDENMATCH_TELEMETRY"] = "0"
import goldenmatch


def main() -> None:
    """Reads, matches, writes."""
    folder, out = people_folder.read(Path(sys.argv[1])), Path(sys.argv[2])
    steps = people_folder.Steps()
    people = pacsv.read_csv(folder.records, convert_options=pacsv.ConvertOptions(strings_can_be_null=True))
    ids = people[folder.record_id].to_pylist()
    given = out.with_name("people.csv")
    pacsv.write_csv(people.select([column for columns in folder.by_type.values() for column in columns]), given)
    steps.done("read")
    with contextlib.redirect_stdout(sys.stderr):
        found = goldenmatch.dedupe(str(given))
    steps.done("match")
    label = {member: number for number, cluster in found.clusters.items() for member in cluster["members"]}
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record_id", "customer_id"])
        writer.writerows((record, label.get(row, f"alone {row}")) for row, record in enumerate(ids))
    steps.done("write")
    steps.tell()


main()
