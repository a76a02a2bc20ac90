"""GoldenMatch without a configuration: `python goldenmatch_people.py FOLDER CLUSTERS.csv`. It gets the file as it is."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from pathlib import Path

import people_folder

os.environ["GOLDENMATCH_TELEMETRY"] = "0"
import goldenmatch


def main() -> None:
    """Reads, matches, writes."""
    folder, out = people_folder.read(Path(sys.argv[1])), Path(sys.argv[2])
    steps = people_folder.Steps()
    with contextlib.redirect_stdout(sys.stderr):
        found = goldenmatch.dedupe(str(folder.records))
    steps.done("match")
    with folder.records.open(encoding="utf-8", newline="") as stream:
        ids = [row[folder.record_id] for row in csv.DictReader(stream)]
    label = {member: number for number, cluster in found.clusters.items() for member in cluster["members"]}
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record_id", "customer_id"])
        writer.writerows((record, label.get(row, f"alone {row}")) for row, record in enumerate(ids))
    steps.done("write")
    steps.tell()


main()
