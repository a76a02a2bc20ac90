"""Which customer id each cluster carries: ids outlive runs, models and rules.

Pure: clusters and what was known before go in, ids come out. The rule, in order:

1. Living ids are given out one to one, by largest overlap of records, then oldest id, then smallest id. Where one id
   overlaps two clusters alike, the one that has held its records longest keeps it.
2. A cluster left without an id revives a retired one if it holds more than half of that id's last members
   (largest overlap, then oldest, then smallest).
3. What is left is born.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Origin = Literal["kept", "revived", "born"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A record's place before the run: its customer, since when."""

    customer_id: UUID
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """A retired id and the records it held last."""

    customer_id: UUID
    born_at: datetime
    last_members: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The id of one cluster and how it came by it."""

    records: frozenset[str]
    customer_id: UUID
    origin: Origin


def assign(
    clusters: Iterable[frozenset[str]],
    *,
    held: Mapping[str, Holding],
    born_at: Mapping[UUID, datetime],
    retired: Sequence[Retired],
    new_id: Callable[[], UUID],
) -> list[Assignment]:
    """Give every cluster an id.

    `held`: the living customer of each record that has one. `born_at`: birth of every id in `held`. `retired`: ids that could
    be revived. `new_id` is called once per birth, in the order of the clusters' smallest record ids. Returns one assignment
    per cluster, in that same order.
    """
    ordered = sorted(clusters, key=min)
    given: dict[int, Assignment] = {}
    for index, customer_id in _kept(ordered, held, born_at).items():
        given[index] = Assignment(records=ordered[index], customer_id=customer_id, origin="kept")
    free = [index for index in range(len(ordered)) if index not in given]
    for index, customer_id in _revived(ordered, free, retired).items():
        given[index] = Assignment(records=ordered[index], customer_id=customer_id, origin="revived")
    for index in free:
        if index not in given:
            given[index] = Assignment(records=ordered[index], customer_id=new_id(), origin="born")
    return [given[index] for index in range(len(ordered))]


def _kept(ordered: Sequence[frozenset[str]], held: Mapping[str, Holding], born_at: Mapping[UUID, datetime]) -> dict[int, UUID]:
    overlap: dict[tuple[int, UUID], int] = defaultdict(int)
    since: dict[tuple[int, UUID], datetime] = {}
    for index, records in enumerate(ordered):
        for record in records:
            holding = held.get(record)
            if holding is None:
                continue
            claim = (index, holding.customer_id)
            overlap[claim] += 1
            since[claim] = min(since.get(claim, holding.since), holding.since)
    ranked = sorted(overlap, key=lambda claim: (-overlap[claim], born_at[claim[1]], claim[1], since[claim], claim[0]))
    return _one_to_one(ranked)


def _revived(ordered: Sequence[frozenset[str]], free: Sequence[int], retired: Sequence[Retired]) -> dict[int, UUID]:
    cluster_of = {record: index for index in free for record in ordered[index]}
    claims: list[tuple[int, datetime, UUID, int]] = []
    for candidate in retired:
        counts: dict[int, int] = defaultdict(int)
        for record in candidate.last_members:
            if record in cluster_of:
                counts[cluster_of[record]] += 1
        claims += [
            (-count, candidate.born_at, candidate.customer_id, index)
            for index, count in counts.items()
            if 2 * count > len(candidate.last_members)
        ]
    return _one_to_one((index, customer_id) for _, _, customer_id, index in sorted(claims))


def _one_to_one(ranked: Iterable[tuple[int, UUID]]) -> dict[int, UUID]:
    given: dict[int, UUID] = {}
    taken: set[UUID] = set()
    for index, customer_id in ranked:
        if index not in given and customer_id not in taken:
            given[index] = customer_id
            taken.add(customer_id)
    return given
