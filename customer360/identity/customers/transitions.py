"""What a new partition means for the customers there were: who keeps, gains, loses records; who is born, merged, retired. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from customer360.identity.clusters.components import ScopeEdge
from customer360.identity.customers.continuity import Assignment, Holding, Retired, assign
from customer360.identity.evidence.edges import EdgeDifference

EventKind = Literal["birth", "merge", "split", "move", "join", "leave", "retire", "revive"]
_EDGES_TOLD = 5  # in an event's reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of identity.event."""

    kind: EventKind
    customer_id: UUID
    other_id: UUID | None
    record_ids: tuple[str, ...]
    reason: Mapping[str, Any]


@dataclass(slots=True)
class Transition:
    """All that changes. `assignments`: the clusters that are not what they were."""

    assignments: list[Assignment] = field(default_factory=list)
    joined: dict[str, UUID] = field(default_factory=dict)  # record → the customer it is with now, where that is new
    left: dict[str, UUID] = field(default_factory=dict)  # record → the customer it was with, where it moved or went
    retired: set[UUID] = field(default_factory=set)
    losers: set[UUID] = field(default_factory=set)  # living on with living records taken from them
    events: list[Event] = field(default_factory=list)

    def add(self, other: Transition) -> None:
        """Take in what another part of the population does; they share no customer."""
        self.assignments += other.assignments
        self.joined |= other.joined
        self.left |= other.left
        self.retired |= other.retired
        self.losers |= other.losers
        self.events += other.events

    def of_origin(self, origin: str) -> list[UUID]:
        """Ids that were `born` or `revived`."""
        return [one.customer_id for one in self.assignments if one.origin == origin]


def changed_clusters(clusters: Iterable[frozenset[str]], held: Mapping[str, Holding]) -> list[frozenset[str]]:
    """Clusters that are not exactly the records of one customer."""
    sizes: dict[UUID, int] = defaultdict(int)
    for holding in held.values():
        sizes[holding.customer_id] += 1
    changed = []
    for records in clusters:
        before = {held[record].customer_id if record in held else None for record in records}
        only = before.pop()
        if before or only is None or sizes[only] != len(records):
            changed.append(records)
    return changed


def transition(
    changed: Sequence[frozenset[str]],
    *,
    held: Mapping[str, Holding],
    deleted: Collection[str],
    born_at: Mapping[UUID, datetime],
    retired: Sequence[Retired],
    new_id: Callable[[], UUID],
    edges: Iterable[ScopeEdge],
    differences: Iterable[EdgeDifference],
) -> Transition:
    """`held`: the living customer of every record in the changed clusters, and of the deleted ones."""
    found = Transition(assignments=assign(changed, held=_living(held, deleted), born_at=born_at, retired=retired, new_id=new_id))
    for one in found.assignments:
        for record in one.records:
            holding = held.get(record)
            if holding is None or holding.customer_id != one.customer_id:
                found.joined[record] = one.customer_id
                if holding is not None:
                    found.left[record] = holding.customer_id
    found.left |= {record: held[record].customer_id for record in deleted if record in held}
    before = {held[record].customer_id for one in found.assignments for record in one.records if record in held}
    before |= {held[record].customer_id for record in deleted if record in held}
    kept = {one.customer_id for one in found.assignments if one.origin == "kept"}
    # a customer of which only the deleted records are known here may live on with others, unchanged in them: it is in `changed` then
    found.retired = before - kept
    found.losers = {customer for record, customer in found.left.items() if record not in deleted} - found.retired
    found.events = _events(found, held, deleted, _Reasons(edges, differences))
    return found


def _living(held: Mapping[str, Holding], deleted: Collection[str]) -> dict[str, Holding]:
    gone = set(deleted)
    return {record: holding for record, holding in held.items() if record not in gone}


