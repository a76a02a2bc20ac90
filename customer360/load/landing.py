"""Land: what a reader yields becomes durable, in one transaction with the ledger and the files it came from.

Rows land as text in `landing.<system>__<object>`. A typed copy goes straight into the load's own typed table: its source
can be read again, so that table is unlogged. Three kinds of things are no rows; they land as rows without fields, with a mark
in `_extra` where a row has a JSON object or nothing: `["reject", raw, reason, place]`, `"deleted"` (with its key) and `"truncated"`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import (
    CopyBytes,
    Deleted,
    KnownFile,
    MissingFields,
    Part,
    Received,
    Reject,
    Rows,
    SourceFile,
    StreamPosition,
    Truncated,
    WholeObject,
)
from customer360.load import ledger, relations, stream
from customer360.load.killpoints import reach
from customer360.load.regular import RegularRows, copy_text
from customer360.load.relations import Warehouse, WorkTables

DELETED_MARK = '"deleted"'
TRUNCATED_MARK = '"truncated"'
ROWS_PER_REPORT = 50_000
_ROWS_SET_ASIDE = 5_000

Progress = Callable[[int], None]


@dataclass(slots=True)
class Seen:
    """What came besides rows."""

    rows: int = 0
    files: list[SourceFile] = field(default_factory=list)
    names: list[KnownFile] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    whole: bool = False
    key_is_unique: bool = False
    to_become_raw: bool = False
    form: Literal["text", "typed", "mixed"] = "text"
    as_text: int = 0  # of a mixed form's rows, those that are no regular ones
    position: StreamPosition | None = None
    received: list[str] = field(default_factory=list)
    waits: bool = False  # the rows are landed without a load


class NotRegular(Exception):
    """A row that looked sure to be of the contract's types is not: nothing is landed, and the read is to be landed as text."""


class CannotWait(Exception):
    """What was read cannot be landed without a load of its own: it is left at the source until the held load is settled."""


def known_files(connection: Warehouse, obj: SourceObject) -> frozenset[bytes]:
    """Hashes of the files already taken in for this object."""
    rows = connection.execute("select content_hash from ops.source_file where system = %s and object = %s", [obj.system, obj.name])
    return frozenset(bytes(hash_) for (hash_,) in rows)


def known_names(connection: Warehouse, obj: SourceObject) -> dict[str, tuple[str, bytes]]:
    """Version and content hash of the files seen before, by name."""
    rows = connection.execute(
        "select path, version, content_hash from ops.source_file_name where system = %s and object = %s", [obj.system, obj.name]
    )
    return {path: (version, bytes(hash_)) for path, version, hash_ in rows}


def land(
    connection: Warehouse,
    obj: SourceObject,
    load: ledger.Load,
    parts: Iterable[Part],
    *,
    progress: Progress | None = None,
    dry_run: bool = False,
    as_text: bool = False,
) -> ledger.Load:
    """Write all parts and leave the load `landed`. Whatever the reader raises undoes everything.

    A load of a stream takes over the rows that wait. After a dry run the stream stands where it stood, and they go on waiting.
    Rows of a first load from a source that can be read again land in their types where they are regular, unless `as_text`.
    May then raise NotRegular.
    """
    report = progress or (lambda _: None)
    with connection.transaction():
        if load.attempts > 1:
            connection.execute(sql.SQL("delete from {} where _load_id = %s").format(relations.landing(obj)), [load.load_id])
        work = relations.create_work_tables(connection, obj, load.load_id)
        seen = Seen()
        if obj.extract.stream is not None:
            seen.rows = stream.take_over(connection, obj, load.load_id, keep=dry_run)
        elif not as_text and relations.raw_is_empty(connection, obj):
            seen.form = "mixed"
        rest = iter(parts)
        for part in rest:
            if isinstance(part, CopyBytes):
                _copy_bytes(connection, obj, load, work, part, seen, report)
            elif isinstance(part, _LANDED_AS_ROWS) and seen.form == "mixed":
                copy_mixed(connection, obj, load.load_id, part, rest, seen, report)
            elif isinstance(part, _LANDED_AS_ROWS):
                copy_rows(connection, obj, load.load_id, part, rest, seen, report)
            else:
                _take_note(part, seen)
        if not dry_run:
            _note_stream(connection, obj, load.load_id, seen)
        reach("landing_done")
        landed = _close_landing(connection, obj, load, seen)
    reach("landed")
    return landed


