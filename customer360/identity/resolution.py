"""One identity run inside the caller's transaction: records, edges, clusters, customers.

The order is that of the evidence: what changed in the sources, what that does to edges, which components those edges reach, what
the new partition means for the customers. Everything is compared with what stands, and only differences are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from customer360.identity.clusters import components
from customer360.identity.clusters.parts import parts
from customer360.identity.clusters.pieces import LARGEST_PIECE
from customer360.identity.customers import customer_tables
from customer360.identity.customers.limits import Breach, RunFigures, breaches
from customer360.identity.evidence import certain, edges, probabilistic
from customer360.identity.evidence.blocks import Blocker
from customer360.identity.evidence.certain import Edge, RefusedValue
from customer360.identity.evidence.keyed_hash import key, keyed_hash
from customer360.identity.match.model import Model
from customer360.identity.records import extraction
from customer360.identity.records.record_tables import RecordChanges, RecordWriter
from customer360.identity.records.sources import RecordSource, shape_version
from customer360.identity.settings import Settings
from customer360.identity.steps import Progress, Steps
from customer360.identity.stewardship import decisions, review_queue

CONSUMER = "identity"
_MEANING = 2  # raise it when the same records, settings and model come to other edges or customers: the next run is then a full one


class IdentityGateError(Exception):
    """The run would break a limit of identity/settings.yaml; nothing of it may be kept."""

    def __init__(self, broken: Sequence[Breach]) -> None:
        self.breaches = tuple(broken)
        super().__init__("; ".join(map(str, broken)))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything that decides who is joined, apart from the records."""

    sources: Sequence[RecordSource]
    settings: Settings
    model: Model

    @cached_property
    def version(self) -> str:
        """Changes with the settings, with what the contracts declare, and with what this code makes of both."""
        return f"{self.settings.rules_version}-{shape_version(self.sources)}-{LARGEST_PIECE}-{_MEANING}"

    @cached_property
    def model_version(self) -> str:
        """The model's digest; it reads the whole model, so once."""
        return self.model.version


@dataclass(slots=True)
class RunResult:
    """What a run did. `run_id` is None when it found nothing to change and left no row."""

    mode: str
    run_id: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    offset: int
    last_change: int
    previous_model: str | None
    previous_rules: str | None
    previous_weak_below: float | None
    customers: int
    requested: frozenset[str]
    requests: tuple[int, ...]

    def knows_other_rules(self, rules: Rules) -> bool:
        """Whether the last run that left a row went by others."""
        before = (self.previous_rules, self.previous_model, self.previous_weak_below)
        return before != (rules.version, rules.model_version, rules.settings.review.weak_link_below)


def run(connection: Connection[Any], rules: Rules, *, full: bool, accept: bool = False, progress: Progress | None = None) -> RunResult:
    """Bring identity up to date with raw and the decisions, in the caller's transaction (repeatable read, one run at a time).

    Incremental unless `full`, or nothing ran before, or rules, contracts or model are others than last time; other limits of what
    stewards are asked refresh the queue alone. `accept` lets a run pass that breaks the gate. Raises IdentityGateError; the caller
    rolls back.
    """
    start = _start(connection)
    everything = full or start.previous_rules != rules.version or start.previous_model != rules.model_version
    weak_below = rules.settings.review.weak_link_below
    ask_anew = everything or start.knows_other_rules(rules)
    result = RunResult(mode="full" if everything else "incremental")
    if not ask_anew and not start.requests and not _loads(connection, rules, start):
        _move_offset(connection, start)
        return result
    steps = Steps(result.seconds, progress)
    row = connection.execute(
        """insert into identity.run (mode, model_version, rules_version, weak_link_below, change_seq)
           values (%s, %s, %s, %s, %s) returning run_id""",
        [result.mode, rules.model_version, rules.version, weak_below, start.last_change],
    ).fetchone()
    if row is None:  # an insert that succeeds returns its row
        raise RuntimeError("no identity run was opened")
    run_id = int(row[0])
    secret = key()
    if not everything:
        # every look-up of an incremental run has its index; a plan that reads a table would make the cost follow the population
        connection.execute("set local enable_seqscan = off")

    with steps.step("records"):
        changes = _records(connection, rules, start, everything=everything)
    with steps.step("edges"):
        changed = changes.changed | start.requested
        evidenced = _edges(connection, rules, changes, changed, run_id, secret, everything=everything)
    made, examined = _customers(connection, rules, steps, changes, evidenced, changed, run_id=run_id, everything=everything)
    figures = RunFigures(
        largest_cluster=made.largest,
        customers_before=start.customers,
        customers_disturbed=made.disturbed,
        values_decided=evidenced.values_decided,
        values_refused=evidenced.values_refused,
    )
    broken = breaches(figures, rules.settings.gate)
    if broken and not accept:
        raise IdentityGateError(broken)
    with steps.step("review"):
        decisions.reopen(connection, record_ids=None if everything else changes.changed, secret=secret)
        if ask_anew:
            connection.execute("set local enable_seqscan = on")
        asked = review_queue.refresh(
            connection,
            records=None if ask_anew else {*examined, *changed, *evidenced.records},
            threshold=rules.model.match_threshold,
            weak_below=weak_below,
        )
    if made.kinds:
        customer_tables.log(connection, made, run_id=run_id)
    result.counts = _counts(changes, evidenced, made, start.customers)
    result.counts |= {"questions_written": asked.written, "questions_settled": asked.removed}
    something = bool(changes.changed or evidenced.differences or evidenced.added or made.kinds)
    _finish(connection, rules, start, result, run_id, something=something)
    return result


