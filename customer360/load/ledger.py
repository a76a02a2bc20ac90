"""The ledger: who is loading an object now, what a load has come to, how far the object is read. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from customer360.contracts.model import SourceObject
from customer360.errors import UserError
from customer360.load.relations import Warehouse

Kind = Literal["incremental", "full", "sweep", "replay", "backfill"]
State = Literal["extracting", "landed", "gated", "published", "rejected", "held", "abandoned"]

_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows of one load. extracted = published + unchanged + superseded + stale + quarantined, once a load is published.

    published = inserted + updated + deleted. unchanged also counts rows that quarantine already holds as they are (seen
    again by the lookback): there is nothing new about them. quarantined counts the rows this load's gate turned away.
    A key that the source says is gone is one extracted row.
    """

    extracted: int = 0
    published: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    superseded: int = 0
    stale: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One row of ops.load."""

    load_id: int
    system: str
    object: str
    kind: Kind
    state: State
    watermark_from: str | None
    watermark_to: str | None
    since: str | None
    counts: Counts
    attempts: int
    run_url: str | None
    refusal: dict[str, Any] | None = None
    work: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _LedgerRow:
    load_id: int
    system: str
    object: str
    kind: Kind
    state: State
    watermark_from: str | None
    watermark_to: str | None
    since: str | None
    extracted: int
    published: int
    inserted: int
    updated: int
    deleted: int
    unchanged: int
    superseded: int
    stale: int
    quarantined: int
    attempts: int
    run_url: str | None
    refusal: dict[str, Any] | None
    work: dict[str, Any]


COUNTED = ("extracted", "published", "inserted", "updated", "deleted", "unchanged", "superseded", "stale", "quarantined")
_COLUMNS = sql.SQL(
    "load_id, system, object, kind, state, watermark_from, watermark_to, since, extracted, published, inserted, updated, deleted,"
    " unchanged, superseded, stale, quarantined, attempts, run_url, refusal, work"
)


def _load(row: _LedgerRow) -> Load:
    return Load(
        load_id=row.load_id,
        system=row.system,
        object=row.object,
        kind=row.kind,
        state=row.state,
        watermark_from=row.watermark_from,
        watermark_to=row.watermark_to,
        since=row.since,
        counts=Counts(**{name: getattr(row, name) for name in COUNTED}),
        attempts=row.attempts,
        run_url=row.run_url,
        refusal=row.refusal,
        work=row.work,
    )


def _fetch(connection: Warehouse, query: sql.Composed, values: dict[str, Any]) -> Load | None:
    with connection.cursor(row_factory=class_row(_LedgerRow)) as cursor:
        row = cursor.execute(query, values).fetchone()
    return _load(row) if row else None


def take_turn(connection: Warehouse, obj: SourceObject, *, wait_seconds: float, work: Literal["load", "backfill"] = "load") -> bool:
    """Take the object's lock for this kind of work for this session; False if another process holds it and keeps it for `wait_seconds`.

    The server frees it when the session ends, however it ends. A killed process may leave its last statement running for
    a moment; that is what the wait is for.
    """
    key = f"{work}:{obj.full_name}"
    with connection.transaction():
        connection.execute("select set_config('lock_timeout', %s, true)", [f"{max(int(wait_seconds * 1000), 1)}ms"])
        try:
            with connection.transaction():
                connection.execute("select pg_advisory_lock(hashtextextended(%s, 361))", [key])
        except psycopg.errors.LockNotAvailable:
            return False
    return True


def give_turn(connection: Warehouse, obj: SourceObject) -> None:
    """Give the object's lock back."""
    connection.execute("select pg_advisory_unlock(hashtextextended(%s, 361))", [f"load:{obj.full_name}"])


def find(connection: Warehouse, load_id: int) -> Load:
    """The load with that id; KeyError if there is none."""
    found = _fetch(connection, sql.SQL("select {} from ops.load where load_id = %(load_id)s").format(_COLUMNS), {"load_id": load_id})
    if found is None:
        raise KeyError(f"there is no load {load_id}")
    return found


def find_open(connection: Warehouse, obj: SourceObject) -> Load | None:
    """The object's load that is not over: an earlier run was stopped, or the source was down."""
    return _fetch(
        connection,
        sql.SQL(
            "select {} from ops.load where system = %(system)s and object = %(object)s and state in ('extracting', 'landed', 'gated')"
        ).format(_COLUMNS),
        {"system": obj.system, "object": obj.name},
    )


