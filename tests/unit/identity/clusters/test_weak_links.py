"""The strongest tree of a customer, and what hangs by a weak link."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.clusters.weak_links import Link, strongest_tree, weak_links


def _link(left: str, right: str, probability: float) -> Link:
    return Link(record_id_l=left, record_id_r=right, probability=probability)


def test_two_groups_on_one_thread_are_told_with_the_smaller_side() -> None:
    strong = [_link("a", "b", 0.99), _link("b", "c", 0.99), _link("d", "e", 0.99)]
    found = weak_links("abcde", [*strong, _link("c", "d", 0.75), _link("a", "e", 0.7)], below=0.9)
    assert [(one.link, one.smaller_side) for one in found] == [(_link("c", "d", 0.75), 2)]


def test_a_weak_pair_beside_a_strong_way_round_is_no_weak_link() -> None:
    assert weak_links("abc", [_link("a", "b", 0.99), _link("b", "c", 0.95), _link("a", "c", 0.71)], below=0.9) == []


def test_the_weakest_comes_first() -> None:
    found = weak_links("abc", [_link("a", "b", 0.8), _link("b", "c", 0.72)], below=0.9)
    assert [one.link.probability for one in found] == [0.72, 0.8]


_RECORDS = "abcdef"
_GRAPHS = st.lists(
    st.tuples(st.sampled_from(list(combinations(_RECORDS, 2))), st.sampled_from([0.7, 0.8, 0.85, 0.95, 1.0])),
    max_size=15,
    unique_by=lambda e: e[0],
)


@given(_GRAPHS)
def test_cutting_a_weak_link_leaves_only_weaker_ways_between_its_ends(graph: list[tuple[tuple[str, str], float]]) -> None:
    links = [_link(left, right, probability) for (left, right), probability in graph]
    for weak in weak_links(_RECORDS, links, below=0.9):
        assert weak.link.probability < 0.9
        stronger = [one for one in links if one.probability > weak.link.probability]
        assert weak.link.record_id_r not in _reached(weak.link.record_id_l, stronger)


@given(_GRAPHS)
def test_nothing_weak_is_told_of_what_strong_links_hold(graph: list[tuple[tuple[str, str], float]]) -> None:
    links = [_link(left, right, probability) for (left, right), probability in graph]
    strong = [one for one in links if one.probability >= 0.9]
    parts = {frozenset(_reached(record, strong)) for record in _RECORDS}
    whole = {frozenset(_reached(record, links)) for record in _RECORDS}
    assert len(weak_links(_RECORDS, links, below=0.9)) == len(parts) - len(whole)
    assert len(strongest_tree(_RECORDS, links)) == len(_RECORDS) - len(whole)


def _reached(start: str, links: Iterable[Link]) -> set[str]:
    seen, grew = {start}, True
    while grew:
        grew = False
        for one in links:
            ends = {one.record_id_l, one.record_id_r}
            if ends & seen and not ends <= seen:
                seen |= ends
                grew = True
    return seen
