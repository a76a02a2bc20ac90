"""The model gate: each limit lets a sane candidate pass and stops the one that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from customer360.identity.match.model import Model
from customer360.identity.match.splinking import settings as splink_settings
from customer360.identity.models.gate import Trial, insane, judge
from customer360.identity.models.paired import Estimate, Loss
from customer360.identity.settings import Settings, read_settings
from customer360.pipeline.resolve import SETTINGS
from customer360.platform import home


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(home.repo() / SETTINGS)


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


def loss(before: tuple[float, float], after: tuple[float, float], *, reach: float = 0.0, true: int = 1000, scope: str = "all") -> Loss:
    """Precision and recall before and after, known to within `reach`."""
    precision, recall = [
        Estimate(value=old - new, low=old - new - reach, high=old - new + reach) for old, new in zip(before, after, strict=True)
    ]
    return Loss(
        scope=scope, told_by="clusters", true=true, touched=9, before=before, after=after, precision=precision, recall=recall
    )  # fmt: skip


def names(found: list[Any]) -> list[str]:
    return [one.limit for one in found]


def test_the_reviewed_model_is_sane(settings: Settings) -> None:
    from customer360.pipeline.models import reviewed_model

    assert insane(reviewed_model(), settings.model_gate) == []


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
def test_a_model_that_cannot_be_right_is_refused_whatever_the_labels_say(settings: Settings, candidate: Model, broken: list[str]) -> None:
    assert names(insane(candidate, settings.model_gate)) == broken


GOOD = Trial(customers=10_000, disturbed=10, largest=8, losses=[loss((0.97, 0.9), (0.98, 0.9))])


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, []),
        ({"disturbed": 5_000}, ["max_changed_share"]),
        ({"largest": 5_000}, ["gate.max_cluster_records"]),
        ({"losses": []}, []),
        ({"losses": [loss((0.97, 0.9), (0.98, 0.8))]}, ["max_recall_loss (clusters)"]),
        ({"losses": [loss((0.97, 0.9), (0.96, 0.95))]}, ["max_precision_loss (clusters)"]),
        ({"losses": [loss((0.97, 0.9), (0.9, 0.9))]}, ["min_precision (clusters)", "max_precision_loss (clusters)"]),
        ({"losses": [loss((0.99, 0.9), (0.99, 0.8), scope="ja-JP")]}, ["max_recall_loss (clusters, ja-JP)"]),
    ],
)
def test_a_certain_loss_and_too_much_change_are_refused(settings: Settings, changes: dict[str, Any], broken: list[str]) -> None:
    assert names(judge(replace(GOOD, **changes), settings.model_gate, settings.gate)) == broken


def test_a_loss_that_chance_may_explain_is_left_to_people(settings: Settings) -> None:
    lost = (0.97, 0.9), (0.96, 0.88)
    for reach, refused in ((0.0, 2), (0.007, 2), (0.02, 0)):
        trial = replace(GOOD, losses=[loss(*lost, reach=reach)])
        assert len(judge(trial, settings.model_gate, settings.gate)) == refused, reach


def test_a_handful_of_labels_proves_nothing(settings: Settings) -> None:
    few = settings.model_gate.min_labels - 1
    assert judge(replace(GOOD, losses=[loss((0.97, 0.9), (0.1, 0.1), true=few)]), settings.model_gate, settings.gate) == []


def test_under_the_floor_the_better_of_two_is_not_refused(settings: Settings) -> None:
    """Refusing it would keep the worse one."""
    low = settings.model_gate.min_precision - 0.1
    better = replace(GOOD, losses=[loss((low, 0.9), (low + 0.05, 0.9))])
    assert judge(better, settings.model_gate, settings.gate) == []
    worse = replace(GOOD, losses=[loss((low, 0.9), (low - 0.001, 0.9))])
    assert names(judge(worse, settings.model_gate, settings.gate)) == ["min_precision (clusters)"]