def find_held(connection: Warehouse, obj: SourceObject) -> Load | None:
    """The object's load that was refused and waits for somebody's decision."""
    return _fetch(
        connection,
        sql.SQL("select {} from ops.load where system = %(system)s and object = %(object)s and state = 'held' order by load_id").format(
            _COLUMNS
        ),
        {"system": obj.system, "object": obj.name},
    )


def list_held(connection: Warehouse) -> list[Load]:
    """All loads that wait for somebody's decision, oldest first."""
    with connection.cursor(row_factory=class_row(_LedgerRow)) as cursor:
        return [
            _load(row) for row in cursor.execute(sql.SQL("select {} from ops.load where state = 'held' order by load_id").format(_COLUMNS))
        ]


def settle_held(connection: Warehouse, load: Load, *, state: Literal["landed", "abandoned"], by: str, why: str) -> Load:
    """Take a held load up again (`landed`: judged anew) or give it up, with who decided and why."""
    again = state == "landed"
    if again:
        load = go_back(connection, load, to="landed")
    settled = _fetch(
        connection,
        sql.SQL(
            """update ops.load set state = %(state)s, settled_by = %(by)s, settled_why = %(why)s,
                      refusal = case when %(again)s then null else refusal end,
                      attempts = attempts + %(again)s::integer, finished_at = case when %(again)s then null else clock_timestamp() end
               where load_id = %(load_id)s returning {}"""
        ).format(_COLUMNS),
        {"load_id": load.load_id, "state": state, "by": by, "why": why, "again": again},
    )
    return cast(Load, settled)


def start(connection: Warehouse, obj: SourceObject, *, kind: Kind, since: str | None = None, run_url: str | None = None) -> Load:
    """Open a load. The caller holds the object's lock and has seen that none is open."""
    started = _fetch(
        connection,
        sql.SQL(
            """insert into ops.load (system, object, kind, since, run_url, watermark_from)
               values (%(system)s, %(object)s, %(kind)s, %(since)s, %(run_url)s,
                       (select cursor_value from ops.watermark where system = %(system)s and object = %(object)s))
               returning {}"""
        ).format(_COLUMNS),
        {"system": obj.system, "object": obj.name, "kind": kind, "since": since, "run_url": run_url},
    )
    return cast(Load, started)


def resume(connection: Warehouse, load: Load, *, kind: Kind | None = None, since: str | None = None, run_url: str | None = None) -> Load:
    """Another attempt at an open load; one that has not landed yet takes the new request's kind and bound."""
    resumed = _fetch(
        connection,
        sql.SQL(
            """update ops.load set attempts = attempts + 1, run_url = coalesce(%(run_url)s, run_url), error = null,
                      kind = coalesce(%(kind)s, kind), since = case when %(kind)s::text is null then since else %(since)s end
               where load_id = %(load_id)s returning {}"""
        ).format(_COLUMNS),
        {"load_id": load.load_id, "kind": kind, "since": since, "run_url": run_url},
    )
    return cast(Load, resumed)


def note(
    connection: Warehouse,
    load: Load,
    *,
    state: State | None = None,
    work: dict[str, Any] | None = None,
    forget: tuple[str, ...] = (),
    watermark_to: str | None = None,
    refusal: dict[str, Any] | None = None,
    error: str | None = None,
    **counts: int,
) -> Load:
    """Write what a step has come to; `counts` are added to the load's figures, `work` merged into its notes."""
    sums: list[sql.Composable] = [
        sql.SQL("{0} = {0} + {1}").format(sql.Identifier(name), sql.Literal(number)) for name, number in counts.items() if number
    ]
    if state is not None:
        moment = {"landed": "landed_at", "gated": "gated_at"}.get(state, "finished_at" if state != "extracting" else None)
        sums.append(sql.SQL("state = {}").format(sql.Literal(state)))
        if moment:
            sums.append(sql.SQL("{} = clock_timestamp()").format(sql.Identifier(moment)))
    sums.append(sql.SQL("work = (work || %(work)s) - %(forget)s::text[]"))
    texts = {name: value for name, value in (("watermark_to", watermark_to), ("error", error)) if value is not None}
    sums += [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in texts]
    if refusal is not None:
        sums.append(sql.SQL("refusal = %(refusal)s"))
    noted = _fetch(
        connection,
        sql.SQL("update ops.load set {} where load_id = %(load_id)s returning {}").format(sql.SQL(", ").join(sums), _COLUMNS),
        {"load_id": load.load_id, "work": Jsonb(work or {}), "forget": list(forget), "refusal": Jsonb(refusal), **texts},
    )
    return cast(Load, noted)


