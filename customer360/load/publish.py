"""Publish: one transaction merges a load into raw, keeps what it replaces, moves the watermark and closes the ledger row.

The change log comes last, under a lock that readers of the log do not need: its sequence then follows the order of commits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import landing, ledger, quarantine, raw_indexes, relations
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse, WorkTables
from customer360.warehouse import tables

_META = ("_load_id", "_row_hash", "_is_deleted", "_deleted_at", "_first_seen_at", "_published_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did to raw."""

    inserted: int
    updated: int
    deleted: int


def merge(connection: Warehouse, obj: SourceObject, load: ledger.Load, *, has_rows: bool) -> Merged:
    """Merge a load into raw and settle what waited in quarantine for it, as a part of publishing it. In the caller's transaction."""
    reach("publishing")
    if has_rows or load.kind == "replay" or (obj.extract.stream is not None and load.counts.extracted):
        quarantine.settle_published(connection, obj, load)
    if not has_rows:
        return Merged(inserted=0, updated=0, deleted=0)
    if load.work.get("is_first"):
        return Merged(inserted=_publish_first(connection, obj, load), updated=0, deleted=0)
    return _merge(connection, obj, load)


def publish(connection: Warehouse, obj: SourceObject, load: ledger.Load, merged: Merged, *, before_log: Callable[[], None]) -> ledger.Load:
    """Publish a load that has passed its gate and is merged, or close one that changes nothing. In the transaction of the merge.

    `before_log` may write what belongs to the same transaction; the change log stays the last.
    """
    reach("merged")
    ledger.move_watermark(connection, obj, load)
    reach("watermark_moved")
    landing.discard(connection, obj, load)
    published = merged.inserted + merged.updated + merged.deleted
    closed = ledger.note(
        connection,
        load,
        state="published",
        published=published,
        inserted=merged.inserted,
        updated=merged.updated,
        deleted=merged.deleted,
    )
    before_log()
    if published:
        _log_change(connection, obj, load, published)
        reach("change_logged")
    return closed


def _log_change(connection: Warehouse, obj: SourceObject, load: ledger.Load, rows: int) -> None:
    connection.execute("lock table ops.change in share row exclusive mode")
    connection.execute(
        "insert into ops.change (load_id, system, object, rows) values (%s, %s, %s, %s)", [load.load_id, obj.system, obj.name, rows]
    )


def _new_rows(obj: SourceObject, load: ledger.Load, work: WorkTables) -> tuple[sql.Composed, sql.Composed]:
    """The columns of raw, and the select that makes its rows from the load's."""
    names = [*(f.name for f in obj.fields), "_extra", *_META]
    values = [
        *relations.field_columns(obj, "t"),
        sql.Literal(load.load_id),
        sql.SQL("t._row_hash"),
        sql.SQL("t._is_deleted"),
        sql.SQL("case when t._is_deleted then now() end"),
        sql.SQL("now()"),
        sql.SQL("now()"),
    ]
    return (
        relations.comma(map(sql.Identifier, names)),
        sql.SQL("select {} from {} t").format(relations.comma(values), work.rows),
    )


