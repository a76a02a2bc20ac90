"""Two records: are they one customer now, by which evidence, and if not, what stands between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from customer360.identity.clusters.components import weight
from customer360.identity.clusters.pieces import pieces_around
from customer360.identity.evidence.certain import LINK
from customer360.identity.evidence.keyed_hash import keyed_hash
from customer360.identity.explain import obstacles, reading
from customer360.identity.explain.asked import unanswered
from customer360.identity.explain.basis import Basis, ExplainError, broken_down, scored
from customer360.identity.explain.explanation import Evidence, Obstacle, OpenQuestion, PairExplanation, Record, Step
from customer360.identity.explain.paths import widest_path
from customer360.identity.explain.words import chance
from customer360.identity.match.breakdown import Breakdown
from customer360.identity.match.cluster import RESOLUTION
from customer360.identity.stewardship import desk
from customer360.identity.stewardship.decisions import check_known
from customer360.identity.stewardship.desk import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """The two records and the customers around them."""

    left: Record
    right: Record
    records: Mapping[str, Record]
    standards: dict[str, reading.Standard]
    inside: Sequence[Evidence]  # both ends among the records
    decisions: Sequence[Decision]

    @property
    def is_one(self) -> bool:
        return self.left.customer_id is not None and self.left.customer_id == self.right.customer_id

    def beside(self, record: Record) -> frozenset[str]:
        """The record and those it is one customer with."""
        if record.customer_id is None:
            return frozenset({record.record_id})
        return frozenset(one.record_id for one in self.records.values() if one.customer_id == record.customer_id)

    def between(self, left: str, right: str) -> list[Evidence]:
        """Edges between two records, strongest first."""
        return [one for one in self.inside if {one.record_id_l, one.record_id_r} == {left, right}]


def explain_pair(connection: Connection[Any], left: str, right: str, *, basis: Basis, values: bool = False) -> PairExplanation:
    """Explain two records, named `<system>.<object>:<key>`. `values`: also what they say, for whoever may see it.

    Reads by index, in the caller's transaction. Raises UserError for a record that is not known, or given twice.
    """
    if left == right:
        raise ExplainError(f"{left} is given twice; give two records, or one to see the customer it belongs to")
    reading.by_index(connection)
    around = _around(connection, left, right, basis)
    one, other = around.left, around.right
    path = _path(around)
    pair = (min(left, right), max(left, right))
    pairs = {(edge.record_id_l, edge.record_id_r) for step in path for edge in step.evidence if edge.kind == "probabilistic"}
    is_comparable = one.kind == other.kind and not one.is_deleted and not other.is_deleted
    found = scored(basis, around.standards, pairs | ({pair} if is_comparable else set()))
    score = found.get(pair)
    between = [] if around.is_one else _obstacles(connection, around, score, basis)
    path = [replace(step, evidence=broken_down(basis, step.evidence, found)) for step in path]
    steps = {frozenset((step.record_id_from, step.record_id_to)) for step in path} | {frozenset(pair)}
    return PairExplanation(
        record_l=one,
        record_r=other,
        is_one=around.is_one,
        verdict=_verdict(around, path),
        path=path,
        direct=broken_down(basis, around.between(left, right), found),
        score=score,
        obstacles=between,
        decisions=[decision for decision in around.decisions if _speaks(decision, around, steps)],
        actions=desk.history(connection, left, right),
        questions=_questions(connection, around),
        records=list(around.records.values()),
        evidence=around.inside,
        ground=basis.ground,
        notes=(*basis.notes, *_pending(around)),
        values=reading.values(connection, [left, right]) if values else None,
    )


def _around(connection: Connection[Any], left: str, right: str, basis: Basis) -> _Around:
    asked = reading.records(connection, [left, right])
    check_known(asked, left, right)
    customers = {record.customer_id for record in asked.values() if record.customer_id is not None}
    named = {left, right, *reading.members(connection, customers)}
    edges = reading.evidence_at(connection, named, threshold=basis.model.match_threshold)
    return _Around(
        left=asked[left],
        right=asked[right],
        records=reading.records(connection, named),
        standards=reading.standards(connection, named),
        inside=[one for one in edges if one.record_id_l in named and one.record_id_r in named],
        decisions=desk.standing_at(connection, named),
    )


def _path(around: _Around) -> list[Step]:
    """From left to right by evidence that holds: within the customer, or across the cut between two."""
    left, right = around.left.record_id, around.right.record_id
    own = {record: around.beside(record_) for record, record_ in ((left, around.left), (right, around.right))}
    holding = [one for one in around.inside if one.holds]
    steps: list[Step] = []
    at = left
    for link in widest_path(left, right, holding):
        to = link.record_id_r if link.record_id_l == at else link.record_id_l
        steps.append(
            Step(
                record_id_from=at,
                record_id_to=to,
                probability=link.probability,
                evidence=around.between(at, to),
                crosses=not around.is_one and (at in own[left]) != (to in own[left]),
            )
        )
        at = to
    return steps


def _obstacles(connection: Connection[Any], around: _Around, score: Breakdown | None, basis: Basis) -> list[Obstacle]:
    one, other = around.left, around.right
    left, right = one.record_id, other.record_id
    found = obstacles.of_records(one, other)
    if found:
        return found
    ours, theirs = around.beside(one), around.beside(other)
    direct = around.between(left, right)
    apart = obstacles.of_decisions(around.decisions, ours, theirs)
    apart += obstacles.of_contradictions(around.standards, ours, theirs, (left, right))
    found += apart
    found += _of_shared(connection, around, direct, basis)
    model = basis.model
    if not any(edge.holds for edge in direct):
        found += obstacles.of_score(score, match_threshold=model.match_threshold, review_threshold=model.review_threshold)
    across = [edge for edge in around.inside if (edge.record_id_l in ours) != (edge.record_id_r in ours)]
    strongest = next((edge for edge in across if edge.holds), None)
    is_taken_apart = False
    if strongest is not None and not apart:
        ends = (strongest.record_id_l, strongest.record_id_r)
        pieces = pieces_around(ends, _neighbours(connection, model.match_threshold))
        is_taken_apart = not any(piece.issuperset(ends) for piece in pieces)
    return found + obstacles.of_clustering(
        across,
        (len(ours), len(theirs)),
        resolution=model.cluster.get("resolution", RESOLUTION),
        is_kept_apart=bool(apart),
        is_taken_apart=is_taken_apart,
    )


def _of_shared(connection: Connection[Any], around: _Around, direct: Sequence[Evidence], basis: Basis) -> list[Obstacle]:
    """Identifiers and declared links that both records have, and that do not join them."""
    left, right = around.left.record_id, around.right.record_id
    held = reading.identifiers(connection, [left, right], basis.settings.identifiers)
    shared = {value: keyed_hash(basis.secret, *value) for value in held[left] & held[right]}
    named = reading.links(connection, [left, right])
    ours, theirs = ({(target, value) for target, value, _ in named[record]} for record in (left, right))
    targets = {link: keyed_hash(basis.secret, LINK, *link) for link in ours & theirs}
    refused = reading.refusals(connection, [*shared.values(), *targets.values()])
    found = obstacles.of_identifiers(shared, refused, direct, (around.standards[left], around.standards[right]), basis.settings)
    return found + obstacles.of_links(
        named[left],
        named[right],
        {link: refused[hashed] for link, hashed in targets.items() if hashed in refused},
        any(edge.kind == "declared" for edge in direct),
    )


def _questions(connection: Connection[Any], around: _Around) -> list[OpenQuestion]:
    """What is asked inside their customer, or between the two."""
    customers = {name: record.customer_id for name, record in around.records.items() if record.customer_id is not None}
    asked = [
        one
        for one in reading.questions(connection, customers)
        if one.record_id_l in customers
        and one.record_id_r in customers
        and (around.is_one or customers[one.record_id_l] != customers[one.record_id_r])
    ]
    return unanswered(asked, around.decisions, customers)


def _neighbours(connection: Connection[Any], threshold: float) -> Callable[[Collection[str]], Mapping[str, Mapping[str, float]]]:
    def ask(records: Collection[str]) -> Mapping[str, Mapping[str, float]]:
        found: dict[str, dict[str, float]] = {record: {} for record in records}
        for edge in reading.evidence_at(connection, records, threshold=threshold):
            for record, other in ((edge.record_id_l, edge.record_id_r), (edge.record_id_r, edge.record_id_l)):
                if edge.holds and record in found:
                    found[record][other] = max(found[record].get(other, 0.0), weight(edge.kind, edge.probability))
        return found

    return ask


def _speaks(decision: Decision, around: _Around, steps: Collection[frozenset[str]]) -> bool:
    """Whether a decision has a say in this: on the two records or a link of their path, or between their two customers."""
    pair = {decision.record_id_l, decision.record_id_r}
    if frozenset(pair) in steps:
        return True
    return not around.is_one and bool(pair & around.beside(around.left)) and bool(pair & around.beside(around.right))


def _pending(around: _Around) -> list[str]:
    waiting = [one for one in around.decisions if not one.is_applied]
    return [f"{len(waiting)} decision(s) about these customers wait for the next run (`customer360 resolve`)."] if waiting else []


def _verdict(around: _Around, path: Sequence[Step]) -> str:
    pair = f"{around.left.record_id} and {around.right.record_id}"
    if not around.is_one:
        if around.left.customer_id is None or around.right.customer_id is None:
            return f"{pair} are not one customer: a deleted record has none"
        return f"{pair} are two customers: {around.left.customer_id} and {around.right.customer_id}"
    how = "by no evidence that still holds; the next run looks again"
    if path:
        weakest = min(step.probability for step in path)
        how = f"joined by {'one link of' if len(path) == 1 else f'a path of {len(path)} links, the weakest'} {chance(weakest)}"
    since = max(one.since for one in (around.left, around.right) if one.since is not None)
    return f"{pair} are one customer since {since:%Y-%m-%d}, {around.left.customer_id} ({len(around.records)} records), {how}"
