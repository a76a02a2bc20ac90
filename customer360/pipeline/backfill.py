"""Backfill: a window of an object, or all of it, again, from its source or from the archive, while live loads go on.

What is to come is read into landing first, without the object's lock; then it is loaded in turns (diff, gate, publish), each with
the lock, so that a live load waits for one turn at most. A backfill that was stopped goes on where it was when the same is asked for
again. It moves no watermark and no stream's position, buries nothing that it did not find, and never puts older over newer.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import psycopg

from customer360.archive import versions
from customer360.archive.location import Archive, ArchiveError, ArchiveFile, open_archive
from customer360.contracts.model import SourceContract, SourceObject
from customer360.errors import UserError
from customer360.extract.protocol import Part, Reader, ReadRequest, SourceRefused, SourceUnavailable, StreamPosition
from customer360.load import backfill, ledger, relations
from customer360.load.backfill import Backfill, Origin
from customer360.load.ledger import Counts
from customer360.pipeline.gating import Gate
from customer360.pipeline.ingest import resolve_object
from customer360.pipeline.load_run import IngestRequest, LoadRun, Progress, SourceDown
from customer360.pipeline.sessions import TURN_WAIT_SECONDS, object_session
from customer360.warehouse import connections, tables
from customer360.warehouse.roles import Role

_EARLY = timedelta(days=1)  # a cursor may lie so far ahead of the publication (see load.diff)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is asked for. `since` inclusive, `until` exclusive, values of the cursor; None for no bound."""

    origin: Origin = "source"
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillOutcome:
    """How a backfill ended: `done`; `refused` by a gate, the load in `refused` says why; `checked` after a dry run.

    rows_read = rows_outside the window + rows_older than others + those its loads extracted.
    """

    state: str
    backfill_id: int | None
    rows_read: int
    rows_outside: int
    rows_older: int
    loads: int
    counts: Counts
    refused: ledger.Load | None = None


class _DryRun(Exception):
    """Undoes what a dry run has read."""


