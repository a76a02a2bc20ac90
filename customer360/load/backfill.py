"""Backfills in landing: what was read again waits there, apart from everything else, and is loaded in turns.

A backfill's rows wait with `_load_id` −(its id). Reading them and noting how far is one transaction; so is each load's taking over of
some. Three rules keep older from overwriting newer, whatever the object's cursor can say:

- of a key that was read in several versions only the newest waits;
- an archived version does not wait where raw holds one that a later load published;
- of what waits, a row is stale where raw holds one from a load that was not over when it was read (see `diff`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from psycopg import sql
from psycopg.rows import class_row

from customer360.contracts.model import SourceObject
from customer360.errors import UserError
from customer360.extract.protocol import CopyBytes, Deleted, MissingFields, Part, Reject, Rows
from customer360.load import copying, ledger, relations, stream
from customer360.load.convert import fits
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse

Origin = Literal["source", "archive"]
ALL_READ = "source"
"""`place` of a backfill from the source once everything is in landing."""

ROWS_PER_TURN = 50_000
"""Rows of one load: a live run gets its turn after each."""

_ASIDE = "c360_backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """One row of ops.backfill. `since` is inclusive, `until` exclusive; None for no bound."""

    backfill_id: int
    system: str
    object: str
    origin: Origin
    since: str | None
    until: str | None
    state: str
    place: str | None
    published_before: int
    rows_read: int
    rows_outside: int
    rows_older: int


_COLUMNS = sql.SQL("backfill_id, system, object, origin, since, until, state, place, published_before, rows_read, rows_outside, rows_older")


def find_open(connection: Warehouse, obj: SourceObject) -> Backfill | None:
    """The object's backfill that is not over."""
    return _fetch(
        connection,
        sql.SQL("select {} from ops.backfill where system = %(system)s and object = %(object)s and state = 'open'").format(_COLUMNS),
        {"system": obj.system, "object": obj.name},
    )


def begin(connection: Warehouse, obj: SourceObject, *, origin: Origin, since: str | None, until: str | None) -> Backfill:
    """Open a backfill; the caller has seen that none is open. Raises UserError for a bound that is no value of what it bounds."""
    kind = window_type(obj)
    for name, value in (("--since", since), ("--until", until)):
        valid = value is None or connection.execute("select pg_input_is_valid(%s, %s)", [value, kind]).fetchone()
        if valid is not True and not (valid and valid[0]):
            raise UserError(f"{name} {value!r} is no {kind}, which the window of {obj.full_name} is in")
    made = _fetch(
        connection,
        sql.SQL(
            """insert into ops.backfill (system, object, origin, since, until)
               values (%(system)s, %(object)s, %(origin)s, %(since)s, %(until)s) returning {}"""
        ).format(_COLUMNS),
        {"system": obj.system, "object": obj.name, "origin": origin, "since": since, "until": until},
    )
    return cast(Backfill, made)


def close(connection: Warehouse, obj: SourceObject, backfill: Backfill, *, state: Literal["done", "refused", "cancelled"]) -> None:
    """It is over; what still waits is dropped."""
    with connection.transaction():
        connection.execute(sql.SQL("delete from {} where _load_id = %s").format(relations.landing(obj)), [-backfill.backfill_id])
        connection.execute(
            "update ops.backfill set state = %s, finished_at = clock_timestamp() where backfill_id = %s", [state, backfill.backfill_id]
        )


def window_type(obj: SourceObject) -> str:
    """SQL type of a window's bounds: the cursor's, or a moment of publication where the object has none."""
    return ledger.cursor_type(obj) or "timestamptz"


def count_waiting(connection: Warehouse, obj: SourceObject, backfill: Backfill) -> int:
    """Rows that were read and not loaded yet."""
    return stream.count_waiting(connection, obj, waiting=-backfill.backfill_id)


def last_over(connection: Warehouse, obj: SourceObject) -> int:
    """The newest load of the object that is over: what later ones publish is newer than anything read from now on."""
    row = connection.execute(
        """select coalesce(min(load_id) filter (where state in ('extracting', 'landed', 'gated')) - 1, max(load_id), 0)
           from ops.load where system = %s and object = %s""",
        [obj.system, obj.name],
    ).fetchone()
    return int(row[0]) if row else 0