def land_delivery(connection: Warehouse, obj: SourceObject, parts: Iterable[Part], *, name: str) -> bool:
    """Land what one delivery of a webhook brought, in one transaction; its rows wait for a load. False if it was landed before."""
    names = relations.comma(map(sql.Identifier, ("_load_id", "_row_number", *(f.name for f in obj.fields), "_extra")))
    values = sql.SQL(", ").join(sql.Placeholder() * (len(obj.fields) + 1))
    insert = sql.SQL("insert into {} ({}) values ({}, nextval('ops.arrival'), {})").format(
        relations.landing(obj), names, sql.Literal(stream.WAITING), values
    )
    with connection.transaction(), connection.cursor() as cursor:
        if not stream.remember(connection, obj, [name]):
            return False
        cursor.executemany(insert, [row for part in parts for row in _rows_of(obj, part)])
        connection.execute("select pg_notify('c360_landing', %s)", [obj.full_name])
        reach("landing_done")
    reach("landed")
    return True


def land_behind(connection: Warehouse, obj: SourceObject, parts: Iterable[Part], *, progress: Progress | None = None) -> int:
    """Land a stream's rows while a load of it is held: they wait. How many rows. Raises CannotWait; then nothing is landed."""
    with connection.transaction():
        before = stream.last_waiting(connection, obj)
        seen = Seen(rows=before, waits=True)
        rest = iter(parts)
        for part in rest:
            if isinstance(part, _LANDED_AS_ROWS):
                copy_rows(connection, obj, stream.WAITING, part, rest, seen, progress or (lambda _: None))
            else:
                _take_note(part, seen)
        if seen.whole or seen.missing:
            raise CannotWait
        _note_stream(connection, obj, None, seen)
        reach("landing_done")
    reach("landed")
    return seen.rows - before


_LANDED_AS_ROWS = (Rows, Reject, Deleted, Truncated)


def _note_stream(connection: Warehouse, obj: SourceObject, load_id: int | None, seen: Seen) -> None:
    if seen.received:
        stream.remember(connection, obj, seen.received)
    if seen.position is not None:
        stream.store(connection, obj, load_id, seen.position)


def _take_note(part: Part, seen: Seen) -> None:
    if isinstance(part, SourceFile):
        seen.files.append(part)
        if part.version is not None:
            seen.names.append(KnownFile(path=part.path, content_hash=part.content_hash, version=part.version))
    elif isinstance(part, KnownFile):
        seen.names.append(part)
    elif isinstance(part, MissingFields):
        seen.missing += [{"field": name, "place": part.place} for name in sorted(part.fields)]
    elif isinstance(part, WholeObject):
        seen.whole = True
    elif isinstance(part, Received):
        seen.received += part.message_ids
    elif isinstance(part, StreamPosition):
        seen.position = part
    elif isinstance(part, CopyBytes) and seen.waits:
        raise CannotWait
    else:
        raise TypeError(f"a reader may not yield {type(part).__name__} here: one CopyBytes part, or Rows, not both")


def copy_rows(
    connection: Warehouse, obj: SourceObject, load_id: int, first: Part, rest: Iterator[Part], seen: Seen, report: Progress
) -> None:
    """One COPY for all rows of the read; what is no row is noted and written when the COPY has ended."""
    names = ["_load_id", "_row_number", *(f.name for f in obj.fields), "_extra"]
    statement = sql.SQL("copy {} ({}) from stdin").format(relations.landing(obj), relations.comma(map(sql.Identifier, names)))
    number = seen.rows
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        part: Part | None = first
        while part is not None:
            for row in _rows_of(obj, part):
                number += 1
                copy.write_row((load_id, number, *row))
            if not isinstance(part, _LANDED_AS_ROWS):
                _take_note(part, seen)
            seen.rows = _report(seen.rows, number - seen.rows, report)
            part = next(rest, None)
    reach("landing")


