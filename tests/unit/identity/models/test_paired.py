"""The paired interval against formulas of special cases, against resampling, and what it must not be fooled by."""

from __future__ import annotations

import random
from itertools import combinations
from math import sqrt
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.models.evaluation import Truth, evaluate
from customer360.identity.models.labels import LabelledPair
from customer360.identity.models.paired import loss_on_pairs, losses_on_people

PEOPLE = 300


def truth_of(people: int, records: int = 3) -> dict[str, Truth]:
    return {f"s:{person}.{number}": Truth(person_id=str(person), locale="") for person in range(people) for number in range(records)}


def right(truth: dict[str, Truth]) -> dict[str, str]:
    return {record: told.person_id for record, told in truth.items()}


def split(customer_of: dict[str, str], people: list[int]) -> dict[str, str]:
    return customer_of | {f"s:{person}.0": f"alone {person}" for person in people}


def merge(customer_of: dict[str, str], pairs: list[tuple[int, int]]) -> dict[str, str]:
    into = {str(right): str(left) for left, right in pairs}
    return {record: into.get(customer, customer) for record, customer in customer_of.items()}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.sampled_from(["x", "y"])), min_size=2, max_size=24))
def test_the_figures_are_those_of_each_partition_alone(rows: list[tuple[int, int, int, str]]) -> None:
    truth = {f"s:{number}": Truth(person_id=f"p{person}", locale=locale) for number, (_, _, person, locale) in enumerate(rows)}
    truth = {record: Truth(person_id=f"{told.locale}{told.person_id}", locale=told.locale) for record, told in truth.items()}
    before, after = ({f"s:{number}": str(row[side]) for number, row in enumerate(rows)} for side in (0, 1))
    found = losses_on_people(before, after, truth)[0]
    old, new = evaluate(before, truth).overall, evaluate(after, truth).overall
    assert found.before == (pytest.approx(old.precision), pytest.approx(old.recall))
    assert found.after == (pytest.approx(new.precision), pytest.approx(new.recall))
    assert found.true == old.true
    assert found.f1[1] == pytest.approx(new.f1)
    assert found.recall.low <= found.recall.value <= found.recall.high


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_recall_on_pairs_is_mcnemars_difference_of_shares(found_by: list[tuple[bool, bool]]) -> None:
    labelled = [LabelledPair(record_id_l=f"a:{n}", record_id_r=f"b:{n}", is_match=True) for n in range(len(found_by))]
    before, after = (
        {f"{side}:{n}": f"{n}" if side == "a" or hit[place] else f"other {n}" for n, hit in enumerate(found_by) for side in "ab"}
        for place in (0, 1)
    )
    loss = loss_on_pairs(before, after, labelled)
    n = len(found_by)
    lost, won = (sum(hit == pattern for hit in found_by) for pattern in ((True, False), (False, True)))
    spread = sqrt(max(0.0, lost + won - (lost - won) ** 2 / n) / (n * (n - 1)))
    assert loss.recall.value == pytest.approx((lost - won) / n)
    assert loss.recall.high == pytest.approx(min(1.0, (lost - won) / n + 1.959964 * spread), abs=1e-9)
    assert loss.touched == lost + won


def test_the_spread_is_that_of_drawing_the_people_again() -> None:
    dice = random.Random(7)
    truth = truth_of(PEOPLE)
    before = merge(split(right(truth), dice.sample(range(PEOPLE), 60)), [(1, 2), (5, 9), (20, 40)])
    after = merge(split(right(truth), dice.sample(range(PEOPLE), 90)), [(1, 2), (7, 8)])
    found = losses_on_people(before, after, truth)[0]
    drawn = []
    for _ in range(300):
        people = [str(dice.randrange(PEOPLE)) for _ in range(PEOPLE)]
        counts = {person: people.count(person) for person in set(people)}
        drawn.append(recall(before, truth, counts) - recall(after, truth, counts))
    assert (found.recall.high - found.recall.low) / 2 / 1.96 == pytest.approx(stdev(drawn), rel=0.2)


def recall(customer_of: dict[str, str], truth: dict[str, Truth], counts: dict[str, int]) -> float:
    hits = all_pairs = 0
    for person, count in counts.items():
        for left, other in combinations([f"s:{person}.{number}" for number in range(3)], 2):
            all_pairs += count
            hits += count * (customer_of[left] == customer_of[other])
    return hits / all_pairs


def test_what_both_find_hard_alike_does_not_hide_a_difference() -> None:
    truth = truth_of(PEOPLE)
    hard = split(right(truth), list(range(150)))
    worse = split(hard, list(range(150, 170)))
    loss = losses_on_people(hard, worse, truth)[0]
    assert loss.touched == 20
    assert loss.recall.low > 0.02, "half of the people are missed by both: that is no uncertainty of the difference"


def test_one_event_proves_nothing_and_no_difference_is_none() -> None:
    truth = truth_of(PEOPLE)
    same = right(truth)
    one = losses_on_people(same, split(same, [3]), truth)[0]
    assert one.recall.value > 0 > one.recall.low
    none = losses_on_people(same, same, truth)[0]
    assert (none.touched, none.recall.value, none.precision.high) == (0, 0.0, 0.0)


def test_a_locale_is_judged_by_its_own_people() -> None:
    truth = {
        record: Truth(person_id=told.person_id, locale="ja-JP" if int(told.person_id) < 20 else "de-DE")
        for record, told in truth_of(100).items()
    }
    losses = {one.scope: one for one in losses_on_people(right(truth), split(right(truth), list(range(15))), truth)}
    assert losses["de-DE"].touched == 0
    assert losses["ja-JP"].recall.low > losses["all"].recall.value
    assert losses["ja-JP"].true == 60


def test_records_that_one_side_lacks_count_nowhere() -> None:
    truth = truth_of(4)
    before, after = right(truth), right(truth)
    del after["s:0.1"], before["s:1.1"]
    assert losses_on_people(before, after, truth)[0].true == 1 + 1 + 3 + 3
    pair = LabelledPair(record_id_l="s:0.0", record_id_r="s:0.1", is_match=True)
    assert loss_on_pairs(before, after, [pair]).true == 0
