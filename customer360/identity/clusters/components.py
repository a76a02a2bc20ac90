"""Which records a change can reach, and the clusters among them.

The scope of an incremental run are the pieces (see `pieces`: connected components, or parts of one too large) that hold a record or
an end of an edge that changed, or held one before. Any other piece has the edges, the records and so the clusters it had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, LiteralString

import pyarrow as pa
from psycopg import Connection

from customer360.identity.clusters.forest import Forest
from customer360.identity.clusters.pieces import FIRM, pieces_around
from customer360.identity.clusters.weak_links import strongest_tree
from customer360.identity.evidence.agreement import known_birth_dates, same_birth_date
from customer360.identity.evidence.certain import stream
from customer360.identity.evidence.edges import EdgeDifference
from customer360.identity.match.cluster import cluster

_FETCHED = 5_000  # records whose edges are fetched at a time
_AUTHORITY = ("decided", "declared", "exact")  # whose word counts first
LARGEST_COMPARED = 400  # records of a component or customer that are compared pair by pair; the size gate stops larger ones


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeEdge:
    """An edge that holds (its probability reaches the match threshold, or it is no matter of probability)."""

    record_id_l: str
    record_id_r: str
    kind: str
    rule: str
    probability: float
    holds: bool  # must stand whatever the rest of the cluster looks like: decided, declared, or exact with names that agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Everything clustering looks at: whole pieces."""

    records: Sequence[str]  # living, sorted
    edges: Sequence[ScopeEdge]
    apart: Collection[tuple[str, str]]  # cannot-link decisions, and contradictions that no declared link or decision bridges


def close(connection: Connection[Any], affected: Collection[str], differences: Iterable[EdgeDifference], *, threshold: float) -> None:
    """Make the temporary table `scope`: the affected records (all that changed, and both ends of every edge that did), and the
    pieces that hold them now and held them before these differences."""
    graph = _Graph(connection, differences, threshold=threshold)
    reached = set(affected).union(*pieces_around(affected, graph.before))
    found = pieces_around(reached, graph.now)  # asks the database, so before COPY takes the connection
    connection.execute("create temporary table scope (record_id text primary key, piece bigint not null) on commit drop")
    with connection.cursor() as cursor, cursor.copy("copy scope from stdin") as copy:
        for number, piece in enumerate(found):
            for record_id in piece:
                copy.write_row((record_id, number))
    connection.execute("analyze scope")


def read(connection: Connection[Any], *, threshold: float, edge_table: LiteralString = "identity.edge") -> Scope:
    """Read what clustering needs of the records in the temporary table `scope` (see `close`, and `parts`); `edge_table` may be one of
    edges not yet adopted."""
    records = [
        record_id
        for (record_id,) in stream(
            connection,
            "select s.record_id from scope s join identity.record r using (record_id) where not r.is_deleted order by s.record_id",
            [],
        )
    ]
    same = {record_id: record_id for record_id in records}  # one string per id, however many edges name it
    edges = [
        ScopeEdge(record_id_l=same[left], record_id_r=same[right], kind=kind, rule=rule, probability=probability, holds=holds)
        for left, right, kind, rule, probability, holds in stream(
            connection,
            f"""select e.record_id_l, e.record_id_r, e.kind, e.rule, e.probability,
                      e.kind in ('declared', 'decided') or e.kind = 'exact' and e.evidence ->> 'agreement' <> 'silent'
                 from scope s join {edge_table} e on e.record_id_l = s.record_id
                 join scope o on o.record_id = e.record_id_r and o.piece = s.piece
                where e.kind <> 'probabilistic' or e.probability >= %s
                order by e.record_id_l, e.record_id_r, e.kind, e.rule""",
            [threshold],
        )
    ]
    cannot_link = connection.execute(
        """select d.record_id_l, d.record_id_r from scope s join identity.decision d on d.record_id_l = s.record_id
            where d.verdict = 'cannot_link' and d.withdrawn_at is null order by 1, 2"""
    ).fetchall()
    identifying = {
        record_id: identifying_values(births, nationals)
        for record_id, births, nationals in stream(
            connection,
            """select s.record_id, r.standard -> 'birth_date', r.standard -> 'national_id'
                 from scope s join identity.record r using (record_id)
                where r.standard ?| array['birth_date', 'national_id']""",
            [],
        )
    }
    return Scope(
        records=records,
        edges=edges,
        apart=sorted({(left, right) for left, right in cannot_link} | _contradictions(records, edges, identifying)),
    )


