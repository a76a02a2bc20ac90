"""The widest path, against a search of every path there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.clusters.weak_links import Link
from customer360.identity.explain.paths import widest_path

RECORDS = "abcdef"


def link(left: str, right: str, probability: float) -> Link:
    return Link(record_id_l=min(left, right), record_id_r=max(left, right), probability=probability)


pairs = st.tuples(st.sampled_from(RECORDS), st.sampled_from(RECORDS)).filter(lambda pair: pair[0] < pair[1])
graphs = st.dictionaries(pairs, st.sampled_from([0.2, 0.5, 0.8, 0.9, 0.99, 1.0]), max_size=12)


def every_path(graph: dict[tuple[str, str], float], at: str, to: str, been: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if at == to:
        yield (*been, at)
        return
    for pair in graph:
        if at in pair:
            (other,) = set(pair) - {at}
            if other not in been:
                yield from every_path(graph, other, to, (*been, at))


def weakest(graph: dict[tuple[str, str], float], path: tuple[str, ...]) -> float:
    return min(graph[min(step), max(step)] for step in pairwise(path))


@given(graphs)
def test_no_path_has_a_stronger_weakest_link_and_none_as_strong_is_shorter(graph: dict[tuple[str, str], float]) -> None:
    found = widest_path("a", "f", [link(*pair, probability) for pair, probability in graph.items()])
    there = list(every_path(graph, "a", "f"))
    assert bool(found) == bool(there)
    if not there:
        return
    at = "a"
    for one in found:
        (at,) = {one.record_id_l, one.record_id_r} - {at}
    assert at == "f", "it leads from one to the other"
    best = max(weakest(graph, path) for path in there)
    assert min(one.probability for one in found) == best
    assert len(found) == min(len(path) - 1 for path in there if weakest(graph, path) == best)


def test_a_detour_is_taken_where_it_is_stronger_and_only_there() -> None:
    direct, first, second = link("a", "b", 0.7), link("a", "c", 0.9), link("b", "c", 0.8)
    assert widest_path("a", "b", [direct, first, second]) == [first, second]
    assert widest_path("b", "a", [direct, first, second]) == [second, first]
    assert widest_path("a", "b", [link("a", "b", 0.8), first, second]) == [link("a", "b", 0.8)]


def test_there_is_no_path_to_oneself_or_to_a_stranger() -> None:
    assert widest_path("a", "a", [link("a", "b", 0.9)]) == []
    assert widest_path("a", "z", [link("a", "b", 0.9)]) == []
    assert widest_path("a", "d", [link("a", "b", 0.9), link("c", "d", 0.9)]) == []


def test_of_paths_equally_strong_the_shorter_is_told_even_where_a_longer_one_is_more_probable_as_a_whole() -> None:
    short = [link("a", "c", 0.8), link("b", "c", 0.8)]
    long = [link("a", "d", 1.0), link("d", "e", 1.0), link("b", "e", 0.8)]
    assert widest_path("a", "b", [*long, *short]) == short
