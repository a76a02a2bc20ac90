"""The model gate: each limit lets a sane candidate pass and stops the one that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from customer360.identity.match.model import Model
from customer360.identity.match.splinking import settings as splink_settings
from customer360.identity.model_gate import LabelScore, Trial, insane, judge
from customer360.identity.settings import ModelLimits, read_settings
from customer360.pipeline.resolve import SETTINGS
from customer360.platform import home


@pytest.fixture(scope="module")
def limits() -> ModelLimits:
    return read_settings(home.repo() / SETTINGS).model_gate


def model(m: float = 0.9, u: float = 0.01, **training: Any) -> Model:
    comparison = {
        "output_column_name": "last_name",
        "comparison_levels": [
            {"sql_condition": "last_name_l is null or last_name_r is null", "label_for_charts": "missing", "is_null_level": True},
            {"sql_condition": "last_name_l = last_name_r", "label_for_charts": "exact", "m_probability": m, "u_probability": u},
            {"sql_condition": "ELSE", "label_for_charts": "different", "m_probability": 1 - m, "u_probability": 1 - u},
        ],
    }
    return Model(
        splink=splink_settings([comparison], ["l.last_name = r.last_name"], 0.001),
        match_threshold=0.9,
        review_threshold=0.5,
        training=training,
    )


def score(precision: float, recall: float, true: int = 1000) -> LabelScore:
    return LabelScore(told_by="clusters", true=true, precision=precision, recall=recall, f1=0.0)


def names(found: list[Any]) -> list[str]:
    return [one.limit for one in found]


def test_the_reviewed_model_is_sane(limits: ModelLimits) -> None:
    from customer360.pipeline.models import reviewed_model

    assert insane(reviewed_model(), limits) == []


@pytest.mark.parametrize(
    ("candidate", "broken"),
    [
        (model(), []),
        (model(m=0.01, u=0.9), ["max_inversion (last_name)"]),
        (model(m=0.999, u=1e-12), ["max_weight (last_name)"]),
        (model(m=0.9, u=0.0), ["weights (last_name)"]),
        (model(converged=False), ["converged"]),
        (model(iterations=300), ["converged"]),
        (model(iterations=40), []),
    ],
)
def test_a_model_that_cannot_be_right_is_refused_whatever_the_labels_say(limits: ModelLimits, candidate: Model, broken: list[str]) -> None:
    assert names(insane(candidate, limits)) == broken


def test_limits_on_labels_and_churn(limits: ModelLimits) -> None:
    good = Trial(customers=10_000, disturbed=10, before=[score(0.97, 0.9)], after=[score(0.98, 0.9)])
    assert judge(good, limits) == []
    assert names(judge(replace(good, disturbed=5_000), limits)) == ["max_changed_share"]
    assert names(judge(replace(good, after=[score(0.98, 0.8)]), limits)) == ["max_recall_loss (clusters)"]
    assert names(judge(replace(good, after=[score(0.9, 0.9)]), limits)) == ["min_precision (clusters)", "max_precision_loss (clusters)"]
    assert names(judge(replace(good, before=[], after=[score(0.98, 0.5)]), limits)) == ["min_recall (clusters)"]
    few = limits.min_labels - 1
    assert judge(replace(good, after=[score(0.1, 0.1, true=few)]), limits) == [], "a handful of labels proves nothing"
