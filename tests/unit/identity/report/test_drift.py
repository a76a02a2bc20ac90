"""What counts as drift: the index against figures worked by hand, and which change passes which limit."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.report.drift import Past, measure, stability_index
from customer360.identity.report.summary import Rate, Summary
from customer360.identity.settings import DriftLimits

LIMITS = DriftLimits(compare_with=7, min_count=1000, max_psi=0.25, max_count_change=0.25, max_rate_change=0.1)
NIGHT = Summary(
    records={"shop.customers": 6000, "crm.contacts": 4000},
    customers=5000,
    cluster_sizes={"1": 2000, "2": 2000, "3": 1000},
    edges={"exact": 4000, "probabilistic": 3000},
    match_weights={"2 to 4": 1000, "4 to 6": 2000},
    grey_zone=50,
    refusals={"email": 3},
    refused={"email": Rate(part=3, whole=3000)},
    completeness={"shop.customers": {"email": Rate(part=5400, whole=6000), "phone": Rate(part=600, whole=6000)}},
    agreement={"last_name": Rate(part=2850, whole=3000)},
)
counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10_000), min_size=2)


def over(now: Summary, *past: Summary, is_alike: bool = True) -> list[str]:
    return [one.name for one in measure(now, [Past(summary=one, is_alike=is_alike) for one in past], LIMITS) if one.is_over]


def test_the_index_is_that_of_its_definition() -> None:
    before, now = {"a": 500_000, "b": 500_000}, {"a": 200_000, "b": 800_000}
    expected = (0.2 - 0.5) * log(0.2 / 0.5) + (0.8 - 0.5) * log(0.8 / 0.5)
    assert stability_index(before, now) == pytest.approx(expected, abs=1e-5)


@given(counts, counts)
def test_the_index_is_symmetric_never_negative_and_blind_to_size(before: dict[str, int], now: dict[str, int]) -> None:
    assert stability_index(before, now) == pytest.approx(stability_index(now, before))
    assert stability_index(before, now) >= 0
    assert stability_index(before, before) == pytest.approx(0.0)


def test_the_same_night_again_has_not_drifted_and_everything_was_compared() -> None:
    found = measure(NIGHT, [Past(summary=NIGHT, is_alike=True)], LIMITS)
    assert {one.kind for one in found} == {"distribution", "count", "rate"}
    assert {"records per customer", "customers", "shop.customers has email", "last_name agrees", "email refused"} <= {
        one.name for one in found
    }
    assert [one.name for one in found if one.is_over or one.drift != 0] == []
    assert measure(NIGHT, [], LIMITS) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cluster_sizes": {"1": 4500, "2": 400, "3": 100}}, ["records per customer"]),
        ({"customers": 3000}, ["customers"]),
        ({"records": {"shop.customers": 6000, "crm.contacts": 100}}, ["records of crm.contacts", "records per source"]),
        ({"agreement": {"last_name": Rate(part=2400, whole=3000)}}, ["last_name agrees"]),
        ({"refused": {"email": Rate(part=600, whole=3000)}}, ["email refused"]),
        ({"completeness": {"shop.customers": {"phone": Rate(part=600, whole=6000)}}}, ["shop.customers has email"]),
        ({"match_weights": {"2 to 4": 2900, "4 to 6": 100}}, ["match weights"]),
        ({"agreement": {"last_name": Rate(part=1, whole=900)}}, []),
    ],
)
def test_each_limit_is_passed_by_what_it_is_for(changes: dict[str, object], told: list[str]) -> None:
    """The last: fewer than `min_count` pairs say nothing."""
    assert over(replace(NIGHT, **changes), NIGHT) == told  # type: ignore[arg-type]


def test_the_median_of_the_nights_counts() -> None:
    """A bad night neither hides the next one nor makes the recovery look like drift; what lasts becomes the measure."""
    bad = replace(NIGHT, customers=1500, cluster_sizes={"1": 4500, "2": 400, "3": 100})
    assert over(bad, NIGHT) == over(bad, bad, NIGHT, NIGHT) == ["customers", "records per customer"]
    assert over(NIGHT, bad, NIGHT) == over(NIGHT, bad, NIGHT, NIGHT) == []
    assert over(bad, bad, bad, NIGHT) == []


def test_scores_of_another_model_are_not_compared() -> None:
    moved = replace(NIGHT, match_weights={"2 to 4": 2900, "4 to 6": 100})
    assert over(moved, NIGHT, is_alike=False) == []


def test_a_summary_survives_being_kept() -> None:
    assert Summary.from_dict(NIGHT.as_dict()) == NIGHT
    with pytest.raises(KeyError):
        Summary.from_dict({})