def _start(connection: Connection[Any]) -> _Start:
    offset = connection.execute("select seq from ops.consumer_offset where log = 'ops.change' and consumer = %s", [CONSUMER]).fetchone()
    last = connection.execute("select coalesce(max(seq), 0) from ops.change").fetchone()
    previous = connection.execute(
        """select model_version, rules_version, coalesce((figures ->> 'customers')::bigint, 0), weak_link_below
             from identity.run order by run_id desc limit 1"""
    ).fetchone()
    requests = connection.execute("select request_id, record_id from identity.reexamine").fetchall()
    return _Start(
        offset=int(offset[0]) if offset else 0,
        last_change=int(last[0]) if last else 0,
        previous_model=previous[0] if previous else None,
        previous_rules=previous[1] if previous else None,
        previous_weak_below=previous[3] if previous else None,
        customers=int(previous[2]) if previous else 0,
        requested=frozenset(record_id for _, record_id in requests),
        requests=tuple(request_id for request_id, _ in requests),
    )


def _records(connection: Connection[Any], rules: Rules, start: _Start, *, everything: bool) -> RecordChanges:
    sources = extraction.present_sources(connection, rules.sources)
    writer = RecordWriter(
        connection,
        settings=rules.settings,
        blocker=Blocker(rules.model),
        rewrite=everything and start.previous_model != rules.model_version,
        note_values=not everything,
    )
    if everything:
        present: set[str] = set()
        for source in sources:
            present |= writer.write(extraction.extract(connection, source, only_pending=False))
        known = certain.stream(connection, "select record_id from identity.record where not is_deleted", [])
        writer.delete(sorted(record_id for (record_id,) in known if record_id not in present))
        connection.execute("analyze identity.record, identity.record_attribute, identity.record_link")
        return writer.changes
    loads = _loads(connection, rules, start)
    for source in sources:
        touched = {part.object.full_name: loads[part.object.full_name] for part in source.parts if part.object.full_name in loads}
        if not touched or extraction.note_changed_keys(connection, source, touched) == 0:
            continue
        present = writer.write(extraction.extract(connection, source, only_pending=True))
        writer.delete(sorted(extraction.pending_record_ids(connection, source) - present))
    return writer.changes


def _loads(connection: Connection[Any], rules: Rules, start: _Start) -> Mapping[str, list[int]]:
    """Loads since the last run of the objects that identity reads."""
    rows = connection.execute(
        "select system || '.' || object, array_agg(load_id) from ops.change where seq > %s and seq <= %s group by 1",
        [start.offset, start.last_change],
    )
    read = {part.object.full_name for source in rules.sources for part in source.parts}
    return {name: loads for name, loads in rows if name in read}


def _edges(
    connection: Connection[Any],
    rules: Rules,
    changes: RecordChanges,
    changed: set[str],
    run_id: int,
    secret: bytes,
    *,
    everything: bool,
) -> edges.EdgeChanges:
    """Make the edges what they should be: all of them, or those that a change can have touched."""
    settings = rules.settings
    edges.prepare(connection)
    certain.touched_tables(
        connection,
        identifiers=None if everything else changes.identifiers,
        links=None if everything else changes.links,
        settings=settings,
    )
    model = rules.model
    scored = probabilistic.all_edges(connection, model) if everything else probabilistic.edges_of(connection, model, changed)
    wanted: Iterable[Iterator[Edge | RefusedValue]] = (
        certain.exact_edges(connection, settings=settings, secret=secret),
        certain.declared_edges(connection, settings=settings, secret=secret),
        certain.decided_edges(connection, record_ids=None if everything else sorted(changed)),
        scored,
    )
    _, refused = edges.collect(connection, chain.from_iterable(wanted), run_id=run_id)
    row = connection.execute(
        "select (select count(*) from touched_identifier where records > 1) + (select count(*) from touched_link where records > 0)"
    ).fetchone()
    decided = int(row[0]) if row else 0
    if everything:
        differences, added = edges.apply_all(connection)
        connection.execute("analyze identity.edge")
    else:
        hashes = [keyed_hash(secret, attribute, value) for attribute, value in changes.identifiers]
        hashes += [keyed_hash(secret, certain.LINK, target, value) for target, value in changes.links]
        differences = edges.apply_scope(connection, identifiers=hashes, records=sorted(changed))
        added = sum(one.change == "added" for one in differences)
    return edges.EdgeChanges(differences=differences, added=added, values_decided=decided, values_refused=refused)


