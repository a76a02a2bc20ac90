"""Quarantine: rows the gate turned away, each with every reason, until they are mended, replayed or waived.

A row leaves in one of three ways, and says which in `state`, `settled_by` and `note`:
replayed  its content, corrected or not, passed the gate again; or a version at least as new of the same record was published
waived    a person decided that it is not to be loaded; seen again as it is, it stays out
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from customer360.contracts.model import SourceObject
from customer360.errors import UserError
from customer360.load import ledger, relations
from customer360.load.copying import DELETED_MARK
from customer360.load.relations import Warehouse, WorkTables


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """One row of quarantine.row. `payload` is personal; times are UTC."""

    quarantine_id: int
    load_id: int
    system: str
    object: str
    record_key: str | None
    reasons: list[dict[str, Any]]
    payload: dict[str, Any]
    state: str
    opened_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step of a row's trail; `corrected` names fields; `at` is UTC."""

    at: datetime
    action: str
    by: str
    why: str | None
    corrected: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which rows are meant; None leaves open. `expectation`: one of the row's reasons begins with it; `since`: set aside then or later."""

    system: str | None = None
    object_name: str | None = None
    state: str | None = "open"
    expectation: str | None = None
    since: datetime | None = None


_COLUMNS = "quarantine_id, load_id, system, object, record_key, reasons, payload, state, opened_at, settled_at, settled_by, note"


def turn_away(connection: Warehouse, obj: SourceObject, load: ledger.Load, failed: Mapping[int, Sequence[Mapping[str, str | None]]]) -> int:
    """Move the load's bad rows and those in `failed` (row number → reasons) to quarantine; how many rows that were.

    In the caller's transaction. Rows of a replay are in quarantine already: they get their new reasons and stay.
    """
    work = WorkTables(load.load_id)
    if failed:
        with connection.cursor() as cursor:
            cursor.execute("create temporary table c360_failed (_row_number bigint, reasons jsonb) on commit drop")
            with cursor.copy("copy c360_failed from stdin") as copy:
                for number, reasons in failed.items():
                    copy.write_row((number, Jsonb([dict(reason) for reason in reasons])))
        connection.execute(
            sql.SQL(
                """with taken as (
                       delete from {rows} t using c360_failed f where f._row_number = t._row_number returning t.*, f.reasons as _reasons)
                   insert into {bad} (_row_number, record_key, row_hash, payload, reasons)
                   select t._row_number, {key}, {hash}, {payload}, t._reasons from taken t"""
            ).format(
                rows=work.rows,
                bad=work.bad,
                key=relations.record_key(obj, "t"),
                hash=relations.landed_hash(obj, "t"),
                payload=relations.payload(obj, "t"),
            )
        )
    if load.kind == "replay":
        return connection.execute(
            sql.SQL(
                "update quarantine.row q set reasons = b.reasons from {} b where q.quarantine_id = b._row_number and q.state = 'open'"
            ).format(work.bad)
        ).rowcount
    return connection.execute(
        sql.SQL(
            """insert into quarantine.row (load_id, system, object, record_key, row_hash, payload, reasons)
               select {load}, {system}, {object}, b.record_key, b.row_hash, b.payload, b.reasons from {bad} b order by b._row_number"""
        ).format(load=sql.Literal(load.load_id), system=sql.Literal(obj.system), object=sql.Literal(obj.name), bad=work.bad)
    ).rowcount