def run_backfill(
    system: str,
    object: str,
    *,
    window: Window,
    dry_run: bool = False,
    run_url: str | None = None,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> BackfillOutcome:
    """Do a backfill, or go on with the same one that was stopped.

    `dry_run` reads and counts, and leaves nothing behind. Raises UserError where another backfill of the object is open, a load of the
    stream is held, or the source cannot be read again; SourceDown; ArchiveError.
    """
    contract, obj = resolve_object(system, object)
    with _session(obj) as connection:
        tables.ensure(connection, obj)
        _check(connection, obj, window)
        run = _Run(connection, contract, obj, run_url=run_url, progress=progress or (lambda _step, _rows: None), sleep=sleep)
        if dry_run:
            return run.check(window)
        return run.work_off(_open(connection, obj, window))


def cancel_backfill(system: str, object: str) -> bool:
    """Give up the object's open backfill; what it has published stays. False when none is open."""
    _, obj = resolve_object(system, object)
    with _session(obj) as connection:
        found = backfill.find_open(connection, obj)
        if found is not None:
            backfill.close(connection, obj, found, state="cancelled")
        return found is not None


@contextmanager
def _session(obj: SourceObject) -> Iterator[relations.Warehouse]:
    """A session that alone works on the object's backfill. Raises UserError where another one does."""
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        if not ledger.take_turn(connection, obj, wait_seconds=TURN_WAIT_SECONDS, work="backfill"):
            raise UserError(f"a backfill of {obj.full_name} runs now; wait for its end")
        yield connection


def _check(connection: relations.Warehouse, obj: SourceObject, window: Window) -> None:
    name = obj.full_name
    held = ledger.find_held(connection, obj) if obj.extract.stream is not None else None
    if held is not None:
        raise UserError(f"load {held.load_id} of {name} is held, and nothing may pass it; settle it first: customer360 held list")
    if window.origin == "archive":
        return
    if obj.extract.stream == "changes":
        raise UserError(f"{name} follows changes: its table is read again as a whole by `customer360 load {name} --full-refresh`")
    if obj.extract.stream == "webhook":
        raise UserError(f"{name} is sent to us and cannot be read again; use --from archive, or ask its sender")
    if (window.since or window.until) and obj.extract.cursor is None:
        raise UserError(f"{name} has no cursor, so a window of its source means nothing; use --full, or --from archive")


def _open(connection: relations.Warehouse, obj: SourceObject, window: Window) -> Backfill:
    found = backfill.find_open(connection, obj)
    if found is None:
        return backfill.begin(connection, obj, origin=window.origin, since=window.since, until=window.until)
    if Window(origin=found.origin, since=found.since, until=found.until) != window:
        asked = (
            f"--from {found.origin}"
            + (f" --since {found.since}" if found.since else "")
            + (f" --until {found.until}" if found.until else "")
        )
        raise UserError(
            f"backfill {found.backfill_id} of {obj.full_name} ({asked}) is not finished; ask for the same to go on with it, or give it up: "
            f"customer360 backfill {obj.full_name} --cancel"
        )
    return found


class _Run:
    """One process's work on a backfill."""

    def __init__(
        self,
        connection: relations.Warehouse,
        contract: SourceContract,
        obj: SourceObject,
        *,
        run_url: str | None,
        progress: Progress,
        sleep: Callable[[float], None],
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._object = obj
        self._run_url = run_url
        self._progress = progress
        self._sleep = sleep

    def work_off(self, state: Backfill) -> BackfillOutcome:
        """Load what waits, read on, until there is nothing more."""
        if backfill.has_open_load(self._connection, state):  # a turn that was killed
            self._in_turn(lambda turn: turn.finish_open())
        while True:
            while left := backfill.count_waiting(self._connection, self._object, state):
                self._progress("load", left)
                if backfill.refusal(self._connection, state) is not None:
                    break
                self._in_turn(lambda turn: turn.take(state))  # noqa: B023 - called at once
            refused = backfill.refusal(self._connection, state)
            if refused is not None:
                return self._end(state, "refused", refused)
            following = self._read_on(state)
            if following is None:
                return self._end(state, "done", None)
            state = following

    def _in_turn(self, work: Callable[[_Turn], None]) -> None:
        """Work with the object's lock; a live load that has it is waited for."""
        while True:
            with object_session(self._object) as session:
                if session is not None:
                    work(_Turn(session, self._contract, self._object, IngestRequest(run_url=self._run_url), sleep=self._sleep))
                    return
            self._sleep(1.0)

    def check(self, window: Window) -> BackfillOutcome:
        """Read everything, count it, and leave nothing behind."""
        found: list[Backfill] = []
        try:
            with self._connection.transaction():
                state: Backfill | None = backfill.begin(
                    self._connection, self._object, origin=window.origin, since=window.since, until=window.until
                )
                while state is not None:
                    found.append(state)
                    state = self._read_on(state)
                raise _DryRun
        except _DryRun:
            pass
        except psycopg.errors.UniqueViolation:
            raise UserError(f"a backfill of {self._object.full_name} is not finished; a dry run has to wait for its end") from None
        last = found[-1]
        left = last.rows_read - last.rows_outside - last.rows_older
        return BackfillOutcome(
            state="checked", backfill_id=None, rows_read=last.rows_read, rows_outside=last.rows_outside, rows_older=last.rows_older,
            loads=-(-left // backfill.ROWS_PER_TURN), counts=Counts(extracted=left),
        )  # fmt: skip

    def _end(self, state: Backfill, how: Literal["done", "refused"], refused: ledger.Load | None) -> BackfillOutcome:
        backfill.close(self._connection, self._object, state, state=how)
        loads, counts = backfill.summed(self._connection, state)
        return BackfillOutcome(
            state=how, backfill_id=state.backfill_id, rows_read=state.rows_read, rows_outside=state.rows_outside,
            rows_older=state.rows_older, loads=loads, counts=counts, refused=refused,
        )  # fmt: skip

    def _read_on(self, state: Backfill) -> Backfill | None:
        """The backfill after the next read; None when all was read."""
        if state.origin == "source":
            return None if state.place == backfill.ALL_READ else self._read_source(state)
        archive = open_archive()
        if archive is None:
            raise ArchiveError("the archive is switched off (C360_ARCHIVE_URL=off); use --from source")
        following = self._next_file(archive, state)
        return None if following is None else self._read_file(archive, state, following)

    def _read_source(self, state: Backfill) -> Backfill:
        try:
            return _Turn(self._connection, self._contract, self._object, IngestRequest(), progress=self._progress, sleep=self._sleep).read(
                state
            )
        except (SourceUnavailable, SourceRefused) as error:
            raise SourceDown(str(error)) from None

    def _next_file(self, archive: Archive, state: Backfill) -> ArchiveFile | None:
        """Newest first; those before the one that was read last."""
        files = archive.files(self._object.system, self._object.name)
        since = self._since_day(state)
        left = [file for file in versions.in_window(files, since=since) if state.place is None or file.first_load < int(state.place)]
        return left[-1] if left else None

    def _since_day(self, state: Backfill) -> date | None:
        if state.since is None or backfill.window_type(self._object) not in ("timestamptz", "date"):
            return None
        row = self._connection.execute("select (%s::timestamptz at time zone 'UTC')::date", [state.since]).fetchone()
        return row[0] - _EARLY if row else None

    def _read_file(self, archive: Archive, state: Backfill, file: ArchiveFile) -> Backfill:
        self._progress(f"read {file.day}", -1)
        batches = archive.read(file.path)
        first = next(batches, None)
        if first is None:
            raise ArchiveError(f"the archive's file of load {file.first_load} of {self._object.full_name} is empty")
        declared = versions.schema_of(self._object).names
        columns = [name for name in first.schema.names if name in declared]

        def rows() -> Iterator[Any]:
            batch = first
            while batch is not None:
                yield zip(*(_as_text(batch.column(name).to_pylist()) for name in columns), strict=True)
                batch = next(batches, None)

        return backfill.read_archived(self._connection, self._object, state, rows(), columns=columns, place=str(file.first_load))


def _as_text(values: list[Any]) -> list[str | None]:
    if values and not isinstance(next((v for v in values if v is not None), None), (bool, int)):
        return values
    return [str(value).lower() if value is not None else None for value in values]


class _Turn(LoadRun):
    """One load of a backfill, and the read before it."""

    def read(self, state: Backfill) -> Backfill:
        """Everything from the source that the window can hold. Raises SourceUnavailable after retries, SourceRefused."""
        since = ledger.as_cursor(self._connection, self._object, state.since) if state.since is not None else None
        chosen_by_cursor = since is not None and not self._object.extract.files and self._object.extract.stream is None
        request = dataclasses.replace(
            self._read_request(full=not chosen_by_cursor, since=since), position=None, is_known_file=lambda _: False, dry_run=True
        )
        return self._retrying()(self._read_again, state, request)

    def _read_again(self, state: Backfill, request: ReadRequest) -> Backfill:
        with self._reader() as reader:
            return backfill.read_source(
                self._connection, self._object, state, _to_the_end(reader, request), progress=lambda rows: self._progress("read", rows)
            )

    def take(self, state: Backfill) -> None:
        """Load some of the rows that wait, after a load that was stopped."""
        self.finish_open()
        gate = self._prepare()
        self._finish(backfill.take_over(self._connection, self._object, state, run_url=self._request.run_url), gate)

    def finish_open(self) -> None:
        """Finish a load that was stopped; one that has landed nothing gives way."""
        found = ledger.find_open(self._connection, self._object)
        if found is None:
            return
        if found.state == "extracting":
            ledger.note(self._connection, found, state="abandoned", error="gave way to a backfill before anything was landed")
            return
        self._finish(ledger.resume(self._connection, found), Gate(self._connection, self._contract, self._object))


def _to_the_end(reader: Reader, request: ReadRequest) -> Iterator[Part]:
    """All parts; of a topic, whose reads are bounded, as many reads as it takes."""
    while True:
        reached: StreamPosition | None = None
        for part in reader.read(request):
            if isinstance(part, StreamPosition):
                reached = part
            else:
                yield part
        if reached is None or not reached.lag.behind_messages:
            return
        request = dataclasses.replace(request, full=False, position=reached.position)
