"""From edges to people: community detection inside each connected component.

Connected components over-merge: one wrong edge joins two people. Inside a component we maximise the constant Potts model
(Traag, Van Dooren, Nesterov 2011) with Leiden: a cluster is worth the match probabilities inside it minus `resolution` for
every pair of its records. Two groups that hang together by a thread come apart; a pair without an edge weighs against a merge.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import igraph
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Pair = tuple[str, str]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
RESOLUTION = 0.2  # mean match probability that holds two groups together
_SEED = 360


def cluster(
    edges: pa.Table,
    records: Sequence[str],
    *,
    threshold: float,
    must_link: Collection[Pair] = (),
    cannot_link: Collection[Pair] = (),
    resolution: float = RESOLUTION,
) -> dict[str, str]:
    """Record id → cluster label (the smallest record id of the cluster); every record of `records` gets one.

    `edges` has `l`, `r`, `probability` (as `score.score` gives; declared and exact evidence with a probability up to 1; of
    several edges of a pair the strongest counts; edges naming a record outside `records` are ignored). A pure function of each
    connected component (of the edges at or above `threshold` plus `must_link`): other components never change it, nor does the order
    of rows. `must_link` pairs end in one cluster unless that joins a `cannot_link` pair; `cannot_link` pairs never share one.
    """
    names = sorted(set(records))
    owner = owners(
        edges, pa.array(names, pa.string()), threshold=threshold, must_link=must_link, cannot_link=cannot_link, resolution=resolution
    )
    return {name: names[smallest] for name, smallest in zip(names, owner.tolist(), strict=True)}


def owners(
    edges: pa.Table,
    names: pa.Array,
    *,
    threshold: float,
    places: tuple[Ints, Ints] | None = None,
    must_link: Collection[Pair] = (),
    cannot_link: Collection[Pair] = (),
    resolution: float = RESOLUTION,
) -> Ints:
    """As `cluster`, for record ids that are sorted and none twice: per record the place of the smallest record of its cluster.

    `places`: those of both ends of each edge among the ids, where they are known (see `ends`).
    """
    graph = _graph(places or ends(edges, names), edges["probability"], names, threshold, must_link, cannot_link)
    label = np.arange(graph.count)
    for members, own in _components(graph, label, resolution):
        for group in _split(members, own, graph, resolution):
            label[group] = min(group)
    return label


def ends(edges: pa.Table, names: pa.Array) -> tuple[Ints, Ints]:
    """The places among these ids of each edge's two records; -1 of one that is not there."""
    places = _numbers(pa.chunked_array([*edges["l"].cast(pa.string()).chunks, *edges["r"].cast(pa.string()).chunks], pa.string()), names)
    return places[: edges.num_rows], places[edges.num_rows :]


@dataclass(frozen=True, slots=True)
class _Graph:
    """Records by number, in the order of their ids; edges left < right, sorted."""

    count: int
    left: Ints
    right: Ints
    weight: Floats
    forced: Mapping[int, Sequence[tuple[int, int]]]  # by their first record: a component must find its own without a look at all
    forbidden: Mapping[int, Sequence[tuple[int, int]]]