def _publish_first(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> int:
    if not raw_indexes.are_made_after(connection, obj, load):
        return _insert_first(connection, obj, load)
    indexes = raw_indexes.of(connection, relations.raw(obj))
    if load.work.get("to_become_raw"):
        published = _become_raw(connection, obj, load)
    else:
        raw_indexes.drop(connection, obj, indexes)
        published = _insert_first(connection, obj, load)
    raw_indexes.make(connection, obj, indexes)
    tables.ensure(connection, obj)  # the grants of a table that became raw
    return published


def _insert_first(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> int:
    columns, rows = _new_rows(obj, load, WorkTables(load.load_id))
    return connection.execute(sql.SQL("insert into {} ({}) {}").format(relations.raw(obj), columns, rows)).rowcount


def _become_raw(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> int:
    """Make the load's table raw's table. Columns that are the same for all rows are added as constants, which writes no row."""
    work = WorkTables(load.load_id)
    raw, moved = relations.raw(obj), sql.Identifier("raw", work.rows_name)
    described = connection.execute("select obj_description(%s::regclass, 'pg_class'), now()::text", [f"raw.{obj.table}"]).fetchone()
    comment, now = described if described else (None, None)
    constants = {"_load_id": load.load_id, "_first_seen_at": now, "_published_at": now}
    changes: list[sql.Composable] = [sql.SQL("drop column _row_number"), sql.SQL("add column _deleted_at timestamptz")]
    changes += [sql.SQL("alter column {} drop expression").format(sql.Identifier(name)) for name in ("_row_hash", "_is_deleted")]
    connection.execute(sql.SQL("drop table {}").format(raw))
    connection.execute(sql.SQL("alter table {} {}, reset (autovacuum_enabled)").format(work.rows, relations.comma(changes)))
    added = [
        sql.SQL("add column if not exists {} {} default {}").format(
            sql.Identifier(name), sql.SQL(tables.RAW_COLUMNS[name]), sql.Literal(value)
        )
        for name, value in constants.items()
    ]
    connection.execute(sql.SQL("alter table {} {}").format(work.rows, relations.comma(added)))
    settled: list[sql.Composable] = [sql.SQL("alter column {} drop default").format(sql.Identifier(name)) for name in constants]
    settled.append(sql.SQL("alter column _is_deleted set default false"))
    connection.execute(sql.SQL("alter table {} {}").format(work.rows, relations.comma(settled)))
    if obj.extract.deletes.flag is not None:
        connection.execute(sql.SQL("update {} set _deleted_at = now() where _is_deleted").format(work.rows))
    connection.execute(sql.SQL("alter table {} set schema raw").format(work.rows))
    connection.execute(sql.SQL("alter table {} rename to {}").format(moved, sql.Identifier(obj.table)))
    connection.execute(sql.SQL("comment on table {} is {}").format(raw, sql.Literal(comment)))
    left = load.counts.unchanged + load.counts.superseded + load.counts.stale + load.counts.quarantined
    return load.counts.extracted - left


def _merge(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> Merged:
    """Update what raw holds, then insert the rest: a third less work than an upsert, which looks each key up and locks its row first."""
    kept = _columns_kept(connection, obj)
    by_key = relations.is_looked_up(connection, obj, rows=load.counts.extracted)
    with relations.looking_up(connection, by_key=by_key):
        updated, deleted = _update(connection, obj, load, kept)
        inserted = _insert(connection, obj, load, updated=updated + deleted)
    return Merged(inserted=inserted, updated=updated, deleted=deleted + _bury(connection, obj, load, kept))


def _update(connection: Warehouse, obj: SourceObject, load: ledger.Load, kept: list[sql.Identifier]) -> tuple[int, int]:
    """Give raw's rows the load's values, and history the versions they replace. How many were updated, and how many deleted by it."""
    columns = [*(f.name for f in obj.fields if f.name not in obj.key), "_extra", "_row_hash", "_is_deleted"]
    row = connection.execute(
        sql.SQL(
            """with merged as (
                   update {raw} r set {columns}, _load_id = {load}, _published_at = now(),
                          _deleted_at = case when t._is_deleted then coalesce(r._deleted_at, now()) end
                   from {rows} t where {same}
                   returning {old}, new._is_deleted as now_deleted),
               kept as (
                   insert into {history} ({kept}, _replaced_at, _replaced_by_load_id) select {kept}, now(), {load} from merged)
               select count(*), count(*) filter (where now_deleted and not _is_deleted) from merged"""
        ).format(
            raw=relations.raw(obj),
            columns=relations.comma(sql.SQL("{0} = t.{0}").format(sql.Identifier(name)) for name in columns),
            rows=WorkTables(load.load_id).rows,
            same=relations.same_key(obj, "t", "r"),
            old=relations.comma(sql.SQL("old.{0} as {0}").format(name) for name in kept),
            history=sql.Identifier("raw_history", obj.table),
            kept=relations.comma(kept),
            load=sql.Literal(load.load_id),
        )
    ).fetchone()
    touched, deleted = (int(n) for n in row) if row else (0, 0)
    return touched - deleted, deleted


def _insert(connection: Warehouse, obj: SourceObject, load: ledger.Load, *, updated: int) -> int:
    """Insert the load's rows that raw does not hold; `updated` of them it does."""
    work = WorkTables(load.load_id)
    counted = connection.execute(sql.SQL("select count(*) from {}").format(work.rows)).fetchone()
    if counted is None or counted[0] == updated:
        return 0
    columns, rows = _new_rows(obj, load, work)
    statement = sql.SQL("insert into {} ({}) {}").format(relations.raw(obj), columns, rows)
    if updated:
        held = sql.SQL("select from {} r where {}").format(relations.raw(obj), relations.same_key(obj, "t", "r"))
        statement = sql.SQL("{} where not exists ({})").format(statement, held)
    return connection.execute(statement).rowcount


def _bury(connection: Warehouse, obj: SourceObject, load: ledger.Load, kept: list[sql.Identifier]) -> int:
    """Keys the source says are gone become tombstones that keep the last values."""
    work = WorkTables(load.load_id)
    return connection.execute(
        sql.SQL(
            """with buried as (
                   update {raw} r set _is_deleted = true, _deleted_at = now(), _load_id = {load}, _published_at = now()
                   from {gone} g where {same} and not r._is_deleted
                   returning {old})
               insert into {history} ({kept}, _replaced_at, _replaced_by_load_id) select {kept}, now(), {load} from buried"""
        ).format(
            raw=relations.raw(obj),
            gone=work.gone,
            same=relations.same_key(obj, "g", "r"),
            old=relations.comma(sql.SQL("old.{0} as {0}").format(name) for name in kept),
            history=sql.Identifier("raw_history", obj.table),
            kept=relations.comma(kept),
            load=sql.Literal(load.load_id),
        )
    ).rowcount


def _columns_kept(connection: Warehouse, obj: SourceObject) -> list[sql.Identifier]:
    """All columns of raw that history has as well: also those the contract has dropped since."""
    found = connection.execute(
        """select a.attname from pg_attribute a join pg_attribute h on h.attname = a.attname
           where a.attrelid = %s::regclass and h.attrelid = %s::regclass and a.attnum > 0 and h.attnum > 0
             and not a.attisdropped and not h.attisdropped order by a.attnum""",
        [f"raw.{obj.table}", f"raw_history.{obj.table}"],
    )
    return [sql.Identifier(str(name)) for (name,) in found]
