"""Change data capture of PostgreSQL: a copy of the table first, then every change of it, through a logical slot of our own.

The copy is made under the snapshot that the slot exports when it is made, so that between copy and stream nothing is missing
and nothing comes twice. Changes are fetched with `pg_logical_slot_peek_binary_changes` and the slot is moved with
`pg_replication_slot_advance` once they are landed: for loads that run every minute that needs no standing connection, no
keepalives and no process beside the loads, it hands over whole transactions only, and what it decodes goes to the server's disk
rather than anybody's memory. The price is that a read decodes the log from the oldest open transaction on.

One slot per object and warehouse, called `<consumer>_<system>__<object>`. What a slot confirms may fall back when the source
crashes: our own position, stored with the rows, says what is new.

A value too large for its page is not sent by an update that leaves it alone. What raw holds need not be the source's last value
(a version may lie in quarantine), so the table must send its old rows: `REPLICA IDENTITY FULL`, unless it has no such column.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg import sql

from customer360.contracts.model import Changes, SourceContract, SourceObject
from customer360.extract.changed_rows import ChangedRows, keys_told
from customer360.extract.pgoutput import Begin, Commit, Delete, Insert, Relation, Truncate, Update, decode, lsn_number, lsn_text
from customer360.extract.postgres import SESSION, PostgresReader
from customer360.extract.protocol import (
    Lag,
    Part,
    ReadRequest,
    RowsCounted,
    SourceRefused,
    SourceUnavailable,
    StreamPosition,
    WholeObject,
)

MOST_MESSAGES = 1_000_000
"""Messages after which a read ends, at the end of the transaction it is in; the next read goes on."""

SLOT_WAIT_SECONDS = 5.0
SLOT_MAKING_SECONDS = 300.0
_LONGEST_NAME = 63
# A killed process must not keep the slot busy until the network notices.
_SESSION = f"{SESSION} -c client_encoding=UTF8 -c client_connection_check_interval=500ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """What the source says of our slot; positions in the log as numbers."""

    is_active: bool
    lost_because: str | None
    confirmed: int
    restart: int


@dataclass(slots=True)
class _Reached:
    """How far a read has come."""

    lsn: int
    committed_at: datetime | None = None


def slot_name(consumer: str, obj: SourceObject) -> str:
    """The name of the object's slot at the source."""
    name = f"{consumer}_{obj.table}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}_{digest}"


