"""Copy: what a reader yields goes into PostgreSQL, and what is no row is noted.

Rows land as text in `landing.<system>__<object>`. Three kinds of things are no rows; they land as rows without fields, with a mark
in `_extra` where a row has a JSON object or nothing: `["reject", raw, reason, place]`, `"deleted"` (with its key) and `"truncated"`.
A typed copy, and the regular rows of a first load, go straight into the load's own typed table. It is made in the same transaction, so
its rows are written as those of a vacuumed table: no later scan has to mark them, and what becomes raw needs no vacuum.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

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
    Row,
    Rows,
    SourceFile,
    StreamPosition,
    Truncated,
    WholeObject,
)
from customer360.load import ledger, relations
from customer360.load.killpoints import reach
from customer360.load.regular import RegularRows
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


LANDED_AS_ROWS = (Rows, Reject, Deleted, Truncated)


def take_note(part: Part, seen: Seen) -> None:
    """Note what is no row. Raises CannotWait, and TypeError for a part that may not come here."""
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
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        part: Part | None = first
        while part is not None:
            rows = rows_of(obj, part)
            _write(copy, rows, _copy_lines(part), after=seen.rows, load_id=load_id)
            if not isinstance(part, LANDED_AS_ROWS):
                take_note(part, seen)
            seen.rows = _report(seen.rows, len(rows), report)
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
    typed = sql.SQL("copy {} ({}) from stdin (freeze)").format(work.rows, relations.comma(map(sql.Identifier, ("_row_number", *fields))))
    text = sql.SQL("copy {} ({}) from stdin").format(
        relations.landing(obj), relations.comma(map(sql.Identifier, ("_load_id", "_row_number", *fields)))
    )
    part: Part | None = first
    while part is not None:
        others: list[tuple[int, Row]] = []
        with _regular_rows_only(), connection.cursor() as cursor, cursor.copy(typed) as copy:
            while part is not None and len(others) < _ROWS_SET_ASIDE:
                rows = rows_of(obj, part)
                if isinstance(part, Rows):
                    odd = tell.others(rows)
                    _write(copy, rows, part.copy_lines, after=seen.rows, but=odd)
                    others += [(seen.rows + 1 + place, rows[place]) for place in sorted(odd)]
                elif rows:
                    others += enumerate(rows, start=seen.rows + 1)
                else:
                    take_note(part, seen)
                seen.rows = _report(seen.rows, len(rows), report)
                part = next(rest, None)
        with connection.cursor() as cursor, cursor.copy(text) as copy:
            for number, row in others:
                copy.write_row((load_id, number, *row))
        seen.as_text += len(others)
    reach("landing")


def _write(
    copy: psycopg.Copy,
    rows: Sequence[Row],
    copy_lines: Sequence[str] | None,
    *,
    after: int,
    load_id: int | None = None,
    but: Collection[int] = (),
) -> None:
    """Number the rows, from the one after `after`, and write them, without those at the places `but`."""
    places = [place for place in range(len(rows)) if place not in but] if but else range(len(rows))
    if copy_lines is not None:
        begin = "" if load_id is None else f"{load_id}\t"
        copy.write("".join([f"{begin}{after + 1 + place}\t{copy_lines[place]}\n" for place in places]).encode())
        return
    for place in places:
        number = after + 1 + place
        copy.write_row((number, *rows[place]) if load_id is None else (load_id, number, *rows[place]))


def _copy_lines(part: Part) -> Sequence[str] | None:
    return part.copy_lines if isinstance(part, Rows) else None


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


def rows_of(obj: SourceObject, part: Part) -> Sequence[Row]:
    """The rows that landing holds of a part; nothing of one that is only noted."""
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


def _deleted_row(obj: SourceObject, key: tuple[str, ...]) -> Row:
    values = dict(zip(obj.key, key, strict=True))
    return (*(values.get(f.name) for f in obj.fields), DELETED_MARK)


def copy_bytes(
    connection: Warehouse, obj: SourceObject, load: ledger.Load, work: WorkTables, part: CopyBytes, seen: Seen, report: Progress
) -> None:
    """One COPY from the source to the warehouse, as it comes: into the load's own table if it is typed, else into landing."""
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
    options = sql.SQL(" (freeze, format binary)" if part.format == "binary" else " (freeze)")
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
