"""What other rules or another model would do to the customers there are, without writing anything.

Edges, clusters and the continuity of ids are computed as a full run does, over the records that identity holds, into temporary tables
of the caller's transaction. The records themselves are not read anew from raw: what changes is then due to the rules alone, and
under the rules that the last run used nothing changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, LiteralString

from psycopg import Connection

from customer360.errors import UserError
from customer360.identity.clusters import components
from customer360.identity.clusters.components import ScopeEdge
from customer360.identity.clusters.parts import parts
from customer360.identity.customers import customer_tables
from customer360.identity.customers.transitions import Transition
from customer360.identity.evidence import certain, edges, probabilistic
from customer360.identity.evidence.keyed_hash import key
from customer360.identity.models.evaluation import pairs_within, source_of
from customer360.identity.resolution import Rules
from customer360.identity.steps import Progress


class ChurnError(UserError):
    """There is nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChurn:
    """Living records of one source, and those of them that would be with another customer id."""

    source: str
    records: int
    changing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """Customers before and after. `kept`: the same id with the same records. `born`, `revived`: ids that would come. `merged`: ids
    that would go into another; `retired` all ids that would go. `split`: customers that records would be taken from; `grown`: that
    would gain some. `changing`: records that would be with another id. Pairs are pairs of records of one customer."""

    customers_before: int
    customers_after: int
    kept: int
    born: int
    revived: int
    merged: int
    retired: int
    split: int
    grown: int
    records: int
    changing: int
    disturbed: int  # retired, or records taken from them: what the gates judge
    pairs_before: int
    pairs_after: int
    pairs_gained: int
    pairs_lost: int
    largest: int  # records of the largest customer after
    sources: Sequence[SourceChurn]
    edges_before: Mapping[str, int]
    edges_after: Mapping[str, int]

    @property
    def changed_share(self) -> float:
        """Of the customers before, those retired or with records taken from them."""
        return self.disturbed / self.customers_before if self.customers_before else 0.0

    @property
    def differs(self) -> bool:
        """Whether any record would be with other records, or under another id."""
        return bool(self.pairs_gained or self.pairs_lost or self.changing)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "changed_share": round(self.changed_share, 6)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A churn with what it was counted from: the customer (a made-up name for those not yet born) of every living record under the
    other rules, the edges that would hold, and the groups of records that would be joined or parted, largest first."""

    churn: Churn
    customer_of: Mapping[str, str]
    edges: Sequence[ScopeEdge]
    groups: Sequence[tuple[str, tuple[str, ...]]]  # (merge or split, record ids)


def churn(connection: Connection[Any], rules: Rules, *, progress: Progress | None = None) -> Outcome:
    """Try `rules` on the records that identity holds. The caller's transaction must be rolled back: it then has changed nothing.

    Needs as long as a full run without its writing. Raises ChurnError before the first run.
    """
    say = progress or (lambda text: None)
    held = dict(certain.stream(connection, "select record_id, customer_id::text from identity.membership where valid_to is null", []))
    if not held:
        raise ChurnError("there are no customers yet to compare with; run `customer360 resolve` first")
    threshold = rules.model.match_threshold
    say("edges")
    _collect(connection, rules)
    say("customers")
    found, clusters, holding = Transition(), list[frozenset[str]](), list[ScopeEdge]()
    for _ in parts(connection, threshold=threshold, edge_table="desired_edge"):
        scope = components.read(connection, threshold=threshold, edge_table="desired_edge")
        joined = components.clusters(scope, threshold=threshold, parameters=rules.model.cluster)
        planned = customer_tables.plan(connection, scope=scope, clusters=joined, changed_records=(), differences=())
        found.add(planned.transition)
        clusters += joined
        holding += scope.edges
    after = {record: _name(records) for records in clusters for record in records}
    return Outcome(
        churn=_counted(connection, found, held, clusters, after),
        customer_of=after,
        edges=holding,
        groups=_groups(found),
    )


def _collect(connection: Connection[Any], rules: Rules) -> None:
    """The temporary table `desired_edge`: what a full run under the rules would want."""
    secret = key()
    edges.prepare(connection)
    certain.touched_tables(connection, identifiers=None, links=None, settings=rules.settings)
    wanted = (
        certain.exact_edges(connection, settings=rules.settings, secret=secret),
        certain.declared_edges(connection, settings=rules.settings, secret=secret),
        certain.decided_edges(connection, record_ids=None),
        probabilistic.all_edges(connection, rules.model),
    )
    edges.collect(connection, chain.from_iterable(wanted), run_id=0)
    connection.execute("create index on desired_edge (record_id_l)")
    connection.execute("analyze desired_edge")


def _name(records: frozenset[str]) -> str:
    return min(records)


def _counted(
    connection: Connection[Any],
    found: Transition,
    held: Mapping[str, str],
    clusters: Sequence[frozenset[str]],
    after: Mapping[str, str],
) -> Churn:
    changing = set(found.joined)
    sources: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for record in after:
        counts = sources[source_of(record)]
        counts[0] += 1
        counts[1] += record in changing
    before = {record: customer for record, customer in held.items() if record in after}
    touched = {held[record] for one in found.assignments for record in one.records if record in held}
    merged = {event.other_id for event in found.events if event.kind == "merge"}
    gainers = {one.customer_id for one in found.assignments if one.origin == "kept"} & set(found.joined.values())
    pairs_before, pairs_after = _within(before.values()), _within(after.values())
    both = _within((before[record], after[record]) for record in before)
    return Churn(
        customers_before=len(set(held.values())),
        customers_after=len(clusters),
        kept=len(set(before.values()) - touched),
        born=len(found.of_origin("born")),
        revived=len(found.of_origin("revived")),
        merged=len(merged),
        retired=len(found.retired),
        split=len(found.losers),
        grown=len(gainers),
        records=len(after),
        changing=len(changing),
        disturbed=len(found.retired | found.losers),
        pairs_before=pairs_before,
        pairs_after=pairs_after,
        pairs_gained=pairs_after - both,
        pairs_lost=pairs_before - both,
        largest=max((len(records) for records in clusters), default=0),
        sources=[SourceChurn(source=name, records=every, changing=some) for name, (every, some) in sorted(sources.items())],
        edges_before=_edges_by_kind(connection, "identity.edge"),
        edges_after=_edges_by_kind(connection, "desired_edge"),
    )


def _edges_by_kind(connection: Connection[Any], table: LiteralString) -> dict[str, int]:
    """Edges there are, those of the grey zone included."""
    rows = connection.execute(f"select kind, count(*) from {table} group by kind order by kind").fetchall()
    return {str(kind): int(count) for kind, count in rows}


def _groups(found: Transition) -> list[tuple[str, tuple[str, ...]]]:
    groups = [(event.kind, event.record_ids) for event in found.events if event.kind in {"merge", "split", "move"}]
    return sorted(groups, key=lambda group: (-len(group[1]), group))


def _within(groups: Iterable[Hashable]) -> int:
    """Pairs of records of one group, of the group of each record."""
    return pairs_within(Counter(groups).values())
