"""The truth file: which record shows which person. One row per record; later records are appended.

`record_id` is '<system>.<object>:<key>'; a record that shows nobody (a test account, a role mailbox) has a person_id of its
own that begins with x; `household_id` is the household the person lived in when the record was made.

`values` tells what is true of each person, for one record that shows them: what a golden record is checked against.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from customer360.identity.standardise import standardise
from sandbox.population.people import Person
from sandbox.world import World

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


VALUES_HEADER = ("record_id", "attribute", "value")


def values(world: World) -> Iterator[tuple[str, str, str]]:
    """(record id, attribute, true value) of every person whom a record shows, under the first of their records. All true values of an
    attribute, such as a name in the person's own script and in Latin letters, are rows of their own."""
    rows = world.connection.execute(
        "select min(record_id), body from record join person using (person_id) group by person_id order by person_id"
    )
    for record_id, body in rows:
        told: set[tuple[str, str]] = set()
        for attribute, value in _true_of(Person.load(body)):
            # a few right values look like none (the name Nan like a missing number): labels must be usable
            if value and (attribute, value) not in told and standardise(attribute, value).value is not None:
                told.add((attribute, value))
                yield record_id, attribute, value


def _true_of(person: Person) -> Iterator[tuple[str, str | None]]:
    yield from (("first_name", person.first), ("first_name", person.first_latin), ("middle_name", person.middle))
    yield from (("last_name", person.last), ("last_name", person.last_latin))
    yield from (("birth_date", person.birth), ("gender", person.gender), ("external_id", person.loyalty_id))
    yield from (("email", mailbox) for mailbox in (person.email, person.mailbox, person.work_email))
    yield from (("phone", number) for number in (person.mobile, person.landline))
    home = person.address
    yield from (("house_number", home.number), ("postal_code", home.postal_code), ("country", home.country))
    yield from (("city", home.city), ("city", home.city_latin), ("region", home.region), ("region", home.region_latin))
