"""What each field contributed, beside what scoring itself says."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import pytest

from customer360.identity.evidence.blocks import wide_frame
from customer360.identity.match.breakdown import Breakdown, breakdowns
from customer360.identity.match.model import Model
from customer360.identity.match.score import score
from customer360.pipeline.resolve import PERSON_MODEL
from customer360.platform import home

PEOPLE = [
    ("crm.contacts:1", {"first_name": ["anna"], "last_name": ["schneider"], "birth_date": ["1980-03-04"], "email": ["anna@example.com"]}),
    ("crm.contacts:2", {"first_name": ["anne"], "last_name": ["schneider"], "birth_date": ["1980-03-04"], "phone": ["+4922812345678"]}),
    ("shop.customers:3", {"first_name": ["bernd"], "last_name": ["maier"], "city": ["bonn"], "phone": ["+4922812345678"]}),
    ("shop.customers:4", {"first_name": ["zoe"], "last_name": ["quist"], "birth_date": ["1991-12-01"], "postal_code": ["53111"]}),
]
ALL = [(left, right) for left, _ in PEOPLE for right, _ in PEOPLE if left < right]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(home.repo() / PERSON_MODEL)


@pytest.fixture(scope="module")
def found(model: Model) -> dict[tuple[str, str], Breakdown]:
    return breakdowns(wide_frame(PEOPLE), model, [*ALL, ("crm.contacts:1", "nobody:0"), ("crm.contacts:1", "crm.contacts:1")])


def test_every_pair_is_broken_down_however_unlikely_and_no_other(found: dict[tuple[str, str], Breakdown]) -> None:
    assert sorted(found) == sorted(ALL)
    assert min(one.probability for one in found.values()) < 1e-4


def test_prior_and_weights_sum_to_the_match_weight_and_that_gives_the_probability(found: dict[tuple[str, str], Breakdown]) -> None:
    for one in found.values():
        assert one.prior + sum(field.weight for field in one.fields) == pytest.approx(one.match_weight, abs=1e-9)
        assert one.match_weight == pytest.approx(log2(one.probability / (1 - one.probability)), abs=1e-6)


def test_scores_and_blocking_rules_are_those_of_a_run(model: Model, found: dict[tuple[str, str], Breakdown]) -> None:
    told = score(wide_frame(PEOPLE), model, floor=0.0).to_pylist()
    assert len(told) == 2, "a run compares what a rule brings together"
    rules = [rule["blocking_rule"] for rule in model.splink["blocking_rules_to_generate_predictions"]]
    for row in told:
        one = found[row["l"], row["r"]]
        assert one.probability == pytest.approx(row["probability"], abs=1e-12)
        assert one.blocking_rule == rules[row["rule"]]
        for field in one.fields:
            assert field.weight == pytest.approx(row[f"mw_{field.field}"], abs=1e-5)
    assert [pair for pair, one in found.items() if one.blocking_rule is not None] == [(row["l"], row["r"]) for row in told]


def test_levels_are_named_as_the_model_does_and_a_missing_value_weighs_nothing(found: dict[tuple[str, str], Breakdown]) -> None:
    fields = {one.field: one for one in found["crm.contacts:1", "crm.contacts:2"].fields}
    assert {name: one.level for name, one in fields.items() if one.level} == {
        "first_name": "nickname",
        "last_name": "exact",
        "birth_date": "exact",
    }
    assert {one.weight for one in fields.values() if one.level is None} == {0.0}
    assert fields["birth_date"].rarity > 1, "few have this birth date"
    assert fields["last_name"].rarity < 0, "many have this name"
    assert fields["first_name"].rarity == 0


def test_a_model_without_blocking_rules_compares_every_pair(model: Model) -> None:
    everything = replace(model, splink={**model.splink, "blocking_rules_to_generate_predictions": [{"blocking_rule": "1 = 1"}]})
    assert {one.blocking_rule for one in breakdowns(wide_frame(PEOPLE), everything, ALL).values()} == {"1 = 1"}
    assert breakdowns(wide_frame(PEOPLE), model, []) == {}
