"""Numbered SQL files that make the warehouse's schemas, tables and roles, and the runner that applies them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from psycopg import Connection, sql

from customer360.errors import UserError

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = 0x_C360_0001  # advisory lock: one migration at a time per database


class MigrationError(UserError):
    """The migrations of the code and of the database do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One SQL file."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """sha256 of the text, so that an edit of an applied migration is noticed."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def available() -> list[Migration]:
    """The migrations this version of the code brings, in order."""
    found = [
        Migration(name=entry.name.removesuffix(".sql"), text=entry.read_text(encoding="utf-8"))
        for entry in files(__package__).iterdir()
        if _FILE_NAME.fullmatch(entry.name)
    ]
    found.sort(key=lambda migration: migration.name)
    numbers = [migration.name[:4] for migration in found]
    if len(set(numbers)) != len(numbers):
        raise MigrationError(f"two migrations share a number: {', '.join(numbers)}; renumber the later one")
    return found


def migrate(connection: Connection[Any]) -> list[str]:
    """Apply the migrations that the database has not had, all in one transaction; returns their names.

    Run as the owner of the platform. Safe to run again and by several processes at once. Raises MigrationError when an applied
    migration was edited since, or when the database is ahead of the code.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            "create table if not exists public.c360_migration ("
            " name text primary key, checksum text not null, applied_at timestamptz not null default now())"
        )
        applied = dict(connection.execute("select name, checksum from public.c360_migration").fetchall())
        pending = _pending(applied)
        for migration in pending:
            connection.execute(sql.SQL(migration.text))
            connection.execute("insert into public.c360_migration (name, checksum) values (%s, %s)", [migration.name, migration.checksum])
    return [migration.name for migration in pending]


def _pending(applied: dict[str, str]) -> list[Migration]:
    migrations = available()
    unknown = sorted(set(applied) - {migration.name for migration in migrations})
    if unknown:
        raise MigrationError(f"the database is ahead of this code: it has {', '.join(unknown)}; use the newer version of customer360")
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was edited after it was applied here; "
                "undo the edit and write a new migration, or start with a new database"
            )
    return [migration for migration in migrations if migration.name not in applied]