def _customers(
    connection: Connection[Any],
    rules: Rules,
    steps: Steps,
    changes: RecordChanges,
    evidenced: edges.EdgeChanges,
    changed: set[str],
    *,
    run_id: int,
    everything: bool,
) -> tuple[customer_tables.CustomerChanges, set[str]]:
    """Cluster what the change reaches, or everything, and write what that does to the customers. Returns that, and the records that an
    incremental run looked at."""
    threshold = rules.model.match_threshold
    made, examined = customer_tables.CustomerChanges(), set[str]()
    changed_records = changes.changed
    scopes = _scopes(connection, changed, evidenced, threshold, everything=everything)
    while True:
        with steps.step("clusters"):
            left = next(scopes, None)
            if left is None:
                return made, examined
            scope = components.read(connection, threshold=threshold)
            found = components.clusters(scope, threshold=threshold, parameters=rules.model.cluster)
        with steps.step("customers"):
            here = set(scope.records)
            differences = [one for one in evidenced.differences if one.record_id_l in here or one.record_id_r in here]
            planned = customer_tables.plan(
                connection, scope=scope, clusters=found, changed_records=changed_records, differences=differences
            )
            if not planned.is_empty:
                customer_tables.write(connection, planned, run_id=run_id)
            if everything:  # the next part and the review queue are planned for what is there now, not for empty tables
                connection.execute("analyze identity.customer, identity.membership")
            made.add(planned, examined=len(scope.records))
        if not everything:
            examined.update(scope.records)
        if left:
            steps.say(f"customers, {left} parts to go")


def _scopes(
    connection: Connection[Any], changed: set[str], evidenced: edges.EdgeChanges, threshold: float, *, everything: bool
) -> Iterator[int]:
    """Fill the temporary table `scope`, once or part by part. Yields how many parts are left."""
    if everything:
        yield from parts(connection, threshold=threshold)
    else:
        components.close(connection, changed | evidenced.records, evidenced.differences, threshold=threshold)
        yield 0


def _counts(
    changes: RecordChanges, evidenced: edges.EdgeChanges, made: customer_tables.CustomerChanges, customers_before: int
) -> dict[str, int]:
    by_change = {name: sum(one.change == name for one in evidenced.differences) for name in ("removed", "changed")}
    return {
        "records_read": changes.seen,
        "records_inserted": len(changes.inserted),
        "records_updated": len(changes.updated),
        "records_deleted": len(changes.deleted),
        "edges_added": evidenced.added,
        "edges_removed": by_change["removed"],
        "edges_changed": by_change["changed"],
        "values_refused": evidenced.values_refused,
        "records_examined": made.examined,
        "customers": customers_before + made.gained,
        "customers_changed": made.changed,
        **{f"events_{kind}": count for kind, count in sorted(made.events.items())},
    }


def _finish(connection: Connection[Any], rules: Rules, start: _Start, result: RunResult, run_id: int, *, something: bool) -> None:
    """Close the run and move the offset. A run that changed nothing under the same rules leaves no row."""
    if start.requests:
        connection.execute("delete from identity.reexamine where request_id = any(%s)", [list(start.requests)])
    if something or start.knows_other_rules(rules):
        result.run_id = run_id
        connection.execute(
            "update identity.run set finished_at = clock_timestamp(), figures = %s where run_id = %s",
            [Jsonb({**result.counts, "seconds": result.seconds}), run_id],
        )
        if result.mode == "full":
            connection.execute("analyze identity.alias, identity.event, identity.review_item")
    else:
        connection.execute("delete from identity.run where run_id = %s", [run_id])
    _move_offset(connection, start)


def _move_offset(connection: Connection[Any], start: _Start) -> None:
    if start.last_change > start.offset:
        connection.execute(
            """insert into ops.consumer_offset (log, consumer, seq) values ('ops.change', %s, %s)
               on conflict (log, consumer) do update set seq = excluded.seq, moved_at = now()""",
            [CONSUMER, start.last_change],
        )
