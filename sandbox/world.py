"""What the sandbox remembers, in one SQLite file: persons, which record shows whom, the CRM's tables, the subscriber list, faults.

The shop's rows lie in its own cluster. Everything that makes the next change deterministic (seed, number of changes so far,
next ids, the world's clock) is in `meta`, and commits with the change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import documents
from sandbox.crm import objects
from sandbox.inventory import store
from sandbox.population.people import Company, Person
from sandbox.reviews import outbox

_SCHEMA = """
create table meta (name text primary key, value text not null);
create table person (person_id integer primary key, household_id integer not null, body text not null);
create index person_by_household on person (household_id);
create table company (company_id integer primary key, body text not null);
create table mailbox (address text primary key) without rowid;
create table record (record_id text primary key, person_id integer, household_id integer, locale text not null) without rowid;
create index record_by_person on record (person_id);
create table subscriber (
    row_number integer primary key, subscriber_id text unique, email text, first_name text, last_name text, city text, country text,
    status text, double_opt_in text, subscribed_at text, updated_at text);
create index subscriber_by_email on subscriber (email);
create table in_transit (number integer primary key, line text not null);
create table intent (number integer primary key, body blob not null);
create table household_account (household_id integer primary key, account_id text not null);
create table fault (system text, fault text, options text not null, state text not null, since text not null, primary key (system, fault));
"""
SUBSCRIBER_FIELDS = (
    "subscriber_id",
    "email",
    "first_name",
    "last_name",
    "city",
    "country",
    "status",
    "double_opt_in",
    "subscribed_at",
    "updated_at",
)


class World:
    """One open world file. Use as a context manager; `transaction()` groups changes."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        address = f"file:{path}{'?mode=ro' if read_only else ''}"
        self.connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
        self.connection.execute("pragma synchronous = normal")

    @staticmethod
    def create(path: Path) -> World:
        """A new, empty world; an old file of that name is replaced."""
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_world(path)
        world = World(path)
        world.connection.execute("pragma journal_mode = wal")  # the CRM reads while time passes
        world.connection.executescript(_SCHEMA + documents.TABLE + store.TABLES + outbox.TABLE + objects.create_tables())
        return world

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside, or none."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    # ------------------------------------------------------------------------------------------------- meta
    def read_meta(self) -> dict[str, Any]:
        """All notes, by name."""
        return {name: json.loads(value) for name, value in self.connection.execute("select name, value from meta")}

    def write_meta(self, values: dict[str, Any]) -> None:
        """Keep notes (JSON values), by name."""
        self.connection.executemany(
            "insert or replace into meta values (?, ?)", [(name, json.dumps(value)) for name, value in values.items()]
        )

    # ---------------------------------------------------------------------------------------------- persons
    def save_persons(self, persons: Iterable[Person]) -> None:
        """Add persons or replace them."""
        self.connection.executemany(
            "insert or replace into person values (?, ?, ?)", ((p.person_id, p.household_id, p.dump()) for p in persons)
        )

    def person(self, person_id: int) -> Person:
        """The person of that number; KeyError if there is none."""
        row = self.connection.execute("select body from person where person_id = ?", [person_id]).fetchone()
        if row is None:
            raise KeyError(person_id)
        return Person.load(row[0])

    def household(self, household_id: int) -> list[Person]:
        """The persons of a household, in order."""
        rows = self.connection.execute("select body from person where household_id = ? order by person_id", [household_id])
        return [Person.load(row[0]) for row in rows]

    def save_companies(self, companies: Iterable[Company]) -> None:
        """Add companies."""
        fields = Company.__dataclass_fields__
        self.connection.executemany(
            "insert into company values (?, ?)",
            ((c.company_id, json.dumps([getattr(c, name) for name in fields], ensure_ascii=False)) for c in companies),
        )

    def companies(self) -> list[Company]:
        """All companies, in order."""
        return [Company(*json.loads(row[0])) for row in self.connection.execute("select body from company order by company_id")]

    def take_mailboxes(self, addresses: Iterable[str]) -> None:
        """Note that mail addresses are given."""
        self.connection.executemany("insert or ignore into mailbox values (?)", ((address,) for address in addresses))

    def is_mailbox_taken(self, address: str) -> bool:
        """Whether somebody has that mail address."""
        return self.connection.execute("select 1 from mailbox where address = ?", [address]).fetchone() is not None

    # ---------------------------------------------------------------------------------------------- records
    def save_records(self, records: Iterable[tuple[str, int | None, int | None, str]]) -> None:
        """(record id, person, household, locale tag); a record that shows nobody has no person."""
        self.connection.executemany("insert into record values (?, ?, ?, ?)", records)

    def records_of(self, person_id: int, prefix: str) -> list[str]:
        """Keys of a person's records in one object ('shop.customers'), in order."""
        rows = self.connection.execute("select record_id from record where person_id = ? order by record_id", [person_id])
        return [row[0].split(":", 1)[1] for row in rows if row[0].startswith(prefix + ":")]

    def has_mail_subscriber(self, address: str) -> bool:
        """Whether that address is on the subscriber list."""
        return self.connection.execute("select 1 from subscriber where email = ? limit 1", [address]).fetchone() is not None

    def has_record(self, record_id: str) -> bool:
        """Whether the truth knows that record."""
        return self.connection.execute("select 1 from record where record_id = ?", [record_id]).fetchone() is not None


def remove_world(path: Path) -> None:
    """Remove a world file with its log: a log left behind would be played into the next file of that name."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
