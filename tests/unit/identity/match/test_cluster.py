"""Clusters are a pure function of each component, hold what must hold, and do not hang two people together by a thread."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from customer360.identity.match.cluster import cluster

PAIRS = (
    st.tuples(st.integers(0, 9), st.integers(0, 9))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: tuple(f"r{n}" for n in sorted(pair)))
)
EDGES = st.dictionaries(PAIRS, st.floats(0.3, 1.0), max_size=20)
RECORDS = [f"r{number}" for number in range(10)]


def table(edges: dict[tuple[str, str], float]) -> pa.Table:
    left, right = [pair[0] for pair in edges], [pair[1] for pair in edges]
    return pa.table(
        {"l": pa.array(left, pa.string()), "r": pa.array(right, pa.string()), "probability": pa.array(list(edges.values()), pa.float64())}
    )


def test_every_record_has_a_cluster_named_by_its_smallest_record() -> None:
    labels = cluster(table({("b", "c"): 0.9, ("c", "d"): 0.9, ("b", "d"): 0.9}), ["d", "c", "b", "a"], threshold=0.5)
    assert labels == {"a": "a", "b": "b", "c": "b", "d": "b"}


def test_two_groups_that_hang_by_a_thread_come_apart() -> None:
    clique = [("a1", "a2"), ("a1", "a3"), ("a2", "a3"), ("b1", "b2"), ("b1", "b3"), ("b2", "b3")]
    labels = cluster(table({**dict.fromkeys(clique, 0.99), ("a3", "b1"): 0.9}), ["a1", "a2", "a3", "b1", "b2", "b3"], threshold=0.5)
    assert labels["a1"] == labels["a2"] == labels["a3"] == "a1"
    assert labels["b1"] == labels["b2"] == labels["b3"] == "b1"


def test_edges_below_the_threshold_and_unknown_records_join_nobody() -> None:
    labels = cluster(table({("a", "b"): 0.49, ("a", "gone"): 1.0, ("b", "gone"): 1.0}), ["a", "b"], threshold=0.5)
    assert labels == {"a": "a", "b": "b"}


def test_must_link_joins_what_scores_do_not_and_cannot_link_beats_it() -> None:
    nothing = table({})
    assert cluster(nothing, ["a", "b"], threshold=0.5, must_link=[("b", "a")]) == {"a": "a", "b": "a"}
    assert cluster(nothing, ["a", "b"], threshold=0.5, must_link=[("a", "b")], cannot_link=[("b", "a")]) == {"a": "a", "b": "b"}


@settings(max_examples=200, deadline=None)
@given(EDGES, st.sets(PAIRS, max_size=4), st.sets(PAIRS, max_size=4), st.randoms())
def test_decisions_hold_and_order_does_not_matter(
    edges: dict[tuple[str, str], float], must: set[tuple[str, str]], cannot: set[tuple[str, str]], random: object
) -> None:
    labels = cluster(table(edges), RECORDS, threshold=0.5, must_link=must, cannot_link=cannot)
    assert all(labels[a] != labels[b] for a, b in cannot)
    if not cannot:
        assert all(labels[a] == labels[b] for a, b in must)
    shuffled = list(edges.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cluster(table(dict(shuffled)), RECORDS[::-1], threshold=0.5, must_link=must, cannot_link=cannot) == labels


@settings(max_examples=100, deadline=None)
@given(EDGES, EDGES, st.sets(PAIRS, max_size=2))
def test_another_component_changes_nothing(
    edges: dict[tuple[str, str], float], others: dict[tuple[str, str], float], cannot: set[tuple[str, str]]
) -> None:
    """What an incremental run leans on: it clusters only the components it touched."""
    alone = cluster(table(edges), RECORDS, threshold=0.5, cannot_link=cannot)
    elsewhere = {(f"a{a}", f"a{b}"): probability for (a, b), probability in others.items()}
    both = cluster(table({**elsewhere, **edges}), [*RECORDS, *(f"a{record}" for record in RECORDS)], threshold=0.5, cannot_link=cannot)
    assert {record: both[record] for record in RECORDS} == alone
