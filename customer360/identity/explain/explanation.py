"""What an explanation holds. Times are UTC. Levels, weights, rules and record ids; values of records only where they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from customer360.identity.match.breakdown import Breakdown
from customer360.identity.stewardship.desk import Action, Decision

Kind = Literal["decided", "declared", "exact", "probabilistic"]
KINDS: Mapping[Kind, str] = {
    "decided": "a steward said so",
    "declared": "one system keeps the other's id",
    "exact": "both hold the same identifier",
    "probabilistic": "the model's score",
}
ObstacleKind = Literal[
    "deleted", "other_kind", "cannot_link", "contradiction", "refused_identifier", "refused_link", "unmatched_link", "guarded_identifier",
    "not_blocked", "below_review", "grey_zone", "taken_apart", "cut",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A source record. `customer_id` and `since`: its customer now, and since when; None for a deleted one."""

    record_id: str
    source: str
    kind: str
    is_deleted: bool
    first_seen_at: datetime
    changed_at: datetime
    customer_id: UUID | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One edge between two records. `rule`: the semantic type of a shared identifier, the field of a declared link, `model`, `must_link`.

    `holds`: it counts for clustering (no matter of probability, or its probability reaches the match threshold). `details`: what the edge
    keeps besides (agreement of names, records that hold the identifier, …). `breakdown`: of a probabilistic one.
    """

    record_id_l: str
    record_id_r: str
    kind: Kind
    rule: str
    probability: float
    holds: bool
    identifier: str = ""  # keyed hash of the shared value, in hexadecimal
    details: Mapping[str, Any] = field(default_factory=dict)
    model_version: str | None = None
    breakdown: Breakdown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a path: from record to record by this evidence, strongest first. `crosses`: between two customers."""

    record_id_from: str
    record_id_to: str
    probability: float
    evidence: Sequence[Evidence]
    crosses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One thing that stands between two records: in words, and as `details` for programs."""

    kind: ObstacleKind
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """What the review queue asks about a pair of records."""

    kind: str
    record_id_l: str
    record_id_r: str
    probability: float
    since: datetime
    postponed_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of a record, as its source has it and in its standard form (None: it has no valid one). Personal."""

    raw: str
    standard: str | None
    is_verified: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """The values of one attribute, by record. Personal."""

    attribute: str
    values: Mapping[str, Sequence[Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an explanation was made from: the newest identity run, the model whose scores it shows, its thresholds, and the probability
    below which stewards are asked about what holds a customer together."""

    run_id: int
    run_at: datetime
    model_version: str
    match_threshold: float
    review_threshold: float
    weak_link_below: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairExplanation:
    """Two records. `path`: from the left to the right one, such that its weakest link is as strong as can be; where they are apart, across
    the cut, or empty. `score`: the model's, whether kept as an edge or not; None where the two are never compared.
    `records` and `evidence`: the customer or the two customers around them."""

    record_l: Record
    record_r: Record
    is_one: bool
    verdict: str
    path: Sequence[Step]
    direct: Sequence[Evidence]
    score: Breakdown | None
    obstacles: Sequence[Obstacle]
    decisions: Sequence[Decision]  # standing: on the two, on links of the path, between the two customers
    actions: Sequence[Action]  # all that stewards and runs did to the two, oldest first
    questions: Sequence[OpenQuestion]
    records: Sequence[Record]
    evidence: Sequence[Evidence]
    ground: Ground
    notes: Sequence[str] = ()
    values: Sequence[ValueRow] | None = None

    @property
    def is_score_on_path(self) -> bool:
        """Whether the two's own score is evidence of the path, and told there."""
        return self.score is not None and any(one.breakdown == self.score for step in self.path for one in step.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLink:
    """A link of the customer's strongest tree. `smaller_side`: records that would come apart without it, where it is weak; else None."""

    record_id_l: str
    record_id_r: str
    probability: float
    smaller_side: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedIdentifier:
    """An identifier value that joined records of the customer."""

    attribute: str
    record_ids: Sequence[str]
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedIdentifier:
    """An identifier value that records of the customer hold and that joins nobody."""

    attribute: str
    record_ids: Sequence[str]
    holders: int
    limit: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another customer with evidence towards this one; `evidence` the strongest. `is_cut`: it holds, and clustering said no."""

    customer_id: UUID
    pairs: int
    evidence: Evidence
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a customer (`identity.event`). `reason` holds rules and record ids, no value."""

    at: datetime
    kind: str
    customer_id: UUID
    other_id: UUID | None
    record_ids: Sequence[str]
    reason: Mapping[str, Any]
    run_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerExplanation:
    """A customer. `asked`: the id given, `customer_id` whom it means now; with `alias_since` where that is another. A retired id that
    nobody stands for has no records. `tree`: what holds it together, strongest link first."""

    asked: UUID
    customer_id: UUID
    alias_since: datetime | None
    born_at: datetime
    retired_at: datetime | None
    confidence: float | None
    verdict: str
    records: Sequence[Record]
    tree: Sequence[TreeLink]
    evidence: Sequence[Evidence]
    identifiers: Sequence[SharedIdentifier]
    refused: Sequence[RefusedIdentifier]
    neighbours: Sequence[Neighbour]
    aliases: Sequence[UUID]
    events: Sequence[Event]
    decisions: Sequence[Decision]
    questions: Sequence[OpenQuestion]
    ground: Ground
    notes: Sequence[str] = ()
    values: Sequence[ValueRow] | None = None

    def between(self, left: str, right: str) -> list[Evidence]:
        """Evidence between two of its records, strongest first."""
        return [one for one in self.evidence if {one.record_id_l, one.record_id_r} == {left, right}]

    @property
    def beside_tree(self) -> list[Evidence]:
        """Evidence between records that no link of the tree joins directly."""
        tree = {(link.record_id_l, link.record_id_r) for link in self.tree}
        return [one for one in self.evidence if (one.record_id_l, one.record_id_r) not in tree]


Explanation = PairExplanation | CustomerExplanation