# ------------------------------------------------------------------------------------------------- reading
def read_source(
    connection: Warehouse, obj: SourceObject, backfill: Backfill, parts: Iterable[Part], *, progress: Callable[[int], None]
) -> Backfill:
    """Everything the reader yields waits, as far as it lies in the window. One transaction. Raises UserError where fields are missing."""
    waiting = -backfill.backfill_id
    before = last_over(connection, obj)
    with connection.transaction():
        connection.execute(sql.SQL("delete from {} where _load_id = %s").format(relations.landing(obj)), [waiting])
        rows = _land_parts(connection, obj, waiting, parts, progress=progress)
        outside = _leave_outside(connection, obj, backfill)
        older = _leave_older_versions(connection, obj, waiting) if obj.extract.cursor is None else 0
        noted = _note_read(connection, backfill, place=ALL_READ, before=before, rows=rows, outside=outside, older=older)
        reach("backfill_reading")
    reach("backfill_read")
    return noted


def read_archived(
    connection: Warehouse,
    obj: SourceObject,
    backfill: Backfill,
    batches: Iterable[Iterable[tuple[Any, ...]]],
    *,
    columns: list[str],
    place: str,
) -> Backfill:
    """One file of the archive waits: rows as text with `_is_deleted`, `_load_id`, `_published_at`. One transaction.

    Files are to be read newest first: then what a file holds is never newer than what an earlier one brought.
    """
    before = last_over(connection, obj)
    with connection.transaction():
        definitions = relations.comma(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
        aside = sql.Identifier(_ASIDE)
        _make_aside(connection, aside, definitions)
        names = relations.comma(map(sql.Identifier, columns))
        with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin").format(aside, names)) as copy:
            for batch in batches:
                for row in batch:
                    copy.write_row(row)
        rows = _count(connection, sql.SQL("select count(*) from {}").format(aside))
        outside = _delete(connection, sql.SQL("delete from {} a where {}").format(aside, _outside(obj, backfill)))
        older = _delete(connection, _older_than_raw(obj, aside))
        older += _delete(
            connection,
            sql.SQL(
                """delete from {aside} a using {aside} later where {same}
                   and (later._load_id::bigint, later._number) > (a._load_id::bigint, a._number)"""
            ).format(aside=aside, same=relations.same_key(obj, "later", "a")),
        )
        connection.execute(_from_aside(obj, aside, columns), [-backfill.backfill_id])
        noted = _note_read(connection, backfill, place=place, before=before, rows=rows, outside=outside, older=older)
        reach("backfill_reading")
    reach("backfill_read")
    return noted


def _land_parts(connection: Warehouse, obj: SourceObject, waiting: int, parts: Iterable[Part], *, progress: Callable[[int], None]) -> int:
    seen = copying.Seen()
    rest = iter(parts)
    for part in rest:
        if isinstance(part, CopyBytes):
            seen.rows += _copy_through(connection, obj, waiting, part)
        elif isinstance(part, (Rows, Reject, Deleted)):
            copying.copy_rows(connection, obj, waiting, part, rest, seen, progress)
        elif isinstance(part, MissingFields):
            seen.missing += [{"field": name} for name in part.fields]
    if seen.missing:
        names = ", ".join(sorted({missing["field"] for missing in seen.missing}))
        raise UserError(f"{obj.full_name}: the source lacks {names}, which the contract declares; mend either")
    progress(seen.rows)
    return seen.rows


def _make_aside(connection: Warehouse, aside: sql.Identifier, definitions: sql.Composable) -> None:
    connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("pg_temp", _ASIDE)))  # of the read before, in a dry run
    connection.execute(
        sql.SQL("create temporary table {} (_number bigint generated always as identity, {}) on commit drop").format(aside, definitions)
    )


