"""The truth file: which record shows which person. One row per record; later records are appended.

`record_id` is '<system>.<object>:<key>'; a record that shows nobody (a test account, a role mailbox) has a person_id of its
own that begins with x; `household_id` is the household the person lived in when the record was made.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

HEADER = ("record_id", "person_id", "household_id", "locale")
Record = tuple[str, int | None, int | None, str]


def _row(record: Record) -> tuple[str, str, str, str]:
    record_id, person, household, locale = record
    who = f"p{person:07d}" if person is not None else "x" + record_id.replace(".", "-").replace(":", "-")
    return record_id, who, f"h{household:07d}" if household is not None else "", locale


def write(path: Path, records: Iterable[Record]) -> int:
    """Write the whole file; returns the number of records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(HEADER)
        rows = [_row(record) for record in records]
        writer.writerows(rows)
    return len(rows)


def append(path: Path, records: Iterable[Record]) -> int:
    """Add records made since; returns their number."""
    with path.open("a", newline="", encoding="utf-8") as handle:
        rows = [_row(record) for record in records]
        csv.writer(handle, lineterminator="\n").writerows(rows)
    return len(rows)


def read(path: Path) -> list[dict[str, str]]:
    """All rows, as dictionaries by column."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