class ChangesReader(PostgresReader):
    """Reader of objects whose contract says `changes`. `uri`: a user that may select from the table and has REPLICATION."""

    def __init__(self, contract: SourceContract, uri: str) -> None:
        super().__init__(contract, uri)
        self._control: psycopg.Connection[tuple[Any, ...]] | None = None
        self._snapshot: str | None = None
        self._to_confirm: tuple[str, int] | None = None

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """The table's changes since the position; a copy of it where there is none, or the stream cannot be gone on with."""
        try:
            slot, table, why = self._standing(request)
            if why is None and request.position is not None:
                yield from self._changes(request, slot, table, lsn_number(str(request.position["lsn"])))
            else:
                yield from self._copy_first(request, slot, table, restarted=why or None)
        except psycopg.Error as error:
            raise self._judge(error) from None

    def measure(self, request: ReadRequest) -> Lag:
        """How far the log is ahead of the position, and how much of it the source keeps for us."""
        try:
            found = self._slot(slot_name(request.consumer, request.object))
            now = self._log_end()
        except psycopg.Error as error:
            raise self._judge(error) from None
        if found is None or request.position is None:
            return Lag()
        return Lag(behind_bytes=max(now - lsn_number(str(request.position["lsn"])), 0), retained_bytes=max(now - found.restart, 0))

    def count(self, request: ReadRequest) -> RowsCounted:
        """Living rows of the table, and how many keys the stream, which stays where it is, tells of since the position."""
        held = super().count(request).held  # first: what changes meanwhile then counts as in flight, not as missing
        unknown = RowsCounted(held=held, in_flight=held, gone_in_flight=None)
        try:
            slot, table, why = self._standing(request)
            if why is not None or request.position is None:
                return unknown
            told = keys_told(self._changes(request, slot, table, lsn_number(str(request.position["lsn"]))), request.object)
        except psycopg.Error as error:
            raise self._judge(error) from None
        return unknown if told is None else RowsCounted.beside(told, held=held)

    def acknowledge(self) -> None:
        """Let the source forget what is landed."""
        if self._to_confirm is None:
            return
        slot, lsn = self._to_confirm
        try:
            self._connection_to_slot().execute("select pg_replication_slot_advance(%s, %s::pg_lsn)", [slot, lsn_text(lsn)])
        except psycopg.Error as error:
            raise self._judge(error) from None

    def close(self) -> None:
        """End the sessions with the source."""
        super().close()
        if self._control is not None:
            with suppress(psycopg.Error):
                self._control.close()
            self._control = None

    # -------------------------------------------------------------------------------------------- the stream
    def _standing(self, request: ReadRequest) -> tuple[str, int, str | None]:
        """Our slot, the table's number, and why its changes cannot be gone on with, if so (`_why_anew`). Raises as `_check_source`."""
        slot = slot_name(request.consumer, request.object)
        table = self._check_source(request.object)
        return slot, table, _why_anew(request, self._free_slot(slot), table, slot)

    def _changes(self, request: ReadRequest, slot: str, table: int, since: int) -> Iterator[Part]:
        end = self._log_end()
        rows = ChangedRows(request.object, place=self._place(request.object))
        reached = _Reached(since)
        count = 0
        is_new = False
        for data in self._peek(slot, self._publication(request.object), end):
            count += 1
            message = decode(data)
            if isinstance(message, Begin):
                is_new = message.commit_lsn >= since  # else landed before: the slot fell back, or was not told
            elif isinstance(message, Commit):
                if is_new:
                    reached = _Reached(message.end_lsn, message.committed_at)
            elif isinstance(message, Relation):
                if message.oid == table:
                    yield from rows.describe(message)
            elif is_new and message is not None and _concerns(message, table):
                yield from rows.take(message)
        yield from rows.flush()
        caught_up = count < MOST_MESSAGES
        if caught_up:
            reached.lsn = max(reached.lsn, end)
        yield self._position(slot, table, reached, caught_up=caught_up)

    def _peek(self, slot: str, publication: str, end: int) -> Iterator[bytes]:
        query = sql.SQL(
            """copy (select data from pg_logical_slot_peek_binary_changes(
                           {}, {}::pg_lsn, {}, 'proto_version', '1', 'publication_names', {}))
               to stdout (format binary)"""
        ).format(sql.Literal(slot), sql.Literal(lsn_text(end)), sql.Literal(MOST_MESSAGES), sql.Literal(f'"{publication}"'))
        with self._connection_to_slot().cursor() as cursor, cursor.copy(query) as copy:
            copy.set_types(["bytea"])
            for (data,) in copy.rows():
                yield data

    def _position(self, slot: str, table: int, reached: _Reached, *, caught_up: bool, restarted: str | None = None) -> StreamPosition:
        found = self._slot(slot)
        now = self._log_end()
        seconds = 0.0
        if not caught_up and reached.committed_at is not None:
            row = self._connection_to_slot().execute("select extract(epoch from clock_timestamp() - %s)", [reached.committed_at]).fetchone()
            seconds = float(row[0]) if row else 0.0
        lag = Lag(
            behind_bytes=max(now - reached.lsn, 0),
            behind_seconds=seconds,
            retained_bytes=max(now - found.restart, 0) if found else None,
        )
        self._to_confirm = slot, reached.lsn
        return StreamPosition(position={"lsn": lsn_text(reached.lsn), "table": table}, lag=lag, restarted=restarted)

    # ------------------------------------------------------------------------------------------ the beginning
    def _copy_first(self, request: ReadRequest, slot: str, table: int, *, restarted: str | None) -> Iterator[Part]:
        """A new slot, the table as it is at that moment, and the position at which its changes begin."""
        if self._slot(slot) is not None and not request.dry_run:
            self._connection_to_slot().execute("select pg_drop_replication_slot(%s)", [slot])
        with self._new_slot(slot, temporary=request.dry_run) as (consistent, snapshot):
            super().close()  # a session of an earlier attempt has a snapshot of its own
            self._snapshot = snapshot
            self._connect()
        try:
            yield from super().read(request)
        finally:
            self._snapshot = None
        yield WholeObject()
        if not request.dry_run:
            yield self._position(slot, table, _Reached(consistent), caught_up=True, restarted=restarted)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        is_new = self._connection is None
        connection = super()._connect()
        if is_new and self._snapshot is not None:
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(self._snapshot)))
        return connection

    def _since(self, request: ReadRequest, catalogue: Any) -> sql.Composable:
        return sql.SQL("")

    def _extra(self, columns: Sequence[str], *, typed: bool) -> sql.Composable:
        """As the stream tells them: every undeclared value as text."""
        pairs = sql.SQL(", ").join(sql.SQL("{}, {}::text").format(sql.Literal(name), sql.Identifier(name)) for name in columns)
        value = sql.SQL("nullif(jsonb_strip_nulls(jsonb_build_object({})), '{{}}'::jsonb)").format(pairs)
        return value if typed else sql.SQL("({})::text").format(value)

    @contextmanager
    def _new_slot(self, slot: str, *, temporary: bool) -> Iterator[tuple[int, str]]:
        """Make the slot; where its stream begins, and the snapshot of that place, which lasts as long as the block."""
        name = f"{slot[: _LONGEST_NAME - 4]}_try" if temporary else slot
        lifetime = "TEMPORARY " if temporary else ""
        command = f'CREATE_REPLICATION_SLOT "{name}" {lifetime}LOGICAL pgoutput EXPORT_SNAPSHOT'  # known in capitals alone
        with psycopg.connect(
            self._uri, replication="database", autocommit=True, options=_SESSION, connect_timeout=10, application_name="customer360"
        ) as connection:
            timer = threading.Timer(SLOT_MAKING_SECONDS, connection.cancel)
            timer.daemon = True
            timer.start()
            try:
                row = connection.execute(cast(Any, command)).fetchone()
            except psycopg.errors.QueryCanceled:
                raise SourceUnavailable(
                    f"{self._contract.system}: the slot waited {SLOT_MAKING_SECONDS:.0f} s for transactions that write at the source; "
                    "end those that were forgotten (pg_stat_activity.xact_start)"
                ) from None
            finally:
                timer.cancel()
            if row is None:
                raise SourceUnavailable(f"{self._contract.system}: the source made no slot")
            yield lsn_number(str(row[1])), str(row[2])

    # -------------------------------------------------------------------------------------------- the source
    def _check_source(self, obj: SourceObject) -> int:
        """The table's number. Raises SourceRefused where its changes cannot be followed, with the statement that mends it."""
        connection = self._connection_to_slot()
        name, place, publication = self._table(obj).as_string(connection), self._place(obj), self._publication(obj)
        row = connection.execute(
            """select c.oid, c.relkind, c.relreplident,
                      exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                              and a.attstorage <> 'p')
               from pg_class c where c.oid = to_regclass(%s)""",
            [name],
        ).fetchone()
        level = connection.execute("select current_setting('wal_level')").fetchone()
        if level and level[0] != "logical":
            raise SourceRefused(f"{obj.full_name}: the source's wal_level is {level[0]}; set wal_level = logical there and restart it")
        if row is None:
            raise SourceRefused(f"{obj.full_name}: there is no {place}; mend physicalName in the contract")
        oid, kind, identity, has_large = row
        if identity != "f" and has_large:
            raise SourceRefused(
                f"{obj.full_name}: an update may leave out values that it does not change; "
                f"run at the source `alter table {self._schema}.{obj.source_name} replica identity full`"
            )
        published = connection.execute(
            """select p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate, p.pubviaroot,
                      exists (select from pg_publication_tables t where t.pubname = p.pubname and t.schemaname = %s and t.tablename = %s)
               from pg_publication p where p.pubname = %s""",
            [self._schema, obj.source_name, publication],
        ).fetchone()
        if published is None:
            raise SourceRefused(
                f"{obj.full_name}: there is no publication {publication}; "
                f"run at the source `create publication {publication} for table {self._schema}.{obj.source_name}`"
            )
        tells_all, via_root, contains = published
        if not tells_all or (kind == "p" and not via_root):
            wanted = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true"
            raise SourceRefused(
                f"{obj.full_name}: the publication leaves changes out; run at the source `alter publication {publication} set ({wanted})`"
            )
        if not contains:
            raise SourceRefused(
                f"{obj.full_name}: the publication {publication} does not contain {place}; "
                f"run at the source `alter publication {publication} add table {self._schema}.{obj.source_name}`"
            )
        return int(oid)

    def _place(self, obj: SourceObject) -> str:
        return f"table {self._schema}.{obj.source_name}"

    def _publication(self, obj: SourceObject) -> str:
        return cast(Changes, obj.extract.changes).publication

    def _connection_to_slot(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._control is None or self._control.closed:
            self._control = psycopg.connect(
                self._uri, autocommit=True, options=_SESSION, connect_timeout=10, application_name="customer360"
            )
        return self._control

    def _log_end(self) -> int:
        row = (
            self._connection_to_slot()
            .execute("select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end::text")
            .fetchone()
        )
        return lsn_number(str(row[0])) if row else 0

    def _slot(self, slot: str) -> _Slot | None:
        row = (
            self._connection_to_slot()
            .execute(
                """select active, wal_status, coalesce(to_jsonb(s) ->> 'invalidation_reason', 'wal_removed'),
                      confirmed_flush_lsn::text, restart_lsn::text
               from pg_replication_slots s where slot_name = %s and database = current_database()""",
                [slot],
            )
            .fetchone()
        )
        if row is None:
            return None
        active, status, reason, confirmed, restart = row
        return _Slot(
            is_active=bool(active),
            lost_because=str(reason) if status == "lost" or restart is None else None,
            confirmed=lsn_number(confirmed) if confirmed else 0,
            restart=lsn_number(restart) if restart else 0,
        )

    def _free_slot(self, slot: str) -> _Slot | None:
        """The slot, once nobody reads it: a killed process's session ends a moment after it."""
        deadline = time.monotonic() + SLOT_WAIT_SECONDS
        while True:
            found = self._slot(slot)
            if found is None or not found.is_active:
                return found
            if time.monotonic() > deadline:
                raise SourceUnavailable(f"{self._contract.system}: the slot {slot} is being read by another session")
            time.sleep(0.05)


def _why_anew(request: ReadRequest, found: _Slot | None, table: int, slot: str) -> str | None:
    """Why the object is read from its beginning: '' for a first read or one that was asked for, None to go on."""
    if request.position is None or request.full:
        return ""
    if found is None:
        return f"the slot {slot} is gone from the source"
    if found.lost_because is not None:
        return f"the source gave up the slot {slot} ({found.lost_because})"
    if request.position.get("table") != table:
        return "the table was dropped and made anew"
    if found.confirmed > lsn_number(str(request.position["lsn"])):
        return f"the slot {slot} was moved past what is landed"
    return None


def _concerns(message: Insert | Update | Delete | Truncate, table: int) -> bool:
    return table in message.relations if isinstance(message, Truncate) else message.relation == table
