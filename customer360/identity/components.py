"""Which records a change can reach, and the clusters among them.

The scope of an incremental run is every connected component, over the edges that hold, around a record or edge that changed.
A component with no such record has the edges, the records and so the clusters it had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, LiteralString

import pyarrow as pa
from psycopg import Connection

from customer360.identity.agreement import known_birth_dates, same_birth_date
from customer360.identity.evidence import stream
from customer360.identity.match.cluster import cluster

_LARGEST_COMPARED = 400  # records of a component whose contradictions are looked for pair by pair; the size gate stops larger ones


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
    """Everything clustering looks at: whole components."""

    records: Sequence[str]  # living, sorted
    edges: Sequence[ScopeEdge]
    apart: Collection[tuple[str, str]]  # cannot-link decisions, and contradictions that no declared link or decision bridges


def close(connection: Connection[Any], affected: Collection[str], *, threshold: float) -> None:
    """Make the temporary table `scope`: the components (over edges that hold) around the affected records."""
    connection.execute("create temporary table affected (record_id text primary key) on commit drop")
    with connection.cursor() as cursor, cursor.copy("copy affected from stdin") as copy:
        for record_id in sorted(affected):
            copy.write_row((record_id,))
    connection.execute("analyze affected")
    connection.execute("create temporary table scope (record_id text primary key) on commit drop")
    connection.execute(
        """with recursive reached (record_id) as (
               select record_id from affected
               union
               select next.record_id
                 from reached
                 cross join lateral (
                     select e.record_id_r as record_id from identity.edge e
                      where e.record_id_l = reached.record_id and (e.kind <> 'probabilistic' or e.probability >= %(threshold)s)
                     union all
                     select e.record_id_l from identity.edge e
                      where e.record_id_r = reached.record_id and (e.kind <> 'probabilistic' or e.probability >= %(threshold)s)
                 ) next
           )
           insert into scope select record_id from reached""",
        {"threshold": threshold},
    )
    connection.execute("analyze scope")


def close_all(connection: Connection[Any]) -> None:
    """Make the temporary table `scope` of every record there is."""
    connection.execute("create temporary table scope (record_id text primary key) on commit drop")
    connection.execute("insert into scope select record_id from identity.record")
    connection.execute("analyze scope")


def read(connection: Connection[Any], *, threshold: float, edge_table: LiteralString = "identity.edge") -> Scope:
    """Read what clustering needs of the records in the temporary table `scope`; `edge_table` may be one of edges not yet adopted."""
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
        record_id: (known_birth_dates(births or ()), tuple(nationals or ()))
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


def components(records: Iterable[str], edges: Iterable[ScopeEdge]) -> list[list[str]]:
    """Connected components, each sorted, in order of their smallest record."""
    parent: dict[str, str] = {record: record for record in records}

    def root(record: str) -> str:
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    for edge in edges:
        left, right = root(edge.record_id_l), root(edge.record_id_r)
        if left != right:
            parent[max(left, right)] = min(left, right)
    grouped: dict[str, list[str]] = defaultdict(list)
    for record in sorted(parent):
        grouped[root(record)].append(record)
    return list(grouped.values())


def clusters(scope: Scope, *, threshold: float, parameters: Mapping[str, float]) -> list[frozenset[str]]:
    """The scope's records, partitioned: one customer each."""
    strongest: dict[tuple[str, str], float] = {}
    for edge in scope.edges:
        pair = (edge.record_id_l, edge.record_id_r)
        # declared and exact evidence has passed its own rules: the model's threshold does not judge it again
        probability = edge.probability if edge.kind == "probabilistic" else 1.0
        strongest[pair] = max(strongest.get(pair, 0.0), probability)
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
        must_link=sorted({(edge.record_id_l, edge.record_id_r) for edge in scope.edges if edge.holds}),
        cannot_link=scope.apart,
        **parameters,
    )
    grouped: dict[str, set[str]] = defaultdict(set)
    for record in scope.records:
        grouped[labels[record]].add(record)
    return [frozenset(records) for records in grouped.values()]


def confidence(records: frozenset[str], edges: Sequence[ScopeEdge]) -> float:
    """The weakest link of the strongest tree that holds the records together; 1 for a single record."""
    parent = {record: record for record in records}

    def root(record: str) -> str:
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    weakest, joined = 1.0, 1
    for edge in sorted(edges, key=lambda edge: -edge.probability):
        left, right = root(edge.record_id_l), root(edge.record_id_r)
        if left != right:
            parent[left] = right
            weakest, joined = edge.probability, joined + 1
            if joined == len(records):
                break
    return weakest


_Identifying = tuple[tuple[str, ...], tuple[str, ...]]  # birth dates, national ids


def _contradictions(records: Iterable[str], edges: Sequence[ScopeEdge], identifying: Mapping[str, _Identifying]) -> set[tuple[str, str]]:
    """Pairs of one component that cannot be one person: birth dates further apart than a typing error, or other national ids.

    Where a source or a steward says that two records are one customer, a contradiction between them is a wrong value, not another person.
    """
    found: set[tuple[str, str]] = set()
    said: dict[str, int] | None = None
    for part in components(records, edges):
        known = [record for record in part if record in identifying]
        if len(known) < 2 or len(part) > _LARGEST_COMPARED or len({identifying[record] for record in known}) == 1:
            continue
        pairs = [pair for pair in combinations(known, 2) if _contradicts(identifying[pair[0]], identifying[pair[1]])]
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


def _contradicts(left: _Identifying, right: _Identifying) -> bool:
    (our_births, our_ids), (their_births, their_ids) = left, right
    if our_births and their_births and not any(same_birth_date(one, other) for one in our_births for other in their_births):
        return True
    return bool(our_ids and their_ids and not set(our_ids) & set(their_ids))