def _strongest(edges: Iterable[ScopeEdge]) -> dict[tuple[str, str], float]:
    """Pair of records → what the weightiest edge between them counts for."""
    strongest: dict[tuple[str, str], float] = {}
    for edge in edges:
        pair = (edge.record_id_l, edge.record_id_r)
        strongest[pair] = max(strongest.get(pair, 0.0), weight(edge.kind, edge.probability))
    return strongest


def weight(kind: str, probability: float) -> float:
    """What an edge counts for among the others: declared and exact evidence has passed its own rules, the model does not judge it again."""
    return probability if kind == "probabilistic" else FIRM


class _Graph:
    """The edges that hold, now and before a run's differences, fetched around the records that are asked for."""

    def __init__(self, connection: Connection[Any], differences: Iterable[EdgeDifference], *, threshold: float) -> None:
        self._connection = connection
        self._threshold = threshold
        self._now: dict[str, dict[str, list[float]]] = {}
        self._gone: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._came: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._differing: dict[str, set[str]] = defaultdict(set)
        for one in differences:
            self._note(one)

    def _note(self, one: EdgeDifference) -> None:
        pair = (one.record_id_l, one.record_id_r)
        before = one.probability if one.change == "removed" else one.probability_before
        if before is not None and self._holds(one.kind, before):
            self._gone[pair].append(weight(one.kind, before))
        if one.change != "removed" and self._holds(one.kind, one.probability):
            self._came[pair].append(weight(one.kind, one.probability))
        self._differing[pair[0]].add(pair[1])
        self._differing[pair[1]].add(pair[0])

    def _holds(self, kind: str, probability: float) -> bool:
        return kind != "probabilistic" or probability >= self._threshold

    def now(self, records: Collection[str]) -> dict[str, dict[str, float]]:
        """Each record's neighbours as the edges stand."""
        self._fetch(records)
        return {record: {other: max(weights) for other, weights in self._now[record].items()} for record in records}

    def before(self, records: Collection[str]) -> dict[str, dict[str, float]]:
        """Each record's neighbours as the edges stood before."""
        found = self.now(records)
        for record in records:
            for other in self._differing.get(record, ()):
                pair = (min(record, other), max(record, other))
                weights = [*self._now[record].get(other, ()), *self._gone.get(pair, ())]
                for weight in self._came.get(pair, ()):
                    weights.remove(weight)
                found[record].pop(other, None)
                if weights:
                    found[record][other] = max(weights)
        return found

    def _fetch(self, records: Collection[str]) -> None:
        missing = sorted(record for record in records if record not in self._now)
        for start in range(0, len(missing), _FETCHED):
            batch = missing[start : start + _FETCHED]
            self._now.update({record: {} for record in batch})
            rows = self._connection.execute(
                """select record_id_l, record_id_r, kind, probability from identity.edge
                    where record_id_l = any(%(records)s) and (kind <> 'probabilistic' or probability >= %(threshold)s)
                   union all
                   select record_id_r, record_id_l, kind, probability from identity.edge
                    where record_id_r = any(%(records)s) and (kind <> 'probabilistic' or probability >= %(threshold)s)""",
                {"records": batch, "threshold": self._threshold},
            )
            for record, other, kind, probability in rows:
                self._now[record].setdefault(other, []).append(weight(kind, probability))


def components(records: Iterable[str], edges: Iterable[ScopeEdge]) -> list[list[str]]:
    """Connected components, each sorted, in order of their smallest record."""
    forest = Forest(records)
    for edge in edges:
        forest.join(edge.record_id_l, edge.record_id_r)
    return sorted(sorted(members) for members in forest.members.values())