def copy_mixed(
    connection: Warehouse, obj: SourceObject, load_id: int, first: Part, rest: Iterator[Part], seen: Seen, report: Progress
) -> None:
    """Regular rows into the load's own typed table, all others as text into landing; two COPYs that take turns."""
    work = relations.create_work_tables(connection, obj, load_id, to_become_raw=True)
    seen.to_become_raw = True
    tell = RegularRows(obj)
    fields = [*(f.name for f in obj.fields), "_extra"]
    typed = sql.SQL("copy {} ({}) from stdin").format(work.rows, relations.comma(map(sql.Identifier, ("_row_number", *fields))))
    text = sql.SQL("copy {} ({}) from stdin").format(
        relations.landing(obj), relations.comma(map(sql.Identifier, ("_load_id", "_row_number", *fields)))
    )
    part: Part | None = first
    while part is not None:
        others: list[tuple[int, tuple[str | None, ...]]] = []
        with _regular_rows_only(), connection.cursor() as cursor, cursor.copy(typed) as copy:
            while part is not None and len(others) < _ROWS_SET_ASIDE:
                rows = list(enumerate(_rows_of(obj, part), start=seen.rows + 1))
                if isinstance(part, Rows):
                    odd = tell.others(part.rows)
                    for block in copy_text([row for place, row in enumerate(rows) if place not in odd] if odd else rows):
                        copy.write(block)
                    others += [rows[place] for place in sorted(odd)]
                elif rows:
                    others += rows
                else:
                    _take_note(part, seen)
                seen.rows = _report(seen.rows, len(rows), report)
                part = next(rest, None)
        with connection.cursor() as cursor, cursor.copy(text) as copy:
            for number, row in others:
                copy.write_row((load_id, number, *row))
        seen.as_text += len(others)
    reach("landing")


@contextmanager
def _regular_rows_only() -> Iterator[None]:
    """PostgreSQL has the last word on what is a value of a type: undeclared fields, say, may hold a number it cannot store."""
    try:
        yield
    except psycopg.DataError as error:
        raise NotRegular from error


def _report(before: int, more: int, report: Progress) -> int:
    number = before + more
    if number // ROWS_PER_REPORT > before // ROWS_PER_REPORT:
        report(number)
        reach("landing")
    return number


def _rows_of(obj: SourceObject, part: Part) -> Iterable[tuple[str | None, ...]]:
    if isinstance(part, Rows):
        for row in part.rows:
            if row[-1] is not None and row[-1][0] != "{":
                raise TypeError(f"{obj.full_name}: the reader's extra must be a JSON object")
        return part.rows
    nulls = (None,) * len(obj.fields)
    if isinstance(part, Reject):
        return [(*nulls, json.dumps(["reject", part.raw, part.reason, part.place]))]
    if isinstance(part, Deleted):
        return [_deleted_row(obj, key) for key in part.keys]
    if isinstance(part, Truncated):
        return [(*nulls, TRUNCATED_MARK)]
    return []


def _deleted_row(obj: SourceObject, key: tuple[str, ...]) -> tuple[str | None, ...]:
    values = dict(zip(obj.key, key, strict=True))
    return (*(values.get(f.name) for f in obj.fields), DELETED_MARK)


def _copy_bytes(
    connection: Warehouse, obj: SourceObject, load: ledger.Load, work: WorkTables, part: CopyBytes, seen: Seen, report: Progress
) -> None:
    if seen.rows or seen.form == "typed":
        raise TypeError(f"{obj.full_name}: a reader yields one CopyBytes part, or Rows, not both")
    target: sql.Composable = work.rows
    if part.typed and relations.raw_is_empty(connection, obj):
        work = relations.create_work_tables(connection, obj, load.load_id, to_become_raw=True)
        seen.to_become_raw = True
    if not part.typed:
        fields = relations.comma(sql.SQL("{} text").format(sql.Identifier(f.name)) for f in obj.fields)
        target = sql.Identifier("c360_landing_text")
        connection.execute(
            sql.SQL("create temporary table {} (_row_number bigint generated always as identity, {}, _extra text) on commit drop").format(
                target, fields
            )
        )
    columns = relations.comma(map(sql.Identifier, part.columns))
    options = sql.SQL(" (format binary)" if part.format == "binary" else "")
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("copy {} ({}) from stdin{}").format(target, columns, options)) as copy:
            for passed, chunk in enumerate(part.chunks, start=1):
                copy.write(chunk)
                if passed % 64 == 0:
                    report(-1)
                    reach("landing")
        seen.rows = cursor.rowcount
    reach("landing")
    report(seen.rows)
    seen.form = "typed" if part.typed else "text"
    seen.key_is_unique = part.key_is_unique
    if not part.typed:
        names = relations.comma(sql.Identifier(name) for name in ("_row_number", *(f.name for f in obj.fields), "_extra"))
        connection.execute(
            sql.SQL("insert into {} (_load_id, {}) select %s, {} from {}").format(relations.landing(obj), names, names, target),
            [load.load_id],
        )