def go_back(connection: Warehouse, load: Load, *, to: Literal["extracting", "landed"]) -> Load:
    """Rows are lost (unlogged tables are empty after a crash of the server): do the steps since `to` again."""
    keep = {k: v for k, v in load.work.items() if k not in ("diffed", "is_first")} if to == "landed" else {}
    again = _fetch(
        connection,
        sql.SQL(
            """update ops.load set state = %(state)s, work = %(work)s, watermark_to = null, extracted = %(extracted)s,
                      landed_at = case when %(state)s = 'landed' then landed_at end, gated_at = null,
                      unchanged = 0, superseded = 0, stale = 0, quarantined = 0
               where load_id = %(load_id)s returning {}"""
        ).format(_COLUMNS),
        {"load_id": load.load_id, "state": to, "work": Jsonb(keep), "extracted": keep.get("landed", 0)},
    )
    connection.execute("delete from quarantine.row where load_id = %s", [load.load_id])
    connection.execute("delete from ops.gate_result where load_id = %s", [load.load_id])
    return cast(Load, again)


def cursor_text(obj: SourceObject, value: sql.Composable) -> sql.Composable:
    """The cursor as the ledger keeps it: times as ISO 8601 in UTC, the rest as PostgreSQL writes it."""
    if cursor_type(obj) == "timestamptz":
        return sql.SQL("to_char({} at time zone 'UTC', {})").format(value, sql.Literal(_ISO))
    return sql.SQL("{}::text").format(value)


def cursor_type(obj: SourceObject) -> str | None:
    """SQL type of the cursor field; None for objects without one."""
    return obj.field(obj.extract.cursor).sql_type if obj.extract.cursor else None


def as_cursor(connection: Warehouse, obj: SourceObject, value: str) -> str:
    """A value of the cursor, given in any spelling PostgreSQL takes, as the ledger keeps it."""
    typed = sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(cursor_type(obj) or "text"))
    row = connection.execute(sql.SQL("select {}").format(cursor_text(obj, typed))).fetchone()
    return str(row[0]) if row else value


def lower_bound(connection: Warehouse, obj: SourceObject, load: Load) -> str | None:
    """From where to read: watermark − lookback, or an earlier `since`; None for everything.

    A `since` later than that would leave a gap behind the moving watermark, so it counts on a first load alone.
    Raises UserError for a `since` that is no value of the cursor.
    """
    kind = cursor_type(obj)
    if kind is None:
        if load.since is not None:
            raise UserError(f"{obj.full_name} has no cursor, so --since means nothing; leave it out, or name a cursor in the contract")
        return None
    if load.since is not None:
        valid = connection.execute("select pg_input_is_valid(%s, %s)", [load.since, kind]).fetchone()
        if not valid or not valid[0]:
            raise UserError(f"--since {load.since!r} is no {kind}, which the cursor {obj.full_name}.{obj.extract.cursor} is")
    if load.kind == "full":
        return None
    type_ = sql.SQL(kind)
    back = {"timestamptz": " - %(lookback)s", "date": " - ceil(extract(epoch from %(lookback)s::interval) / 86400)::integer"}.get(kind, "")
    bound = sql.SQL("least(%(since)s::{0}, %(watermark)s::{0}{1})").format(type_, sql.SQL(back))
    row = connection.execute(
        sql.SQL("select {}").format(cursor_text(obj, bound)),
        {"since": load.since, "watermark": load.watermark_from, "lookback": obj.extract.lookback},
    ).fetchone()
    return cast("str | None", row[0]) if row else None


def move_watermark(connection: Warehouse, obj: SourceObject, load: Load) -> None:
    """Raise the object's watermark to the greatest cursor landed; it never goes back. A replay or backfill does not move it."""
    if load.watermark_to is None or load.kind in ("replay", "sweep", "backfill"):
        return
    connection.execute(
        sql.SQL(
            """insert into ops.watermark as w (system, object, cursor_value, load_id) values (%s, %s, %s, %s)
               on conflict (system, object) do update
               set cursor_value = excluded.cursor_value, load_id = excluded.load_id, moved_at = clock_timestamp()
               where excluded.cursor_value::{0} > w.cursor_value::{0}"""
        ).format(sql.SQL(str(cursor_type(obj)))),
        [obj.system, obj.name, load.watermark_to, load.load_id],
    )
