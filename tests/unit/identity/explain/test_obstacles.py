"""What stands between two records, told from what was read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from customer360.identity.explain import obstacles, words
from customer360.identity.explain.explanation import Evidence, PairExplanation

LINK = ("crm.contacts.id", "c1")


def _edge(left: str, right: str, kind: str = "probabilistic", probability: float = 0.95) -> Evidence:
    return Evidence(record_id_l=left, record_id_r=right, kind=kind, rule="x", probability=probability, holds=True)  # type: ignore[arg-type]


def _clustering(edges: list[Evidence], sizes: tuple[int, int], **how: bool) -> list[tuple[str, str]]:
    found = obstacles.of_clustering(edges, sizes, resolution=0.2, **{"is_kept_apart": False, "is_taken_apart": False, **how})
    return [(one.kind, one.text) for one in found]


def test_what_clustering_cut_is_told_with_its_reason() -> None:
    thread = [_edge("a", "x"), replace(_edge("b", "y"), holds=False)]
    ((kind, told),) = _clustering(thread, (2, 4))
    assert kind == "cut" and "1 of the 8 pairs" in told and "0.12 a pair" in told and "below 0.2" in told
    assert "weakest links" in _clustering(thread, (120, 120), is_taken_apart=True)[0][1]
    assert _clustering(thread, (120, 120), is_taken_apart=True)[0][0] == "taken_apart"
    assert "a decision or contradiction" in _clustering(thread, (1, 1), is_kept_apart=True)[0][1]
    assert "better division" in _clustering(thread, (2, 2))[0][1]
    assert _clustering([replace(thread[0], holds=False)], (1, 1)) == [], "evidence that does not hold was never to be cut"


def test_exact_evidence_counts_in_full_as_clustering_counts_it() -> None:
    (found,) = obstacles.of_clustering([_edge("a", "x", "exact", 0.9)], (1, 4), resolution=0.3, is_kept_apart=False, is_taken_apart=False)
    assert found.details["mean"] == 0.25


def test_people_and_organisations_are_never_one(apart: PairExplanation) -> None:
    (found,) = obstacles.of_records(apart.record_l, replace(apart.record_r, kind="organisation"))
    assert found.kind == "other_kind"
    assert obstacles.of_records(apart.record_l, apart.record_r) == []


def test_two_that_name_a_record_which_is_not_there() -> None:
    both = {(*LINK, False)}
    assert [one.kind for one in obstacles.of_links(both, both, {}, False)] == ["unmatched_link"]
    assert obstacles.of_links(both, both, {}, True) == []
    assert obstacles.of_links(both, {(*LINK, True)}, {}, False) == [], "one that names the other is an edge, or waits for a run"
    refused = {LINK: ("crm.contacts.id", 9, 8, "too_many_records")}
    assert [one.kind for one in obstacles.of_links(both, {(*LINK, True)}, refused, False)] == ["refused_link"]
    assert obstacles.of_links({(*LINK, True)}, {(*LINK, True)}, refused, False) == []


def test_a_score_is_told_by_where_it_lies(apart: PairExplanation) -> None:
    score = apart.score
    assert score is not None

    def kinds(probability: float, rule: str | None = "1 = 1") -> list[str]:
        told = replace(score, probability=probability, blocking_rule=rule)
        return [one.kind for one in obstacles.of_score(told, match_threshold=0.7, review_threshold=0.2)]

    assert [kinds(0.1), kinds(0.2), kinds(0.69), kinds(0.7)] == [["below_review"], ["grey_zone"], ["grey_zone"], []]
    assert kinds(0.1, None) == kinds(0.99, None) == ["not_blocked"]
    assert obstacles.of_score(None, match_threshold=0.7, review_threshold=0.2) == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("l.last_key = r.last_key and l.birth_date = r.birth_date", "same last_key and birth_date"),
        ("substr(l.postal_code, 1, 3) = substr(r.postal_code, 1, 3)", "same postal_code"),
        ("1 = 1", "a rule that compares every pair"),
        ("blocking rule 3 of model abc", "blocking rule 3 of model abc"),
    ],
)
def test_a_blocking_rule_in_words(rule: str, told: str) -> None:
    assert words.blocking_rule(rule) == told


def test_nothing_is_certain_that_is_not() -> None:
    assert [words.chance(one) for one in (0.0, 1e-9, 0.5, 0.99999, 1.0)] == ["0.000", "<0.001", "0.500", ">0.999", "1.000"]
