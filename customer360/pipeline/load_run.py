"""The steps of a load in their order, each a transaction that can be taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import psycopg
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from customer360.contracts.model import SourceContract, SourceObject
from customer360.errors import UserError
from customer360.extract import open_reader
from customer360.extract.protocol import Reader, ReadRequest, SourceRefused, SourceUnavailable
from customer360.load import (
    convert,
    copying,
    diff,
    key_sweep,
    landing,
    ledger,
    merge_ahead,
    publish,
    quarantine,
    raw_indexes,
    relations,
    stream,
)
from customer360.load.killpoints import reach
from customer360.observe import incidents
from customer360.pipeline import streams
from customer360.pipeline.gating import Gate, Verdict
from customer360.pipeline.outcome import LoadOutcome, OutcomeState
from customer360.pipeline.sessions import second_session
from customer360.warehouse import connections, tables

Progress = Callable[[str, int], None]
"""Called with (step, rows so far; -1 where rows are not known)."""

Landed = TypeVar("Landed")

ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 60.0


class SourceDown(UserError):
    """The source could not be read, after all retries; an incident is open. The load stays open and is resumed."""

    exit_code = 1


class UnknownObject(UserError):
    """No contract declares this system or object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What a caller asks for. `since`: a value of the cursor; reads further back, never lowers the watermark."""

    full_refresh: bool = False
    since: str | None = None
    dry_run: bool = False
    run_url: str | None = None
    sweep: bool = False

    @property
    def kind(self) -> ledger.Kind:
        """The kind of load this makes."""
        if self.sweep:
            return "sweep"
        return "full" if self.full_refresh else "incremental"

    @property
    def is_plain(self) -> bool:
        """Whether this is the ordinary scheduled request."""
        return not (self.full_refresh or self.since or self.dry_run or self.sweep)


class LoadRun:
    """One run of the loads of one object, step by step."""

    def __init__(
        self,
        connection: relations.Warehouse,
        contract: SourceContract,
        obj: SourceObject,
        request: IngestRequest,
        *,
        progress: Progress | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._object = obj
        self._request = request
        self._progress = progress or (lambda _step, _rows: None)
        self._sleep = sleep
        self._seconds: dict[str, float] = {}

    def ingest(self) -> LoadOutcome:
        """Finish what is open, then do what was asked."""
        tables.ensure(self._connection, self._object)
        gate = Gate(self._connection, self._contract, self._object)  # a broken suite is told before anything is read
        found = ledger.find_open(self._connection, self._object)
        if found is not None and found.state != "extracting":
            if self._request.dry_run:
                raise UserError(
                    f"load {found.load_id} of {self._object.full_name} is open; run `customer360 load {self._object.full_name}` first"
                )
            resumed = self._finish(ledger.resume(self._connection, found, run_url=self._request.run_url), gate)
            if self._request.is_plain or resumed.state in ("rejected", "held"):
                return resumed
            following = self._new_load(None, gate)
            return following if following.state != "nothing_new" else resumed
        if self._object.extract.stream is not None:
            return self._ingest_stream(found, gate)
        return self._new_load(found, gate)

    def _ingest_stream(self, found: ledger.Load | None, gate: Gate) -> LoadOutcome:
        """Rows that wait come before what is read now; behind a held load everything waits."""
        streams.check_request(self._object, full_refresh=self._request.full_refresh)
        held = ledger.find_held(self._connection, self._object)
        if held is not None and not self._request.sweep:
            return self._wait_behind(held)
        waiting = stream.count_waiting(self._connection, self._object) if not self._request.sweep else 0
        if not waiting or self._object.extract.stream == "webhook":
            return self._new_load(found, gate)
        taken_over = self._new_load(found, gate, waiting=True)
        if self._request.dry_run or taken_over.state not in ("published", "nothing_new"):
            return taken_over
        following = self._ingest_stream(None, gate)
        return following if following.state != "nothing_new" else taken_over

    def _wait_behind(self, held: ledger.Load) -> LoadOutcome:
        """Land what the stream brings without a load: the source may forget it, and nothing passes the held one."""
        if self._object.extract.stream != "webhook" and not self._request.dry_run:
            self._reading(lambda: self._retrying()(self._land_behind), load=held)
        return self._outcome(held, "waiting", ())

    def _land_behind(self) -> None:
        with self._reader() as reader:
            parts = reader.read(self._read_request(full=False))
            with suppress(copying.CannotWait):
                landing.land_behind(self._connection, self._object, parts, progress=lambda rows: self._progress("land", rows))
                self._acknowledge(reader)

    def settle(self, load: ledger.Load, *, accepted: bool, by: str, why: str) -> LoadOutcome:
        """Judge a held load anew, or publish it though it is refused. Raises UserError while another load of the object is open."""
        gate = self._prepare()
        with self._connection.transaction():
            taken_up = ledger.settle_held(self._connection, load, state="landed", by=by, why=why)
            taken_up = ledger.note(self._connection, taken_up, work={"accepted": accepted})
        return self._finish(taken_up, gate)

    def _prepare(self) -> Gate:
        """Tables and gate, where no load may be open."""
        tables.ensure(self._connection, self._object)
        gate = Gate(self._connection, self._contract, self._object)
        found = ledger.find_open(self._connection, self._object)
        if found is not None:
            raise UserError(
                f"load {found.load_id} of {self._object.full_name} is open; run `customer360 load {self._object.full_name}` first"
            )
        return gate

    def replay(self, quarantine_ids: list[int], *, corrections: dict[str, str | None], by: str, why: str) -> LoadOutcome:
        """A load of quarantined rows. Raises UserError while another load of the object is open."""
        gate = self._prepare()
        with self._connection.transaction():
            quarantine.sign(self._connection, quarantine_ids, by=by, why=why, corrected=sorted(corrections))
            load = ledger.start(self._connection, self._object, kind="replay")
            load = landing.land_rows_from_quarantine(self._connection, self._object, load, quarantine_ids, corrections)
        return self._finish(load, gate)

    def _new_load(self, found: ledger.Load | None, gate: Gate, *, waiting: bool = False) -> LoadOutcome:
        """`waiting`: the load takes over the rows that wait in landing, and reads nothing."""
        request = self._request
        kind: ledger.Kind = "incremental" if waiting else request.kind
        if found is None:
            load = ledger.start(self._connection, self._object, kind=kind, since=request.since, run_url=request.run_url)
        else:
            load = ledger.resume(self._connection, found, kind=kind, since=request.since, run_url=request.run_url)
        reach("opened")
        return self._finish(load, gate, waiting=waiting)

    def _finish(self, load: ledger.Load, gate: Gate, *, waiting: bool = False) -> LoadOutcome:
        load = self._mend(load)
        if load.state == "extracting":
            load = self._land(load, waiting=waiting)
        if load.state == "landed" and not load.work.get("diffed"):
            load = self._diff(load)
        remaining = diff.remaining(self._connection, load)
        if load.state != "landed":
            return self._publish(load, gate, remaining)
        beside = second_session() if merge_ahead.is_worth_it(load, remaining) and not self._request.dry_run else None
        if beside is not None:
            with beside:
                return self._judge_while_merging(load, gate, remaining, beside)
        with self._timed("gate"), raw_indexes.made_early(self._connection, self._object, load, connect=second_session):
            found = gate.judge(load, remaining)
        return self._follow(load, gate, remaining, found)

    def _judge_while_merging(self, load: ledger.Load, gate: Gate, remaining: diff.Remaining, beside: relations.Warehouse) -> LoadOutcome:
        """The gate reads in a session of its own; where it lets all pass, what it found and the merge are committed together."""
        closed: ledger.Load | None = None
        with self._connection.transaction() as transaction:
            with merge_ahead.merging(self._connection, self._object, load) as merging:
                with self._timed("gate"):
                    found = gate.judge(load, remaining, session=beside)
                with self._timed("publish"):  # what of it the gate did not cover
                    merged = merging.result() if found.lets_all_pass else None
            if merged is None:
                raise psycopg.Rollback(transaction)
            self._progress("publish", load.counts.extracted)
            gated = gate.settle(load, found)
            reach("gated")
            with self._timed("publish"):
                closed = self._close(gated, gate, merged)
        return self._published(closed, found.warnings) if closed else self._follow(load, gate, remaining, found)

    def _follow(self, load: ledger.Load, gate: Gate, remaining: diff.Remaining, found: Verdict) -> LoadOutcome:
        """What follows from a verdict."""
        load = gate.settle(load, found, dry_run=self._request.dry_run)
        if load.state in ("rejected", "held", "abandoned"):
            return self._outcome(load, "checked" if load.state == "abandoned" and load.refusal is None else "rejected", found.warnings)
        reach("gated")
        return self._publish(load, gate, remaining, found.warnings)

    def _mend(self, load: ledger.Load) -> ledger.Load:
        """A load's own tables are empty after a crash of the server: begin again where its rows are still to be had."""
        if load.state not in ("landed", "gated"):
            return load
        left = landing.what_is_left(self._connection, self._object, load)
        if left == "all":
            return load
        with self._connection.transaction():
            if left == "nothing":
                stream.forget(self._connection, load.load_id)
                landing.forget_files(self._connection, load)
            return ledger.go_back(self._connection, load, to="landed" if left == "text" else "extracting")

    def _land(self, load: ledger.Load, *, waiting: bool) -> ledger.Load:
        read = self._read_request(full=load.kind == "full", since=self._lower_bound(load))
        with self._timed("land"):
            if waiting or self._object.extract.stream == "webhook":
                return landing.land(self._connection, self._object, load, (), dry_run=self._request.dry_run)
            landed = self._reading(lambda: self._retrying()(self._attempt, load, read), load=load)
        if self._object.extract.stream is not None:
            streams.tell(self._connection, self._contract, self._object, load=landed)
        return landed

    def _reading(self, attempt: Callable[[], Landed], *, load: ledger.Load) -> Landed:
        """Whatever `attempt` landed; an incident tells of a source that cannot be read, and when it can again."""
        try:
            landed = attempt()
        except (SourceUnavailable, SourceRefused) as error:
            self._source_is_down(load, error)
            raise SourceDown(str(error)) from None
        incidents.close_incident(
            self._connection, kind="source_down", subject=self._object.full_name, reason=f"read again by load {load.load_id}"
        )
        return landed

    def _read_request(self, *, full: bool, since: str | None = None) -> ReadRequest:
        request = landing.read_request(self._connection, self._object, since=since, full=full, dry_run=self._request.dry_run)
        return streams.placed(self._connection, request)

    def _lower_bound(self, load: ledger.Load) -> str | None:
        try:
            return ledger.lower_bound(self._connection, self._object, load)
        except UserError:
            ledger.note(self._connection, load, state="abandoned", error="the lower bound asked for is no value of the cursor")
            raise

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        reader = open_reader(self._contract, connections.uri(self._contract.connection), self._object)
        try:
            yield reader
        finally:
            reader.close()

    def _attempt(self, load: ledger.Load, read: ReadRequest) -> ledger.Load:
        with self._reader() as reader:
            landed = self._take_in(reader, load, read)
            if not self._request.dry_run:
                self._acknowledge(reader)
        return landed

    def _acknowledge(self, reader: Reader) -> None:
        """What is landed stays landed, whether the source hears of it or not: the next read begins behind it all the same."""
        with suppress(SourceUnavailable, SourceRefused):
            reader.acknowledge()
        reach("acknowledged")

    def _take_in(self, reader: Reader, load: ledger.Load, read: ReadRequest) -> ledger.Load:
        if load.kind == "sweep":
            return key_sweep.land_sweep(self._connection, self._object, load, reader.read_keys(self._object))
        land = partial(
            landing.land,
            self._connection,
            self._object,
            load,
            progress=lambda rows: self._progress("land", rows),
            dry_run=self._request.dry_run,
        )
        try:
            return land(reader.read(read))
        except copying.NotRegular:
            return land(reader.read(read), as_text=True)

    def _retrying(self) -> Retrying:
        backoff = wait_exponential_jitter(initial=1, max=30, jitter=1)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, SourceUnavailable) else None
            return min(asked, LONGEST_WAIT_SECONDS) if asked is not None else backoff(state)

        return Retrying(
            retry=retry_if_exception_type(SourceUnavailable), wait=wait, stop=stop_after_attempt(ATTEMPTS), sleep=self._sleep, reraise=True
        )

    def _source_is_down(self, load: ledger.Load, error: Exception) -> None:
        """The load stays open for the next run; a dry run leaves nothing behind."""
        with self._connection.transaction():
            if load.state != "held":
                ledger.note(self._connection, load, state="abandoned" if self._request.dry_run else None, error=str(error))
            if not self._request.dry_run:
                incidents.open_incident(
                    self._connection,
                    kind="source_down",
                    subject=self._object.full_name,
                    severity="critical",
                    title=f"{self._object.full_name} cannot be read",
                    details={
                        "system": self._object.system,
                        "object": self._object.name,
                        "load_id": load.load_id,
                        "error": str(error),
                        "owner": self._contract.owner,
                        "owner_address": self._contract.owner_address,
                    },
                    run_url=load.run_url,
                )

    def _diff(self, load: ledger.Load) -> ledger.Load:
        self._progress("diff", load.counts.extracted)
        with self._timed("diff"), self._connection.transaction():
            convert.convert(self._connection, self._object, load)
            return diff.diff(self._connection, self._object, load)

    def _publish(self, load: ledger.Load, gate: Gate, remaining: diff.Remaining, warnings: tuple[str, ...] = ()) -> LoadOutcome:
        self._progress("publish", load.counts.extracted)
        with self._timed("publish"), self._connection.transaction():
            merged = publish.merge(self._connection, self._object, load, has_rows=not remaining.is_nothing)
            closed = self._close(load, gate, merged)
        return self._published(closed, warnings)

    def _close(self, load: ledger.Load, gate: Gate, merged: publish.Merged) -> ledger.Load:
        return publish.publish(self._connection, self._object, load, merged, before_log=lambda: gate.all_is_well(load))

    def _published(self, load: ledger.Load, warnings: tuple[str, ...]) -> LoadOutcome:
        reach("published")
        ledger.note(self._connection, load, work={"seconds": {step: round(seconds, 3) for step, seconds in self._seconds.items()}})
        return self._outcome(load, "published" if load.counts.published else "nothing_new", warnings)

    def _outcome(self, load: ledger.Load, state: OutcomeState, warnings: tuple[str, ...]) -> LoadOutcome:
        return LoadOutcome(
            load_id=load.load_id,
            system=load.system,
            object=load.object,
            state="held" if load.state == "held" and state == "rejected" else state,
            counts=load.counts,
            refusal=load.refusal,
            warnings=warnings,
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[step] = self._seconds.get(step, 0.0) + time.perf_counter() - started