def _graph(
    places: tuple[Ints, Ints],
    probability: pa.ChunkedArray,
    ids: pa.Array,
    threshold: float,
    must: Collection[Pair],
    cannot: Collection[Pair],
) -> _Graph:
    a, b = places
    weight = np.asarray(probability, dtype=np.float64)
    keep = (a >= 0) & (b >= 0) & (a != b) & (weight >= threshold)
    a, b, weight = np.minimum(a[keep], b[keep]), np.maximum(a[keep], b[keep]), weight[keep]
    if not (np.diff(a * len(ids) + b) > 0).all():  # the edges of a run are in order already
        order = np.lexsort((-weight, b, a))
        a, b, weight = a[order], b[order], weight[order]
    first = np.ones(len(a), dtype=bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    forbidden = _numbered(cannot, ids)
    forced = _numbered(must, ids) - forbidden
    return _Graph(len(ids), a[first], b[first], weight[first], _by_first(forced), _by_first(forbidden))


def _by_first(pairs: Collection[tuple[int, int]]) -> dict[int, list[tuple[int, int]]]:
    grouped: dict[int, list[tuple[int, int]]] = {}
    for pair in sorted(pairs):
        grouped.setdefault(pair[0], []).append(pair)
    return grouped


def _numbers(values: pa.Array | pa.ChunkedArray, ids: pa.Array) -> Ints:
    return np.asarray(pc.fill_null(pc.index_in(values, ids), -1), dtype=np.int64)


def _numbered(pairs: Collection[Pair], ids: pa.Array) -> frozenset[tuple[int, int]]:
    if not pairs:
        return frozenset()
    a, b = (_numbers(pa.array([pair[side] for pair in pairs], pa.string()), ids) for side in (0, 1))
    found = (a >= 0) & (b >= 0) & (a != b)
    return frozenset(zip(np.minimum(a, b)[found].tolist(), np.maximum(a, b)[found].tolist(), strict=True))


def _components(graph: _Graph, label: Ints, resolution: float) -> Iterator[tuple[list[int], slice]]:
    """Members and the slice of `graph`'s edges (reordered by component) of every component that has to be looked into.

    The others are one cluster each, written into `label` at once: nearly all of a large file are complete, every pair of their records
    an edge worth more than `resolution`, and nobody has decided anything about them.
    """
    forced, forbidden = _flat(graph.forced), _flat(graph.forbidden)
    a, b = np.concatenate([graph.left, forced[:, 0]]), np.concatenate([graph.right, forced[:, 1]])
    shape = (graph.count, graph.count)
    number, component = connected_components(coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=shape), directed=False)
    order = np.argsort(component[graph.left], kind="stable")
    graph.left[:], graph.right[:], graph.weight[:] = graph.left[order], graph.right[order], graph.weight[order]
    edges, size = np.bincount(component[graph.left], minlength=number), np.bincount(component, minlength=number)
    weakest = np.full(number, np.inf)
    np.minimum.at(weakest, component[graph.left], graph.weight)
    simple = (edges == size * (size - 1) // 2) & (weakest >= resolution)
    for decided in (forced, forbidden):
        simple[component[decided.ravel()]] = False
    members = np.argsort(component, kind="stable")
    starts, edge_ends = np.cumsum(size) - size, np.cumsum(edges)
    smallest = members[starts]  # a stable sort: the first of each component is its smallest record
    label[:] = np.where(simple[component], smallest[component], label)
    for found in np.flatnonzero(~simple & (size > 1)).tolist():
        own = members[starts[found] : starts[found] + size[found]].tolist()
        yield own, slice(int(edge_ends[found] - edges[found]), int(edge_ends[found]))


def _flat(by_first: Mapping[int, Sequence[tuple[int, int]]]) -> Ints:
    return np.array([pair for pairs in by_first.values() for pair in pairs], dtype=np.int64).reshape(-1, 2)


def _split(members: list[int], own: slice, graph: _Graph, resolution: float) -> list[list[int]]:
    """The clusters of one component."""
    left, right, weight = graph.left[own].tolist(), graph.right[own].tolist(), graph.weight[own].tolist()
    inside = set(members)
    forbidden = {pair for record in members for pair in graph.forbidden.get(record, ()) if pair[1] in inside} if graph.forbidden else set()
    forced = [pair for record in members for pair in graph.forced.get(record, ())] if graph.forced else []
    size = len(members)
    complete = len(left) == size * (size - 1) // 2 and min(weight, default=0.0) >= resolution
    if complete and not forbidden:
        return [members]
    groups = _held_together(members, forced, forbidden)
    communities = _leiden(groups, left, right, weight, resolution)
    if not forbidden:
        return communities
    together = {record: group for group in groups for record in group}
    pairs = list(zip(left, right, weight, strict=True))
    return [part for community in communities for part in _kept_apart(community, together, pairs, forbidden)]


def _held_together(members: list[int], forced: list[tuple[int, int]], forbidden: set[tuple[int, int]]) -> list[list[int]]:
    """Groups that must-links make, in a fixed order; a must-link that would join a forbidden pair is passed over."""
    group = {record: [record] for record in members}
    for a, b in forced:
        if group[a] is group[b] or _any_forbidden(group[a], group[b], forbidden):
            continue
        joined = sorted(group[a] + group[b])
        for record in joined:
            group[record] = joined
    return [group[record] for record in members if group[record][0] == record]


def _any_forbidden(these: Sequence[int], those: Sequence[int], forbidden: set[tuple[int, int]]) -> bool:
    return any((min(a, b), max(a, b)) in forbidden for a in these for b in those) if forbidden else False


def _leiden(groups: list[list[int]], left: list[int], right: list[int], weight: list[float], resolution: float) -> list[list[int]]:
    node = {record: number for number, group in enumerate(groups) for record in group}
    between: dict[tuple[int, int], float] = {}
    for a, b, value in zip(left, right, weight, strict=True):
        pair = (min(node[a], node[b]), max(node[a], node[b]))
        if pair[0] != pair[1]:
            between[pair] = between.get(pair, 0.0) + value
    ordered = sorted(between)
    igraph.set_random_number_generator(random.Random(_SEED))  # noqa: S311 - a fixed seed is the point
    found = igraph.Graph(n=len(groups), edges=ordered).community_leiden(
        "CPM",
        weights=[between[pair] for pair in ordered],
        node_weights=[len(group) for group in groups],
        resolution=resolution,
        n_iterations=-1,
    )
    return [sorted(record for number in community for record in groups[number]) for community in found if community]


def _kept_apart(
    community: list[int], together: dict[int, list[int]], edges: list[tuple[int, int, float]], forbidden: set[tuple[int, int]]
) -> list[list[int]]:
    """Joins a community again edge by edge, strongest first, never across a forbidden pair."""
    inside = set(community)
    if not any(a in inside and b in inside for a, b in forbidden):
        return [community]
    group = {record: together[record] for record in community}
    for a, b, _ in sorted(
        (edge for edge in edges if edge[0] in inside and edge[1] in inside), key=lambda edge: (-edge[2], edge[0], edge[1])
    ):
        if group[a] is not group[b] and not _any_forbidden(group[a], group[b], forbidden):
            joined = sorted(group[a] + group[b])
            for record in joined:
                group[record] = joined
    return [group[record] for record in community if group[record][0] == record]
