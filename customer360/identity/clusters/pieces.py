"""Pieces: the records that clustering looks at together. Pure.

A connected component is a piece, unless it has more records than any person could have. Chains of chance likenesses grow with the
population until they connect a good part of it (percolation), and one changed record would then put all of them up again. So a component
that is too large is first taken apart at its weakest links: its pieces are the largest groups of at most `largest` records that
hang together by edges of some strength, and by none of that strength with anyone else (maximal nodes of the single-linkage tree).
Edges that are no matter of probability (weight 1) are never cut, however many records they chain.

Whose piece a change can alter is known without a look at the rest: a record whose piece before and whose piece after both hold
no end of a changed edge has the same piece, for all edges at its members are the same in both graphs, so each piece is a
group of its strength in both, and the larger of the two would be the piece in both.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import groupby

from customer360.identity.clusters.forest import Forest

LARGEST_PIECE = 200  # records; customers of twenty are rare, and a piece is clustered in milliseconds
FIRM = 1.0  # weight of what is never cut

Neighbours = Mapping[str, float]  # record → weight of the edge to it
_ASKED_AT_ONCE = 32  # of a walk's next records: a few questions to the database instead of one a step


def pieces(edges: Mapping[tuple[str, str], float], *, largest: int = LARGEST_PIECE) -> list[list[str]]:
    """The pieces of more than one record, sorted inside, in order of their smallest record.

    `edges`: pair of records → weight in (0, 1]; a pair once.
    """
    whole = Forest(record for pair in edges for record in pair)
    for left, right in edges:
        whole.join(left, right)
    found = [members for members in whole.members.values() if len(members) <= largest]
    too_large = {record for members in whole.members.values() if len(members) > largest for record in members}
    if too_large:
        inside = sorted(((weight, *pair) for pair, weight in edges.items() if pair[0] in too_large), reverse=True)
        found += [members for members in _taken_apart(too_large, inside, largest) if len(members) > 1]
    return sorted(sorted(members) for members in found)


def _taken_apart(records: Collection[str], edges: Iterable[tuple[float, str, str]], largest: int) -> list[list[str]]:
    """Kruskal from the strongest edge down, all edges of one weight at once: what grows too large by a weight's edges is final as it
    was before them. `edges`: (weight, record, record), strongest first."""
    forest = Forest(records)
    closed: set[str] = set()  # roots whose parts are final already
    final: list[list[str]] = []
    for weight, group in groupby(edges, key=lambda edge: edge[0]):
        ends = {(forest.root(left), forest.root(right)) for _, left, right in group}
        meeting = Forest(one for pair in ends for one in pair)
        for left, right in ends:
            meeting.join(left, right)
        for roots in meeting.members.values():
            is_over = weight < FIRM and (not closed.isdisjoint(roots) or sum(len(forest.members[one]) for one in roots) > largest)
            if is_over and len(roots) > 1:
                final += [list(forest.members[one]) for one in roots if one not in closed]
            joined = roots[0]
            for one in roots[1:]:
                joined = forest.join(joined, one)
            if is_over and len(roots) > 1:
                closed.add(joined)
    return final + [members for one, members in forest.members.items() if one not in closed]


def pieces_around(
    seeds: Iterable[str],
    neighbours: Callable[[Collection[str]], Mapping[str, Neighbours]],
    *,
    largest: int = LARGEST_PIECE,
) -> list[frozenset[str]]:
    """The pieces that hold the seeds, each once; a record without edges is a piece alone.

    `neighbours` is asked for the neighbours of some records at a time, never twice for the same, and for no more than a small
    multiple of `largest` a seed.
    """
    known: dict[str, Neighbours] = {}
    placed: set[str] = set()
    found: list[frozenset[str]] = []
    walks = [_Walk(seed, largest) for seed in sorted(set(seeds))]
    while walks:
        unfinished = []
        wanted: set[str] = set()
        for walk in walks:
            if walk.seed in placed:
                continue
            missing = walk.advance(known)
            if missing:
                wanted |= missing
                unfinished.append(walk)
                continue
            piece = walk.piece
            placed |= piece
            found.append(piece)
        if wanted:
            answered = neighbours(wanted)
            known.update({record: answered.get(record, {}) for record in wanted})
        walks = unfinished
    return found


class _Walk:
    """Prim's walk from one record, strongest edge first: the records reached before a weaker edge must be taken are a group of its
    strength."""

    def __init__(self, seed: str, largest: int) -> None:
        self.seed = seed
        self._largest = largest
        self._reached: list[str] = []
        self._inside: set[str] = set()
        self._ahead: list[tuple[float, str]] = [(-2.0, seed)]
        self._weakest = 2.0
        self._length = 1  # of the largest group so far that may be a piece

    @property
    def piece(self) -> frozenset[str]:
        """What the walk found, once it has ended."""
        return frozenset(self._reached[: self._length])

    def advance(self, known: Mapping[str, Neighbours]) -> set[str]:
        """Walk as far as `known` goes. Returns the records whose neighbours it needs to go on; empty: it has ended."""
        while self._ahead:
            negative, record = self._ahead[0]
            if record in self._inside:
                heapq.heappop(self._ahead)
                continue
            weight = -negative
            if weight < self._weakest:
                if weight < FIRM and (self._weakest >= FIRM or len(self._reached) <= self._largest):
                    self._length = max(len(self._reached), 1)
                self._weakest = weight
            if len(self._reached) > self._largest and weight < FIRM:
                return set()
            if record not in known:
                ahead = (one for _, one in heapq.nsmallest(_ASKED_AT_ONCE, self._ahead))
                return {record} | {one for one in ahead if one not in known}
            heapq.heappop(self._ahead)
            self._reached.append(record)
            self._inside.add(record)
            for other, strength in known[record].items():
                if other not in self._inside:
                    heapq.heappush(self._ahead, (-strength, other))
        if len(self._reached) <= self._largest or self._weakest >= FIRM:
            self._length = len(self._reached)
        return set()