def settle_published(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> int:
    """Settle open rows whose record this load publishes in a version at least as new, or says is gone.

    In the publishing transaction, before the merge.
    """
    open_rows = connection.execute(
        "select exists (select from quarantine.row where system = %s and object = %s and state = 'open')", [obj.system, obj.name]
    ).fetchone()
    if not open_rows or not open_rows[0]:
        return 0
    work = WorkTables(load.load_id)
    is_newer: sql.Composable = sql.SQL("true")
    if obj.extract.cursor is not None:
        text = sql.SQL("q.payload ->> {}").format(sql.Literal(obj.extract.cursor))
        kind = str(ledger.cursor_type(obj))
        is_newer = sql.SQL("case when pg_input_is_valid({0}, {1}) then ({0})::{2} <= {3} else true end").format(
            text,
            sql.Literal(kind),
            sql.SQL(kind),
            relations.column("t", obj.extract.cursor),
        )
    settled = connection.execute(
        sql.SQL(
            """update quarantine.row q
               set state = 'replayed', settled_at = clock_timestamp(), settled_by = {by}, note = coalesce(note, {note})
               from {rows} t
               where q.system = {system} and q.object = {object} and q.state = 'open' and q.record_key = {key} and {is_newer}"""
        ).format(
            by=sql.Literal(f"load {load.load_id}"),
            note=sql.Literal("a version at least as new was published"),
            rows=work.rows,
            system=sql.Literal(obj.system),
            object=sql.Literal(obj.name),
            key=relations.record_key(obj, "t"),
            is_newer=is_newer,
        )
    ).rowcount
    if obj.extract.stream is not None:
        settled += connection.execute(
            sql.SQL(
                """update quarantine.row q
                   set state = 'waived', settled_at = clock_timestamp(), settled_by = {by}, note = coalesce(note, {note})
                   from {landing} l where l._load_id = {load} and l._extra = {mark} and q.load_id < {load}
                     and q.system = {system} and q.object = {object} and q.state = 'open' and q.record_key = {key}"""
            ).format(
                by=sql.Literal(f"load {load.load_id}"),
                note=sql.Literal("the source deleted the record"),
                landing=relations.landing(obj),
                load=sql.Literal(load.load_id),
                mark=sql.Literal(DELETED_MARK),
                system=sql.Literal(obj.system),
                object=sql.Literal(obj.name),
                key=relations.record_key(obj, "l"),
            )
        ).rowcount
    if load.kind == "replay":
        settled += connection.execute(
            sql.SQL(
                """update quarantine.row q
               set state = 'replayed', settled_at = clock_timestamp(), settled_by = {by}, note = coalesce(note, {note})
                   from {landing} l where l._load_id = {load} and q.quarantine_id = l._row_number and q.state = 'open'
                     and not exists (select from {bad} b where b._row_number = l._row_number)"""
            ).format(
                by=sql.Literal(f"load {load.load_id}"),
                note=sql.Literal("replayed"),
                landing=relations.landing(obj),
                load=sql.Literal(load.load_id),
                bad=work.bad,
            )
        ).rowcount
    return settled


_CHOSEN = """(%(system)s::text is null or system = %(system)s) and (%(object)s::text is null or object = %(object)s)
    and (%(state)s::text is null or state = %(state)s) and (%(since)s::timestamptz is null or opened_at >= %(since)s)
    and (%(expectation)s::text is null or exists (
        select from jsonb_array_elements(reasons) as reason where starts_with(reason ->> 'expectation', %(expectation)s)))"""


def _values(chosen: Chosen) -> dict[str, Any]:
    return {
        "system": chosen.system,
        "object": chosen.object_name,
        "state": chosen.state,
        "since": chosen.since,
        "expectation": chosen.expectation,
    }


def listed(connection: Warehouse, chosen: Chosen, *, limit: int = 100) -> list[QuarantinedRow]:
    """The chosen rows, newest first."""
    with connection.cursor(row_factory=class_row(QuarantinedRow)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from quarantine.row where {_CHOSEN} order by quarantine_id desc limit %(limit)s",  # constant column list
            {**_values(chosen), "limit": limit},
        ).fetchall()


def numbers(connection: Warehouse, chosen: Chosen) -> list[int]:
    """Numbers of all chosen rows, oldest first."""
    rows = connection.execute(f"select quarantine_id from quarantine.row where {_CHOSEN} order by quarantine_id", _values(chosen))
    return [int(number) for (number,) in rows]


def count_open(connection: Warehouse, obj: SourceObject) -> int:
    """How many rows of the object wait in quarantine."""
    row = connection.execute(
        "select count(*) from quarantine.row where system = %s and object = %s and state = 'open'", [obj.system, obj.name]
    ).fetchone()
    return int(row[0]) if row else 0


def get(connection: Warehouse, quarantine_id: int) -> QuarantinedRow:
    """One row. Raises UserError if there is none."""
    with connection.cursor(row_factory=class_row(QuarantinedRow)) as cursor:
        row = cursor.execute(
            f"select {_COLUMNS} from quarantine.row where quarantine_id = %s", [quarantine_id]
        ).fetchone()  # constant column list
    if row is None:
        raise UserError(f"there is no quarantined row {quarantine_id}; `customer360 quarantine list` shows them")
    return row


def waive(connection: Warehouse, quarantine_ids: Sequence[int], *, by: str, why: str) -> int:
    """Decide that these open rows are not to be loaded. How many were open. In the caller's transaction."""
    return connection.execute(
        """update quarantine.row set state = 'waived', settled_at = clock_timestamp(), settled_by = %s, note = %s
           where quarantine_id = any(%s) and state = 'open'""",
        [by, why, list(quarantine_ids)],
    ).rowcount


def sign(connection: Warehouse, quarantine_ids: Sequence[int], *, by: str, why: str, corrected: Sequence[str] = ()) -> None:
    """Note who asked for a replay and why, and which fields were corrected; the load settles the rows."""
    connection.execute(
        """with signed as (
               update quarantine.row set note = %(note)s where quarantine_id = any(%(ids)s) and state = 'open' returning quarantine_id)
           insert into quarantine.action (quarantine_id, action, by, why, corrected)
           select quarantine_id, 'asked', %(by)s, %(why)s, %(corrected)s from signed""",
        {"note": f"{by}: {why}", "ids": list(quarantine_ids), "by": by, "why": why, "corrected": list(corrected)},
    )


def trail(connection: Warehouse, quarantine_id: int) -> list[Action]:
    """What was done with a row, oldest first."""
    with connection.cursor(row_factory=class_row(Action)) as cursor:
        return cursor.execute(
            "select at, action, by, why, corrected from quarantine.action where quarantine_id = %s order by action_id", [quarantine_id]
        ).fetchall()
