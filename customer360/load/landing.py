"""Land: what a reader yields becomes durable, in one transaction with the ledger and the files it came from.

Text lands in `landing.<system>__<object>`. What lands in the contract's types, which only a source does that can be read again, goes
straight into the load's own table (`copying`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import (
    CopyBytes,
    Part,
    ReadRequest,
)
from customer360.load import copying, ledger, relations, stream
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse, WorkTables


def _known_files(connection: Warehouse, obj: SourceObject) -> frozenset[bytes]:
    """Hashes of the files already taken in for this object."""
    rows = connection.execute("select content_hash from ops.source_file where system = %s and object = %s", [obj.system, obj.name])
    return frozenset(bytes(hash_) for (hash_,) in rows)


def _known_names(connection: Warehouse, obj: SourceObject) -> dict[str, tuple[str, bytes]]:
    """Version and content hash of the files seen before, by name."""
    rows = connection.execute(
        "select path, version, content_hash from ops.source_file_name where system = %s and object = %s", [obj.system, obj.name]
    )
    return {path: (version, bytes(hash_)) for path, version, hash_ in rows}


def read_request(
    connection: Warehouse, obj: SourceObject, *, since: str | None = None, full: bool = False, dry_run: bool = False
) -> ReadRequest:
    """A read of the object by a reader that knows which files were taken in."""
    return ReadRequest(
        object=obj,
        since=since,
        full=full,
        is_known_file=_known_files(connection, obj).__contains__,
        file_last_seen=_known_names(connection, obj).get,
        dry_run=dry_run,
    )


def land(
    connection: Warehouse,
    obj: SourceObject,
    load: ledger.Load,
    parts: Iterable[Part],
    *,
    progress: copying.Progress | None = None,
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
        seen = copying.Seen()
        if obj.extract.stream is not None:
            seen.rows = stream.take_over(connection, obj, load.load_id, keep=dry_run)
        elif not as_text and relations.raw_is_empty(connection, obj):
            seen.form = "mixed"
        rest = iter(parts)
        for part in rest:
            if isinstance(part, CopyBytes):
                copying.copy_bytes(connection, obj, load, work, part, seen, report)
            elif isinstance(part, copying.LANDED_AS_ROWS) and seen.form == "mixed":
                copying.copy_mixed(connection, obj, load.load_id, part, rest, seen, report)
            elif isinstance(part, copying.LANDED_AS_ROWS):
                copying.copy_rows(connection, obj, load.load_id, part, rest, seen, report)
            else:
                copying.take_note(part, seen)
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
        cursor.executemany(insert, [row for part in parts for row in copying.rows_of(obj, part)])
        connection.execute("select pg_notify('c360_landing', %s)", [obj.full_name])
        reach("landing_done")
    reach("landed")
    return True


def land_behind(connection: Warehouse, obj: SourceObject, parts: Iterable[Part], *, progress: copying.Progress | None = None) -> int:
    """Land a stream's rows while a load of it is held: they wait. How many rows. Raises CannotWait; then nothing is landed."""
    with connection.transaction():
        before = stream.last_waiting(connection, obj)
        seen = copying.Seen(rows=before, waits=True)
        rest = iter(parts)
        for part in rest:
            if isinstance(part, copying.LANDED_AS_ROWS):
                copying.copy_rows(connection, obj, stream.WAITING, part, rest, seen, progress or (lambda _: None))
            else:
                copying.take_note(part, seen)
        if seen.whole or seen.missing:
            raise copying.CannotWait
        _note_stream(connection, obj, None, seen)
        reach("landing_done")
    reach("landed")
    return seen.rows - before


def _note_stream(connection: Warehouse, obj: SourceObject, load_id: int | None, seen: copying.Seen) -> None:
    if seen.received:
        stream.remember(connection, obj, seen.received)
    if seen.position is not None:
        stream.store(connection, obj, load_id, seen.position)


def _close_landing(connection: Warehouse, obj: SourceObject, load: ledger.Load, seen: copying.Seen) -> ledger.Load:
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
