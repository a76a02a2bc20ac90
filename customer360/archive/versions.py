"""Write into the archive what loads published, and read it back.

A version that a load published stands in raw, or in raw_history once it was replaced, with the load's id. So the archive is one more
reader of the change log: it takes the loads behind its offset, writes them, and moves the offset. Killed in between, it writes the same
files again. The rows are text in the contract's fields, as rows in landing are: whatever the contract says by then judges them anew.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import Connection, Copy, sql

from customer360.archive.location import Archive, ArchiveFile
from customer360.contracts.model import SourceObject

CONSUMER = "archive"
ROWS_PER_FILE = 200_000
"""From this many rows on the next load begins a file of its own; one load is never divided."""

PLATFORM_COLUMNS = {"_extra": pa.string(), "_is_deleted": pa.bool_(), "_load_id": pa.int64(), "_published_at": pa.string()}
Progress = Callable[[str, int], None]
Warehouse = Connection[tuple[Any, ...]]


@dataclass(slots=True)
class _Share:
    """Consecutive loads of an object that become one file."""

    loads: list[int]
    rows: int
    day: date


def archive_published(
    connection: Warehouse, objects: Collection[SourceObject], archive: Archive, *, progress: Progress | None = None
) -> dict[str, int]:
    """Archive every load that was published since the last time; rows per object.

    The first time it is everything that raw and its history hold. Run with an autocommit connection, as loader. Raises ArchiveError.
    """
    written: dict[str, int] = {}
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")  # the log's end and raw are of one moment
        end, begin = _positions(connection)
        if begin == end:
            return {}
        for obj in objects:
            rows = 0
            for share in _shares(connection, obj, begin=begin, end=end):
                path = archive.path_of(obj.system, obj.name, share.day, share.loads[0])
                rows += archive.write(path, schema_of(obj), _export(connection, obj, share.loads))
                if progress:
                    progress(obj.full_name, rows)
            if rows:
                written[obj.full_name] = rows
        _move(connection, end)
    return written


def _positions(connection: Warehouse) -> tuple[int, int | None]:
    """The log's end, and how far the archive is; None before the first time."""
    row = connection.execute(
        "select (select coalesce(max(seq), 0) from ops.change),"
        " (select seq from ops.consumer_offset where log = 'ops.change' and consumer = %s)",
        [CONSUMER],
    ).fetchone()
    return (int(row[0]), None if row[1] is None else int(row[1])) if row else (0, None)


def _move(connection: Warehouse, seq: int) -> None:
    connection.execute(
        """insert into ops.consumer_offset (log, consumer, seq) values ('ops.change', %s, %s)
           on conflict (log, consumer) do update set seq = excluded.seq, moved_at = clock_timestamp()""",
        [CONSUMER, seq],
    )


def forget_position(connection: Warehouse) -> None:
    """The archive is off: the change log need not be kept for it. Switched on again it begins with everything."""
    connection.execute("delete from ops.consumer_offset where log = 'ops.change' and consumer = %s", [CONSUMER])


NOT_ARCHIVED = f"""
    not exists (select from ops.consumer_offset where log = 'ops.change' and consumer = '{CONSUMER}')
    or exists (select from ops.change as c where c.load_id = t._load_id and c.seq > (
        select seq from ops.consumer_offset where log = 'ops.change' and consumer = '{CONSUMER}'))
"""
"""SQL: the version of raw_history that `t` names is not in the archive yet."""


def _shares(connection: Warehouse, obj: SourceObject, *, begin: int | None, end: int) -> list[_Share]:
    if begin is None:
        known = connection.execute(
            "select to_regclass(%s) is not null and to_regclass(%s) is not null", [f"raw.{obj.table}", f"raw_history.{obj.table}"]
        ).fetchone()
        if not known or not known[0]:  # never loaded
            return []
        query = sql.SQL(
            """select _load_id, count(*), (min(_published_at) at time zone 'UTC')::date
               from (select _load_id, _published_at from {} union all select _load_id, _published_at from {}) versions
               group by 1 order by 1"""
        ).format(sql.Identifier("raw", obj.table), sql.Identifier("raw_history", obj.table))
        loads = connection.execute(query).fetchall()
    else:
        loads = connection.execute(
            """select load_id, rows, (at at time zone 'UTC')::date from ops.change
               where seq > %s and seq <= %s and system = %s and object = %s order by load_id""",
            [begin, end, obj.system, obj.name],
        ).fetchall()
    shares: list[_Share] = []
    for load_id, rows, day in loads:
        if not shares or shares[-1].rows >= ROWS_PER_FILE:
            shares.append(_Share([], 0, day))
        shares[-1].loads.append(load_id)
        shares[-1].rows += rows
    return shares