def clusters(scope: Scope, *, threshold: float, parameters: Mapping[str, float]) -> list[frozenset[str]]:
    """The scope's records, partitioned: one customer each."""
    strongest = _strongest(scope.edges)
    table = pa.table(
        {
            "l": pa.array([left for left, _ in strongest], pa.string()),
            "r": pa.array([right for _, right in strongest], pa.string()),
            "probability": pa.array(list(strongest.values()), pa.float64()),
        }
    )
    labels = cluster(
        table,
        scope.records,
        threshold=threshold,
        must_link=_forced(scope),
        cannot_link=scope.apart,
        **parameters,
    )
    grouped: dict[str, set[str]] = defaultdict(set)
    for record in scope.records:
        grouped[labels[record]].add(record)
    return [frozenset(records) for records in grouped.values()]


def _forced(scope: Scope) -> list[tuple[str, str]]:
    """Pairs that must end in one cluster. Where a cannot-link lets only some of them stand, decisions come first, then declared links, then
    exact identifiers; of one kind the pair with the smaller record ids."""
    ranks: dict[tuple[str, str], int] = {}
    for edge in scope.edges:
        if edge.holds:
            pair = (edge.record_id_l, edge.record_id_r)
            ranks[pair] = min(ranks.get(pair, len(_AUTHORITY)), _AUTHORITY.index(edge.kind))
    if not scope.apart:
        return sorted(ranks)
    forest = Forest(record for pair in (*ranks, *scope.apart) for record in pair)
    against: dict[str, set[str]] = defaultdict(set)  # by root: records that none of the set may be with
    for left, right in scope.apart:
        against[left].add(right)
        against[right].add(left)
    standing = []
    for _, pair in sorted((rank, pair) for pair, rank in ranks.items()):
        left, right = forest.root(pair[0]), forest.root(pair[1])
        if any(forest.root(record) == right for record in against[left]):
            continue
        standing.append(pair)
        if left != right:
            forbidden = against.pop(left, set()) | against.pop(right, set())
            against[forest.join(left, right)] = forbidden
    return sorted(standing)


def confidence(records: frozenset[str], edges: Sequence[ScopeEdge]) -> float:
    """The weakest link of the strongest tree that holds the records together; 1 for a single record."""
    tree = strongest_tree(records, edges)
    return tree[-1].probability if tree else 1.0


Identifying = tuple[tuple[str, ...], tuple[str, ...]]  # birth dates, national ids


def identifying_values(birth_dates: Sequence[str] | None, national_ids: Sequence[str] | None) -> Identifying:
    """What `contradicts` compares, of a record's standard values; None where it has none."""
    return known_birth_dates(birth_dates or ()), tuple(national_ids or ())


def _contradictions(records: Iterable[str], edges: Sequence[ScopeEdge], identifying: Mapping[str, Identifying]) -> set[tuple[str, str]]:
    """Pairs of one component that cannot be one person: birth dates further apart than a typing error, or other national ids.

    Where a source or a steward says that two records are one customer, a contradiction between them is a wrong value, not another person.
    """
    found: set[tuple[str, str]] = set()
    said: dict[str, int] | None = None
    for part in components(records, edges):
        known = [record for record in part if record in identifying]
        if len(known) < 2 or len(part) > LARGEST_COMPARED or len({identifying[record] for record in known}) == 1:
            continue
        pairs = [pair for pair in combinations(known, 2) if contradicts(identifying[pair[0]], identifying[pair[1]])]
        if not pairs:
            continue
        if said is None:
            said = _said_to_be_one(edges)
        found |= {(left, right) for left, right in pairs if left not in said or said[left] != said.get(right)}
    return found


def _said_to_be_one(edges: Iterable[ScopeEdge]) -> dict[str, int]:
    """Records that declared links and decisions chain together → a number per chain."""
    said = [edge for edge in edges if edge.kind in {"declared", "decided"}]
    ends = {edge.record_id_l for edge in said} | {edge.record_id_r for edge in said}
    return {record: number for number, part in enumerate(components(ends, said)) for record in part}


def contradicts(left: Identifying, right: Identifying) -> bool:
    """Whether no one person has both: birth dates further apart than a typing error, or other national ids."""
    (our_births, our_ids), (their_births, their_ids) = left, right
    if our_births and their_births and not any(same_birth_date(one, other) for one in our_births for other in their_births):
        return True
    return bool(our_ids and their_ids and not set(our_ids) & set(their_ids))