def _copy_through(connection: Warehouse, obj: SourceObject, waiting: int, part: CopyBytes) -> int:
    """A database's COPY, by way of a table of its types, as the text that landing holds."""
    aside = sql.Identifier(_ASIDE)
    types = {f.name: f.sql_type if part.typed else "text" for f in obj.fields} | {"_extra": "jsonb" if part.typed else "text"}
    definitions = relations.comma(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items())
    _make_aside(connection, aside, definitions)
    options = sql.SQL(" (format binary)" if part.format == "binary" else "")
    columns = relations.comma(map(sql.Identifier, part.columns))
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin{}").format(aside, columns, options)) as copy:
        for chunk in part.chunks:
            copy.write(chunk)
    return connection.execute(
        sql.SQL("insert into {} (_load_id, _row_number, {}) select %s, _number, {} from {}").format(
            relations.landing(obj),
            relations.comma(map(sql.Identifier, types)),
            relations.comma(sql.SQL("{}::text").format(sql.Identifier(name)) for name in types),
            aside,
        ),
        [waiting],
    ).rowcount


def _from_aside(obj: SourceObject, aside: sql.Identifier, columns: list[str]) -> sql.Composed:
    """Archived rows become landed ones. A tombstone that its own row does not tell of is a deletion."""
    flag = obj.extract.deletes.flag
    told = sql.SQL("coalesce(a.{}, 'f') in ('t', 'true')").format(sql.Identifier(flag)) if flag in columns else sql.SQL("false")
    fields = [f.name for f in obj.fields if f.name in columns]
    return sql.SQL(
        """insert into {landing} (_load_id, _row_number, {fields}, _extra)
           select %s, row_number() over (order by a._load_id::bigint, a._number), {values},
                  case when a._is_deleted = 'true' and not {told} then {mark} else a._extra end from {aside} a"""
    ).format(
        landing=relations.landing(obj),
        fields=relations.comma(map(sql.Identifier, fields)),
        values=relations.comma(relations.column("a", name) for name in fields),
        told=told,
        mark=sql.Literal(copying.DELETED_MARK),
        aside=aside,
    )


def _typed(obj: SourceObject, alias: str, name: str) -> sql.Composed:
    """SQL: the text as a value of the field's type; null where it is none."""
    kind = obj.field(name).sql_type
    value = relations.column(alias, name)
    return sql.SQL("case when {} then {}::{} end").format(fits(obj.field(name), alias) or sql.SQL("true"), value, sql.SQL(kind))


def _outside(obj: SourceObject, backfill: Backfill) -> sql.Composable:
    """SQL: row `a` lies outside the window. What cannot be placed lies inside: it has to come to light."""
    cursor = obj.extract.cursor
    value = _typed(obj, "a", cursor) if cursor else sql.SQL("a._published_at::timestamptz")
    kind = sql.SQL(window_type(obj))
    bounds: list[sql.Composable] = []
    if backfill.since is not None:
        bounds.append(sql.SQL("{} < {}::{}").format(value, sql.Literal(backfill.since), kind))
    if backfill.until is not None:
        bounds.append(sql.SQL("{} >= {}::{}").format(value, sql.Literal(backfill.until), kind))
    return sql.SQL("coalesce({}, false)").format(sql.SQL(" or ").join(bounds)) if bounds else sql.SQL("false")


def _leave_outside(connection: Warehouse, obj: SourceObject, backfill: Backfill) -> int:
    if backfill.since is None and backfill.until is None:
        return 0
    return _delete(
        connection,
        sql.SQL("delete from {} a where a._load_id = {} and {}").format(
            relations.landing(obj), sql.Literal(-backfill.backfill_id), _outside(obj, backfill)
        ),
    )


def _leave_older_versions(connection: Warehouse, obj: SourceObject, waiting: int) -> int:
    """Without a cursor the last of a key's rows is its newest."""
    return _delete(
        connection,
        sql.SQL(
            """delete from {table} a using (
                   select ctid as place, row_number() over (partition by {key} order by _row_number desc) as age
                   from {table} l where l._load_id = {waiting} and not ({no_key})) version
               where a.ctid = version.place and version.age > 1"""
        ).format(
            table=relations.landing(obj),
            key=relations.key_columns(obj, "l"),
            no_key=relations.key_is_null(obj, "l"),
            waiting=sql.Literal(waiting),
        ),
    )


