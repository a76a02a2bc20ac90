"""Keeps landing, ledger, history and logs from growing for ever. Nothing that a run or a reader still needs is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from customer360.archive import versions
from customer360.archive.location import open_archive
from customer360.contracts.reader import load_contracts
from customer360.gate.limits import MOST_COMPARED
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

# Finished loads: what they landed can be removed.
_CLOSED = ("published", "rejected", "abandoned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long each kind of row is kept. History is kept for as-of questions; shorten it where the law asks for that."""

    landing: timedelta = timedelta(days=7)
    ledger: timedelta = timedelta(days=180)
    history: timedelta = timedelta(days=730)
    quarantine: timedelta = timedelta(days=90)  # settled rows only; an open one stays until somebody decides
    incidents: timedelta = timedelta(days=365)
    changes: timedelta = timedelta(days=30)  # and never what a consumer has not read
    profiles: timedelta = timedelta(days=14)  # and the newest of each object, which loads are compared with
    deliveries: timedelta = timedelta(days=30)  # names of messages; one that is sent again later counts as new
    file_names: timedelta = timedelta(days=180)  # that nobody has seen since; a file that comes back is hashed once more
    archive: timedelta = timedelta(days=1095)


def archive() -> dict[str, int]:
    """Archive what was published since the last time; rows per object. Safe to run again; raises ArchiveError."""
    store = open_archive()
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        if store is None:
            versions.forget_position(connection)
            return {}
        objects = [obj for contract in load_contracts().values() for obj in contract.objects]
        return versions.archive_published(connection, objects, store)


def clean(keep: Keep | None = None) -> dict[str, int]:
    """Remove what is older than `keep` allows; returns rows removed per table. Each table commits by itself; safe to run again.

    History that the archive lacks stays, unless the archive is off.
    """
    limits = keep or Keep()
    removed: dict[str, int] = {}
    store = open_archive()
    if store is not None:
        removed["archive"] = versions.forget_before(store, limits.archive, today=datetime.now(UTC).date())
    with connections.connect(autocommit=True) as connection:
        for schema, age in (("landing", limits.landing), ("raw_history", limits.history)):
            for contract in load_contracts().values():
                for obj in contract.objects:
                    removed[f"{schema}.{obj.table}"] = _clean_object(connection, schema, obj.table, age, archived=store is not None)
        for table, condition, age in (
            ("quarantine.row", "state <> 'open' and settled_at < now() - %(age)s", limits.quarantine),
            ("ops.incident", "closed_at < now() - %(age)s", limits.incidents),
            ("ops.change", _read_by_all("ops.change"), limits.changes),
            ("identity.change", _read_by_all("identity.change"), limits.changes),
            ("ops.stream_message", "received_at < now() - %(age)s", limits.deliveries),
            ("ops.source_file_name", "seen_at < now() - %(age)s", limits.file_names),
            ("ops.load_profile", _COMPARED_NO_MORE, limits.profiles),
            ("ops.gate_result", "at < now() - %(age)s", limits.ledger),
            ("ops.load", _FORGOTTEN_LOAD, limits.ledger),
        ):
            statement = sql.SQL("delete from {} as t where {}").format(sql.Identifier(*table.split(".")), sql.SQL(condition))
            removed[table] = connection.execute(statement, {"age": age}).rowcount
    return {table: rows for table, rows in removed.items() if rows}


def _read_by_all(log: str) -> str:
    """Rows of a change log that every known consumer has passed."""
    return (
        "at < now() - %(age)s and seq <= coalesce("  # no consumer yet: the first one starts at the beginning
        f"(select min(seq) from ops.consumer_offset where log = '{log}'), 0)"
    )


_COMPARED_NO_MORE = f"""
    at < now() - %(age)s and load_id < (
        select later.load_id from ops.load_profile as later
        where later.system = t.system and later.object = t.object and later.series = t.series
        order by later.load_id desc offset {MOST_COMPARED} limit 1)
"""

# What a watermark, a file, a quarantined row, the change log or a row of raw still names stays; so does each object's last load.
_FORGOTTEN_LOAD = f"""
    t.state in {_CLOSED} and t.finished_at < now() - %(age)s
    and not exists (select from ops.watermark as w where w.load_id = t.load_id)
    and not exists (select from ops.source_file as f where f.load_id = t.load_id)
    and not exists (select from quarantine.row as q where q.load_id = t.load_id)
    and not exists (select from ops.stream as s where s.load_id = t.load_id)
    and not exists (select from ops.change as c where c.load_id = t.load_id)
    and not exists (select from ops.gate_result as g where g.load_id = t.load_id)
    and exists (select from ops.load as later where later.system = t.system and later.object = t.object
                and later.state = 'published' and later.load_id > t.load_id)
"""


def _clean_object(connection: psycopg.Connection[tuple[Any, ...]], schema: str, table: str, age: timedelta, *, archived: bool) -> int:
    name = sql.Identifier(schema, table)
    known = connection.execute("select to_regclass(%s)", (f"{schema}.{table}",)).fetchone()
    if known is None or known[0] is None:  # never loaded
        return 0
    if schema == "raw_history":
        waits = sql.SQL(versions.NOT_ARCHIVED if archived else "false")
        return connection.execute(
            sql.SQL("delete from {} as t where _replaced_at < now() - %s and not ({})").format(name, waits), (age,)
        ).rowcount
    return connection.execute(
        sql.SQL(
            "delete from {} where _load_id in (select load_id from ops.load where state = any(%s) and finished_at < now() - %s)"
        ).format(name),
        (list(_CLOSED), age),
    ).rowcount
