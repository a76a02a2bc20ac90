"""The figures against examples worked by hand or published, and against counting every pair."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.models.evaluation import Truth, connected_pairs, evaluate, evidence_figures, wilson


def truth_of(groups: list[str], locale: str = "de-DE") -> dict[str, Truth]:
    return {f"s:{record}": Truth(person_id=group, locale=locale) for group in groups for record in group}


def customers_of(groups: list[str]) -> dict[str, str]:
    return {f"s:{record}": group for group in groups for record in group}


@pytest.mark.parametrize(("response", "precision"), [(["12345", "6789abc"], 0.76), (["1234589abc", "67"], 0.58)])
def test_b3_is_that_of_bagga_and_baldwins_example(response: list[str], precision: float) -> None:
    found = evaluate(customers_of(response), truth_of(["12345", "67", "89abc"])).overall.clusters
    assert found is not None
    assert round(found.b3_precision, 2) == precision
    assert found.b3_recall == 1.0


def test_a_cluster_is_exact_only_if_it_is_the_whole_person_and_nobody_else() -> None:
    found = evaluate(customers_of(["ab", "c", "de", "fg"]), truth_of(["ab", "cde", "f", "g"])).overall.clusters
    assert found is not None
    assert (found.exact, found.customers, found.people) == (1, 4, 4)
    assert found.exact_precision == found.exact_recall == 0.25


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["x", "y"])), min_size=2, max_size=24))
def test_counts_equal_those_of_looking_at_every_pair(rows: list[tuple[int, int, str]]) -> None:
    customer_of = {f"{source}:{number}": f"c{customer}" for number, (customer, _, source) in enumerate(rows)}
    truth = {f"{source}:{number}": Truth(person_id=f"p{person}", locale="") for number, (_, person, source) in enumerate(rows)}
    found = evaluate(customer_of, truth)
    for scope, pairs in {
        "all": list(combinations(sorted(customer_of), 2)),
        "x – y": [pair for pair in combinations(sorted(customer_of), 2) if {one[0] for one in pair} == {"x", "y"}],
    }.items():
        figures = next((one for one in [found.overall, *found.source_pairs] if one.scope == scope), None)
        if figures is None:
            continue
        claimed = {pair for pair in pairs if customer_of[pair[0]] == customer_of[pair[1]]}
        true = {pair for pair in pairs if truth[pair[0]].person_id == truth[pair[1]].person_id}
        assert (figures.claimed, figures.true, figures.together) == (len(claimed), len(true), len(claimed & true))


def test_a_locale_counts_its_own_people_alone() -> None:
    truth = truth_of(["ab"], "de-DE") | truth_of(["cd"], "ja-JP")
    found = {one.scope: one for one in evaluate(customers_of(["ab", "c", "d"]), truth).locales}
    assert (found["de-DE"].recall, found["ja-JP"].recall) == (1.0, 0.0)


def test_records_that_either_side_lacks_count_nowhere_and_are_told() -> None:
    found = evaluate(customers_of(["ab", "z"]), truth_of(["abc"]))
    assert (found.missing, found.unknown, found.overall.true) == (1, 1, 1)


def test_only_a_sample_has_intervals_and_they_hold_the_figure() -> None:
    groups = [f"{left}{left.upper()}" for left in "abcdefghij"]
    result = [*groups[:6], *"gGhHiIjJ"]
    assert evaluate(customers_of(result), truth_of(groups)).overall.intervals is None
    sampled = evaluate({**customers_of(result), "s:other": "other"}, truth_of(groups)).overall
    assert sampled.intervals is not None
    span = sampled.intervals.recall
    assert span.low < sampled.recall == 0.6 < span.high
    assert span.low > 0.2 and span.high < 1.0
    assert sampled.intervals.precision.low < 1.0, "ten people without an error are no proof of none"


@pytest.mark.parametrize(("hits", "trials", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)])
def test_wilson_intervals_are_the_published_ones(hits: int, trials: int, low: float, high: float) -> None:
    span = wilson(hits, trials)
    assert (round(span.low, 4), round(span.high, 4)) == (low, high)


def test_evidence_says_which_kind_is_right_and_what_each_brings() -> None:
    person_of = dict.fromkeys(["s:a", "s:b", "s:c"], "p") | {"s:x": "q"}
    edges = [
        ("s:a", "s:b", "exact", "email"),
        ("s:a", "s:b", "probabilistic", "model"),
        ("s:b", "s:c", "exact", "phone"),
        ("s:c", "s:x", "exact", "phone"),
        ("s:a", "s:unknown", "exact", "email"),
    ]
    found = {one.scope: one for one in evidence_figures(edges, person_of, true=3)}
    assert set(found) == {"exact", "probabilistic", "exact: email", "exact: phone"}
    exact = found["exact"]
    assert (exact.pairs, exact.right, exact.alone, exact.only) == (3, 2, 3, 2)
    assert (found["probabilistic"].alone, found["probabilistic"].only) == (1, 0)
    assert (found["exact: phone"].precision, found["exact: phone"].recall_brought) == (0.5, pytest.approx(2 / 3))


def test_connected_pairs_follow_chains() -> None:
    assert connected_pairs([("a", "b"), ("b", "c"), ("d", "e"), ("a", "c")]) == 4
    assert connected_pairs([]) == 0