def _older_than_raw(obj: SourceObject, aside: sql.Identifier) -> sql.Composed:
    same = sql.SQL(" and ").join(sql.SQL("{} = {}").format(relations.column("r", name), _typed(obj, "a", name)) for name in obj.key)
    return sql.SQL("delete from {} a using {} r where {} and r._load_id > a._load_id::bigint").format(aside, relations.raw(obj), same)


def _note_read(connection: Warehouse, backfill: Backfill, *, place: str, before: int, rows: int, outside: int, older: int) -> Backfill:
    noted = _fetch(
        connection,
        sql.SQL(
            """update ops.backfill set place = %(place)s, published_before = %(before)s, rows_read = rows_read + %(rows)s,
                      rows_outside = rows_outside + %(outside)s, rows_older = rows_older + %(older)s
               where backfill_id = %(id)s returning {}"""
        ).format(_COLUMNS),
        {"place": place, "before": before, "rows": rows, "outside": outside, "older": older, "id": backfill.backfill_id},
    )
    return cast(Backfill, noted)


# ------------------------------------------------------------------------------------------------- loading
def take_over(connection: Warehouse, obj: SourceObject, backfill: Backfill, *, run_url: str | None = None) -> ledger.Load:
    """Open a load and give it some of the rows that wait. One transaction; the caller holds the object's lock."""
    with connection.transaction():
        load = ledger.start(connection, obj, kind="backfill", since=backfill.since, run_url=run_url)
        relations.create_work_tables(connection, obj, load.load_id)
        taken = stream.take_over(connection, obj, load.load_id, waiting=-backfill.backfill_id, most=ROWS_PER_TURN)
        landed = ledger.note(
            connection,
            load,
            state="landed",
            work={
                "form": "text",
                "whole": False,
                "key_is_unique": False,
                "missing": [],
                "landed": taken,
                "backfill": backfill.backfill_id,
                "published_before": backfill.published_before,
            },
            extracted=taken,
        )
        reach("landing_done")
    reach("landed")
    return landed


def summed(connection: Warehouse, backfill: Backfill) -> tuple[int, ledger.Counts]:
    """Loads of the backfill that are over, and their figures added up."""
    sums = sql.SQL(", ").join(sql.SQL("coalesce(sum({}), 0)").format(sql.Identifier(name)) for name in ledger.COUNTED)
    row = connection.execute(
        sql.SQL(
            "select count(*), {} from ops.load where kind = 'backfill' and state = 'published' and work ->> 'backfill' = %s"
            " and system = %s and object = %s"
        ).format(sums),
        [str(backfill.backfill_id), backfill.system, backfill.object],
    ).fetchone()
    loads, *figures = row if row else (0,)
    return int(loads), ledger.Counts(**{name: int(number) for name, number in zip(ledger.COUNTED, figures, strict=True)})


def refusal(connection: Warehouse, backfill: Backfill) -> ledger.Load | None:
    """A load of the backfill that its gate refused, whoever finished it; its rows are not published."""
    return _load_in(connection, backfill, "rejected")


def has_open_load(connection: Warehouse, backfill: Backfill) -> bool:
    """Whether a load of the backfill was stopped."""
    return (_load_in(connection, backfill, "landed") or _load_in(connection, backfill, "gated")) is not None


def _load_in(connection: Warehouse, backfill: Backfill, state: ledger.State) -> ledger.Load | None:
    row = connection.execute(
        "select min(load_id) from ops.load"
        " where kind = 'backfill' and state = %s and work ->> 'backfill' = %s and system = %s and object = %s",
        [state, str(backfill.backfill_id), backfill.system, backfill.object],
    ).fetchone()
    return ledger.find(connection, row[0]) if row and row[0] is not None else None


def _fetch(connection: Warehouse, query: sql.Composed, values: dict[str, Any]) -> Backfill | None:
    with connection.cursor(row_factory=class_row(Backfill)) as cursor:
        return cursor.execute(query, values).fetchone()


def _delete(connection: Warehouse, statement: sql.Composed) -> int:
    return connection.execute(statement).rowcount


def _count(connection: Warehouse, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