def schema_of(obj: SourceObject) -> pa.Schema:
    """Columns of the object's files: each field as text, then what the platform knows of the version."""
    return pa.schema([*((f.name, pa.string()) for f in obj.fields), *PLATFORM_COLUMNS.items()])


class _CopyStream(io.RawIOBase):
    """The bytes of a COPY as a file to read from."""

    def __init__(self, copy: Copy) -> None:
        self._pieces = iter(copy)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = bytes(next(self._pieces, b""))
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _export(connection: Warehouse, obj: SourceObject, loads: list[int]) -> Iterator[pa.RecordBatch]:
    """The versions that the loads published, in the loads' order."""
    schema = schema_of(obj)
    fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(f.name)) for f in obj.fields)
    names = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    wanted = sql.Literal(loads)
    selects = sql.SQL(" union all ").join(
        sql.SQL("select {}, _extra::text, _is_deleted, _load_id, _published_at::text from {} where _load_id = any({})").format(
            fields, sql.Identifier(layer, obj.table), wanted
        )
        for layer in ("raw", "raw_history")
    )
    query = sql.SQL("copy (select * from ({}) versions ({}) order by _load_id) to stdout (format csv)").format(selects, names)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        buffered = io.BufferedReader(_CopyStream(copy), 1 << 20)
        if not buffered.peek(1):
            return
        reader = pacsv.open_csv(
            buffered,
            read_options=pacsv.ReadOptions(column_names=schema.names, block_size=8 << 20),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={field.name: field.type for field in schema},
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # an empty text is quoted, null is not
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
            ),
        )
        yield from reader


def in_window(files: list[ArchiveFile], *, since: date | None) -> list[ArchiveFile]:
    """The files that can hold versions published on that day or later."""
    if since is None:
        return files
    following = [*files[1:], None]
    return [file for file, after in zip(files, following, strict=True) if after is None or after.day >= since]


def forget_keys(archive: Archive, obj: SourceObject, keys: Collection[tuple[str, ...]]) -> int:
    """Take every version of these keys out of the archive; versions removed.

    Keys as text in the contract's order, as raw shows them. Each file is rewritten whole or not at all; safe to run again.
    """
    wanted = {name: pa.array([key[position] for key in keys], pa.string()) for position, name in enumerate(obj.key)}
    exact = set(keys)
    removed = 0
    for file in archive.files(obj.system, obj.name):
        batches = [_without(batch, obj, wanted, exact) for batch in archive.read(file.path)]
        gone = sum(before - kept.num_rows for before, kept in batches)
        if not gone:
            continue
        removed += gone
        rest = [kept for _, kept in batches if kept.num_rows]
        if rest:
            archive.write(file.path, rest[0].schema, iter(rest))
        else:
            archive.remove(file.path)
    return removed


def _without(
    batch: pa.RecordBatch, obj: SourceObject, wanted: dict[str, pa.Array], exact: set[tuple[str, ...]]
) -> tuple[int, pa.RecordBatch]:
    candidates = [pc.is_in(batch.column(name), wanted[name]) for name in obj.key]
    touched = candidates[0]
    for more in candidates[1:]:
        touched = pc.and_(touched, more)
    if not pc.any(touched).as_py():
        return batch.num_rows, batch
    found = zip(*(batch.column(name).to_pylist() for name in obj.key), strict=True)
    keep = pa.array([key not in exact for key in found])
    return batch.num_rows, batch.filter(keep)


def forget_before(archive: Archive, age: timedelta, *, today: date) -> int:
    """Remove files whose loads are older than that; how many."""
    limit = today - age
    old = [file for system, name in archive.objects() for file in archive.files(system, name) if file.day < limit]
    for file in old:
        archive.remove(file.path)
    return len(old)