def _events(found: Transition, held: Mapping[str, Holding], deleted: Collection[str], reasons: _Reasons) -> list[Event]:
    events = [event for one in found.assignments for event in _coming(one, found, held, reasons)]
    gone: dict[UUID, list[str]] = defaultdict(list)
    for record in sorted(deleted):
        if record in held:
            gone[held[record].customer_id].append(record)
    events += [_event("leave", customer, None, records, {"because": "record_deleted"}) for customer, records in gone.items()]
    merged = {event.other_id for event in events if event.kind == "merge"}
    events += [
        _event("retire", customer, None, (), {"because": "no_record_left"}) for customer in sorted(found.retired) if customer not in merged
    ]
    return events


def _coming(one: Assignment, found: Transition, held: Mapping[str, Holding], reasons: _Reasons) -> Iterator[Event]:
    came: dict[UUID | None, list[str]] = defaultdict(list)
    for record in sorted(one.records):
        holding = held.get(record)
        came[holding.customer_id if holding else None].append(record)
    own = came.pop(one.customer_id, [])
    if one.origin == "born":
        yield _event("birth", one.customer_id, None, sorted(one.records), {"records": len(one.records)})
    elif one.origin == "revived":
        yield _event("revive", one.customer_id, None, sorted(one.records), {"records": len(one.records)})
    for source, records in came.items():
        if source is None:
            if own or len(came) > 1:
                yield _event("join", one.customer_id, None, records, reasons.for_joining(records, one.records))
        elif one.origin != "kept":
            yield _event("split", source, one.customer_id, records, reasons.for_parting(records))
        elif source in found.retired:
            yield _event("merge", one.customer_id, source, records, reasons.for_joining(records, one.records))
        else:
            yield _event("move", one.customer_id, source, records, reasons.for_joining(records, one.records))


class _Reasons:
    """Which evidence brought records together or let them part; record ids and rules, never a value."""

    def __init__(self, edges: Iterable[ScopeEdge], differences: Iterable[EdgeDifference]) -> None:
        self._edges: dict[str, list[ScopeEdge]] = defaultdict(list)
        for edge in edges:
            self._edges[edge.record_id_l].append(edge)
            self._edges[edge.record_id_r].append(edge)
        self._removed: dict[str, list[EdgeDifference]] = defaultdict(list)
        for difference in differences:
            if difference.change != "added":
                self._removed[difference.record_id_l].append(difference)
                self._removed[difference.record_id_r].append(difference)

    def for_joining(self, records: Sequence[str], cluster: Collection[str]) -> dict[str, Any]:
        """The strongest edges between these records and the rest of their cluster."""
        ours = set(records)
        found = {
            edge
            for record in records
            for edge in self._edges.get(record, ())
            if (edge.record_id_l in ours) != (edge.record_id_r in ours) and edge.record_id_l in cluster and edge.record_id_r in cluster
        }
        ranked = sorted(found, key=lambda edge: (-edge.probability, edge.record_id_l, edge.record_id_r, edge.kind, edge.rule))
        return {"because": "evidence", "edges": [_told(edge) for edge in ranked[:_EDGES_TOLD]]}

    def for_parting(self, records: Sequence[str]) -> dict[str, Any]:
        """Edges of these records that went or weakened; without one, clustering cut what held them (a decision, a contradiction)."""
        ours = set(records)
        found = {
            one for record in records for one in self._removed.get(record, ()) if (one.record_id_l in ours) != (one.record_id_r in ours)
        }
        if not found:
            return {"because": "cut"}
        ranked = sorted(found, key=lambda one: (-one.probability, one.record_id_l, one.record_id_r, one.kind, one.rule))
        return {"because": "evidence_withdrawn", "edges": [_told(one) for one in ranked[:_EDGES_TOLD]]}


def _told(edge: ScopeEdge | EdgeDifference) -> dict[str, Any]:
    return {
        "record_id_l": edge.record_id_l,
        "record_id_r": edge.record_id_r,
        "kind": edge.kind,
        "rule": edge.rule,
        "probability": round(edge.probability, 6),
    }


def _event(kind: EventKind, customer_id: UUID, other_id: UUID | None, record_ids: Sequence[str], reason: Mapping[str, Any]) -> Event:
    return Event(kind=kind, customer_id=customer_id, other_id=other_id, record_ids=tuple(record_ids), reason=reason)