def _close_landing(connection: Warehouse, obj: SourceObject, load: ledger.Load, seen: Seen) -> ledger.Load:
    if seen.files:
        with connection.cursor() as cursor:
            cursor.executemany(
                """insert into ops.source_file (system, object, content_hash, path, bytes, rows, load_id)
                   values (%s, %s, %s, %s, %s, %s, %s)
                   on conflict (system, object, content_hash) do update
                   set path = excluded.path, rows = excluded.rows, load_id = excluded.load_id, read_at = clock_timestamp()""",
                [(obj.system, obj.name, f.content_hash, f.path, f.bytes, f.rows, load.load_id) for f in seen.files],
            )
    if seen.names:
        with connection.cursor() as cursor:
            cursor.executemany(
                """insert into ops.source_file_name (system, object, path, version, content_hash) values (%s, %s, %s, %s, %s)
                   on conflict (system, object, path) do update
                   set version = excluded.version, content_hash = excluded.content_hash, seen_at = clock_timestamp()""",
                [(obj.system, obj.name, n.path, n.version, n.content_hash) for n in seen.names],
            )
    work: dict[str, Any] = {
        "form": seen.form,
        "to_become_raw": seen.to_become_raw,
        "whole": seen.whole,
        "key_is_unique": seen.key_is_unique,
        "missing": seen.missing,
        "landed": seen.rows,
        "as_text": seen.as_text if seen.form == "mixed" else None,
    }
    if seen.position is not None and seen.position.restarted:
        work["restarted"] = seen.position.restarted
    return ledger.note(connection, load, state="landed", work=work, extracted=seen.rows)


def land_rows_from_quarantine(
    connection: Warehouse, obj: SourceObject, load: ledger.Load, quarantine_ids: list[int], corrections: dict[str, str | None]
) -> ledger.Load:
    """Land open quarantine rows again, with `corrections` (field → text) over what they hold. `_row_number` is the quarantine id."""
    names = relations.comma(sql.Identifier(f.name) for f in obj.fields)
    values = relations.comma(
        sql.Literal(corrections[f.name]) if f.name in corrections else sql.SQL("payload ->> {}").format(sql.Literal(f.name))
        for f in obj.fields
    )
    with connection.transaction():
        connection.execute(sql.SQL("delete from {} where _load_id = %s").format(relations.landing(obj)), [load.load_id])
        relations.create_work_tables(connection, obj, load.load_id)
        landed = connection.execute(
            sql.SQL(
                """insert into {} (_load_id, _row_number, {}, _extra)
                   select %s, quarantine_id, {}, nullif(payload -> '_extra', 'null')::text
                   from quarantine.row where quarantine_id = any(%s) and state = 'open' order by opened_at, quarantine_id"""
            ).format(relations.landing(obj), names, values),
            [load.load_id, quarantine_ids],
        ).rowcount
        noted = ledger.note(
            connection,
            load,
            state="landed",
            work={"form": "text", "whole": False, "key_is_unique": False, "missing": [], "landed": landed},
            extracted=landed,
        )
    reach("landed")
    return noted


def discard(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> None:
    """Drop what the load landed. In the caller's transaction."""
    relations.drop_work_tables(connection, load.load_id)
    if load.work.get("form", "text") == "text" or load.work.get("as_text"):
        connection.execute(sql.SQL("delete from {} where _load_id = %s").format(relations.landing(obj)), [load.load_id])


def forget_files(connection: Warehouse, load: ledger.Load) -> None:
    """The load was refused, or its rows were lost: its files are read again next time. In the caller's transaction."""
    connection.execute("delete from ops.source_file where load_id = %s", [load.load_id])


def what_is_left(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> Literal["all", "text", "nothing"]:
    """What is still there of a load that was stopped: all its rows; only its landed text; or too little to go on."""
    work, form = WorkTables(load.load_id), load.work.get("form")
    # a table without the computed columns is from before they were made with it: as good as lost
    exists = connection.execute(
        "select exists (select from pg_attribute where attrelid = to_regclass(%s) and attname = '_row_hash')", [f"landing.{work.rows_name}"]
    ).fetchone()
    has_table = bool(exists and exists[0])
    text_is_there = False
    if form != "typed":
        found = _number(
            connection, sql.SQL("select count(*) from {} where _load_id = {}").format(relations.landing(obj), sql.Literal(load.load_id))
        )
        if form == "mixed" and has_table and not load.work.get("diffed"):
            found += _number(connection, sql.SQL("select count(*) from {}").format(work.rows))
        text_is_there = found == load.work.get("landed")
        if not load.work.get("diffed"):
            return "all" if text_is_there else "nothing"
    if has_table:
        found = sum(_number(connection, sql.SQL("select count(*) from {}").format(table)) for table in (work.rows, work.bad, work.gone))
        left = load.counts.unchanged + load.counts.superseded + load.counts.stale
        if found == load.counts.extracted - left:
            return "all"
    return "text" if text_is_there else "nothing"


def _number(connection: Warehouse, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
