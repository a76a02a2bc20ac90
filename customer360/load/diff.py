"""Diff: rows that change nothing leave the load before it is judged.

Set aside    no key, no cursor, or a cursor that lies in the future (it would move the watermark past everything to come)
Superseded   an older version of a key in the same load: the order is cursor, then sequence; sequence alone in a load that
             tells deletions, because such a source tells everything in order
             A truncation supersedes all that came before it; itself it stands for the keys that raw then still holds alive
Stale        older than what raw holds, by its cursor; for a backfill also by the load that published it
Unchanged    equal to what raw holds, or a version that quarantine holds or has dealt with

Undeclared fields count as part of a row: raw is to hold what the source holds, so a change in them is a change.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse, WorkTables

FUTURE_TOLERANCE = "1 day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What a load has left after the diff: rows to judge, rows already found bad, keys to bury."""

    rows: int
    bad: int
    gone: int

    @property
    def is_nothing(self) -> bool:
        """Whether the load changes nothing at all."""
        return not (self.rows or self.bad or self.gone)


def diff(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> ledger.Load:
    """Let the rows that change nothing leave. In the caller's transaction, which the ledger's figures share."""
    work = WorkTables(load.load_id)
    watermark_to = _set_aside_unusable(connection, obj, work)
    reach("diffing")
    is_first = relations.raw_is_empty(connection, obj)
    by_key = relations.is_looked_up(connection, obj, rows=load.counts.extracted)
    if not is_first and not by_key:  # left to itself, the planner hashes all of raw to look up a few rows, unless it has figures
        connection.execute(sql.SQL("analyze {} ({})").format(work.rows, relations.comma(map(sql.Identifier, obj.key))))
    truncated = _leave_truncated(connection, obj, work)
    superseded = truncated + (0 if load.work.get("key_is_unique") else _leave_superseded(connection, obj, work))
    is_whole = truncated or load.work.get("whole")
    found_gone = _absent_keys(connection, obj, work) if is_whole and not is_first else 0
    if is_first:
        unchanged, stale = _delete(connection, sql.SQL("delete from {}").format(work.gone)), 0
    else:
        with relations.looking_up(connection, by_key=by_key):
            unchanged, stale = _leave_known(connection, obj, work, published_before=load.work.get("published_before"))
    if load.kind != "replay":
        unchanged += _leave_quarantined(connection, obj, work)
    noted = ledger.note(
        connection,
        load,
        work={"diffed": True, "is_first": is_first},
        watermark_to=watermark_to,
        extracted=found_gone,
        superseded=superseded,
        unchanged=unchanged,
        stale=stale,
    )
    reach("diffed")
    return noted


def remaining(connection: Warehouse, load: ledger.Load) -> Remaining:
    """What the load has left."""
    work = WorkTables(load.load_id)
    return Remaining(rows=_count(connection, work.rows), bad=_count(connection, work.bad), gone=_count(connection, work.gone))


def _count(connection: Warehouse, table: sql.Identifier) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
    return int(row[0]) if row else 0


def _set_aside_unusable(connection: Warehouse, obj: SourceObject, work: WorkTables) -> str | None:
    """Move rows without key or usable cursor to the bad ones; the greatest cursor of the others is the new watermark."""
    conditions = [("key", sql.SQL("({})").format(relations.key_is_null(obj, "t")), "has no key")]
    greatest: sql.Composable = sql.SQL("null")
    if obj.extract.cursor is not None:
        cursor = relations.column("t", obj.extract.cursor)
        conditions.append(("cursor", sql.SQL("{} is null").format(cursor), "has no cursor value"))
        usable: sql.Composable = sql.SQL("true")
        if ledger.cursor_type(obj) in ("timestamptz", "date"):
            ahead = sql.SQL("coalesce({} > now() + interval {}, false)").format(cursor, sql.Literal(FUTURE_TOLERANCE))
            conditions.append(("cursor_not_ahead", ahead, f"cursor lies more than {FUTURE_TOLERANCE} in the future"))
            usable = sql.SQL("not {}").format(ahead)
        greatest = ledger.cursor_text(obj, sql.SQL("max({}) filter (where {})").format(cursor, usable))
    any_fault = sql.SQL(" or ").join(condition for _, condition, _ in conditions)
    row = connection.execute(sql.SQL("select {}, count(*) filter (where {}) from {} t").format(greatest, any_fault, work.rows)).fetchone()
    watermark, unusable = row if row else (None, 0)
    if unusable:
        column = {"key": obj.key[0]}
        faults = relations.comma(
            sql.SQL("({}, {}, {}, {})").format(
                sql.Literal(f"{name}({column.get(name, obj.extract.cursor)})"),
                sql.Literal(column.get(name, obj.extract.cursor)),
                sql.Literal(why),
                condition,
            )
            for name, condition, why in conditions
        )
        connection.execute(
            sql.SQL(
                """with taken as (delete from {rows} t where {any_fault} returning t.*)
                   insert into {bad} (_row_number, record_key, row_hash, payload, reasons)
                   select t._row_number, {key}, {hash}, {payload},
                          (select jsonb_agg(jsonb_build_object('expectation', v.expectation, 'column', v.field, 'reason', v.reason))
                           from (values {faults}) v(expectation, field, reason, applies) where v.applies)
                   from taken t"""
            ).format(
                rows=work.rows,
                bad=work.bad,
                any_fault=any_fault,
                key=relations.record_key(obj, "t"),
                hash=relations.landed_hash(obj, "t"),
                payload=relations.payload(obj, "t"),
                faults=faults,
            )
        )
    return None if watermark is None else str(watermark)


def _leave_truncated(connection: Warehouse, obj: SourceObject, work: WorkTables) -> int:
    """Everything before the last truncation, and its mark, which is a deletion of no key. 0 where there is none."""
    row = connection.execute(
        sql.SQL("select max(_row_number) from {} g where {}").format(work.gone, relations.key_is_null(obj, "g"))
    ).fetchone()
    if row is None or row[0] is None:
        return 0
    return sum(
        _delete(connection, sql.SQL("delete from {} where _row_number <= {}").format(table, sql.Literal(row[0])))
        for table in (work.rows, work.bad, work.gone)
    )


def _absent_keys(connection: Warehouse, obj: SourceObject, work: WorkTables) -> int:
    """A snapshot holds everything: keys that raw has alive and the snapshot lacks are gone. A bad row is still a row."""
    return connection.execute(
        sql.SQL(
            """insert into {gone} (_row_number, {names}) select null, {keys} from {raw} r
               where not r._is_deleted
                 and not exists (select from {rows} t where {same})
                 and not exists (select from {gone} g where {same_gone})
                 and not exists (select from {bad} b where b.record_key = {record_key})"""
        ).format(
            gone=work.gone,
            names=relations.comma(map(sql.Identifier, obj.key)),
            keys=relations.key_columns(obj, "r"),
            raw=relations.raw(obj),
            rows=work.rows,
            same=relations.same_key(obj, "t", "r"),
            same_gone=relations.same_key(obj, "g", "r"),
            bad=work.bad,
            record_key=relations.record_key(obj, "r"),
        )
    ).rowcount


def _leave_superseded(connection: Warehouse, obj: SourceObject, work: WorkTables) -> int:
    """Only the newest version of a key stays; only one of several identical bad rows, and none that was deleted afterwards."""
    tells_deletions = _count(connection, work.gone) > 0
    order: sql.Composable = sql.SQL("_row_number desc")
    if obj.extract.cursor is not None and not tells_deletions:
        order = sql.SQL("{} desc, _row_number desc").format(sql.Identifier(obj.extract.cursor))
    key = relations.comma(map(sql.Identifier, obj.key))
    # Only the keys that come more than once are put in order: to find them takes a third of the time to order all. What is deleted is
    # named by its place, as looking for its number would read the whole table once more.
    superseded = _delete(
        connection,
        sql.SQL(
            """delete from {rows} where ctid = any (array(
                   select place
                   from (select ctid as place, row_number() over (partition by {key} order by {order}) as rank
                         from {rows} where ({key}) in (select {key} from {rows} group by {key} having count(*) > 1)) ranked
                   where rank > 1))"""
        ).format(rows=work.rows, key=key, order=order),
    )
    superseded += _delete(
        connection,
        sql.SQL("delete from {0} b using {0} later where later.row_hash = b.row_hash and later._row_number > b._row_number").format(
            work.bad
        ),
    )
    if tells_deletions:
        row_and_gone = relations.same_key(obj, "t", "g")
        superseded += _delete(
            connection,
            sql.SQL("delete from {} t using {} g where {} and g._row_number > t._row_number").format(work.rows, work.gone, row_and_gone),
        )
        superseded += _delete(
            connection,
            sql.SQL(
                """delete from {gone} g where exists (select from {rows} t where {same} and t._row_number > g._row_number)
                   or exists (select from {gone} later where {same_later} and later._row_number > g._row_number)"""
            ).format(gone=work.gone, rows=work.rows, same=row_and_gone, same_later=relations.same_key(obj, "later", "g")),
        )
        superseded += _delete(
            connection,
            sql.SQL("delete from {} b using {} g where b.record_key = {} and g._row_number > b._row_number").format(
                work.bad, work.gone, relations.record_key(obj, "g")
            ),
        )
    return superseded


def _leave_known(connection: Warehouse, obj: SourceObject, work: WorkTables, *, published_before: int | None) -> tuple[int, int]:
    """Unchanged and stale rows, compared with raw. A tombstone equals its row only if the row says deleted as well.

    `published_before`: what was read before that load was over is older than anything a later load published (a backfill).
    """
    older: sql.Composable = sql.SQL("false")
    if obj.extract.cursor is not None:
        older = sql.SQL("{} < {}").format(relations.column("t", obj.extract.cursor), relations.column("r", obj.extract.cursor))
    stale = 0
    if published_before is not None:
        later = sql.SQL("r._load_id > {}").format(sql.Literal(published_before))
        older = sql.SQL("({} or ({} and r._row_hash <> t._row_hash))").format(older, later)
        stale = _delete(
            connection,
            sql.SQL("delete from {} g using {} r where {} and {}").format(
                work.gone, relations.raw(obj), relations.same_key(obj, "g", "r"), later
            ),
        )
    row = connection.execute(
        sql.SQL(
            """with known as (
                   delete from {rows} t using {raw} r
                   where {same} and ({older} or (r._row_hash = t._row_hash and r._is_deleted = t._is_deleted))
                   returning {older} as is_stale)
               select count(*) filter (where not is_stale), count(*) filter (where is_stale) from known"""
        ).format(
            rows=work.rows,
            raw=relations.raw(obj),
            same=relations.same_key(obj, "t", "r"),
            older=older,
        )
    ).fetchone()
    unchanged, stale = (int(row[0]), stale + int(row[1])) if row else (0, stale)
    unchanged += _delete(
        connection,
        sql.SQL("delete from {} g where not exists (select from {} r where {} and not r._is_deleted)").format(
            work.gone, relations.raw(obj), relations.same_key(obj, "r", "g")
        ),
    )
    return unchanged, stale


def _leave_quarantined(connection: Warehouse, obj: SourceObject, work: WorkTables) -> int:
    """Rows that quarantine holds exactly as they are.

    One that was settled by a replay counts as well, where its cursor shows that it is the very same version: the source still
    holds the mistake that was corrected here.
    """
    replayed: sql.Composable = sql.SQL("false")
    if obj.extract.cursor is not None:
        replayed = sql.SQL("q.payload ->> {} is not null").format(sql.Literal(obj.extract.cursor))
    of_object = sql.SQL("q.system = {} and q.object = {} and (q.state <> 'replayed' or {})").format(
        sql.Literal(obj.system), sql.Literal(obj.name), replayed
    )
    holds_any = connection.execute(sql.SQL("select exists (select from quarantine.row q where {})").format(of_object)).fetchone()
    if not holds_any or not holds_any[0]:
        return 0
    left = _delete(
        connection,
        sql.SQL("delete from {} t using quarantine.row q where {} and q.record_key = {} and q.row_hash = {}").format(
            work.rows, of_object, relations.record_key(obj, "t"), relations.landed_hash(obj, "t")
        ),
    )
    return left + _delete(
        connection, sql.SQL("delete from {} b using quarantine.row q where {} and q.row_hash = b.row_hash").format(work.bad, of_object)
    )


def _delete(connection: Warehouse, statement: sql.Composed) -> int:
    return connection.execute(statement).rowcount
