"""The model gate: what no trained candidate may break if it is to be used. Pure; the limits are `model_gate` in identity/settings.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log2
from typing import Any

from customer360.identity.limits import Breach
from customer360.identity.match.model import Model
from customer360.identity.settings import ModelLimits

_MOST_ITERATIONS = 300  # as many as expectation maximisation may take before it gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """How one partition does on labels. `told_by`: clusters or pairs. `true`: labelled pairs that are one person."""

    told_by: str
    true: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a candidate would do to the customers there are. `before` and `after` are scores on the same labels, in the same order."""

    customers: int
    disturbed: int  # retired, or with records taken from them
    before: Sequence[LabelScore] = ()
    after: Sequence[LabelScore] = ()


def insane(model: Model, limits: ModelLimits) -> list[Breach]:
    """What is wrong with a model by itself: not converged, agreement that counts against, weights out of bounds."""
    found = []
    if not _converged(model.training):
        found.append(Breach(limit="converged", observed="training stopped before it had settled", allowed="settled"))
    for comparison in model.splink["comparisons"]:
        found += _insane_comparison(comparison, limits)
    return found


def judge(trial: Trial, limits: ModelLimits) -> list[Breach]:
    """Every limit that the candidate's trial breaks. Labels of fewer than `min_labels` true pairs are not judged."""
    found = []
    share = trial.disturbed / trial.customers if trial.customers else 0.0
    if share > limits.max_changed_share:
        found.append(Breach(limit="max_changed_share", observed=f"{share:.4f}", allowed=str(limits.max_changed_share)))
    before = {score.told_by: score for score in trial.before}
    for score in trial.after:
        if score.true < limits.min_labels:
            continue
        for name, value, least in (
            ("min_precision", score.precision, limits.min_precision),
            ("min_recall", score.recall, limits.min_recall),
        ):
            if value < least:
                found.append(Breach(limit=f"{name} ({score.told_by})", observed=f"{value:.4f}", allowed=str(least)))
        known = before.get(score.told_by)
        if known is None:
            continue
        for name, loss, most in (
            ("max_precision_loss", known.precision - score.precision, limits.max_precision_loss),
            ("max_recall_loss", known.recall - score.recall, limits.max_recall_loss),
        ):
            if loss > most:
                found.append(Breach(limit=f"{name} ({score.told_by})", observed=f"{loss:.4f}", allowed=str(most)))
    return found


def _converged(training: Mapping[str, Any]) -> bool:
    """As the training run says; expectation maximisation that took all its iterations had not settled."""
    if training.get("converged") is False:
        return False
    return int(training.get("iterations", 0)) < _MOST_ITERATIONS


def _insane_comparison(comparison: Mapping[str, Any], limits: ModelLimits) -> Iterator[Breach]:
    name = str(comparison["output_column_name"])
    levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    weights = [_weight(level) for level in levels]
    if not all(map(isfinite, weights)):
        yield Breach(limit=f"weights ({name})", observed="m or u is 0", allowed="above 0")
        return
    strongest = max(weights, key=abs)
    if abs(strongest) > limits.max_weight:
        yield Breach(limit=f"max_weight ({name})", observed=f"{strongest:.1f}", allowed=str(limits.max_weight))
    # A fit gives fields that repeat each other one weight together, so that one of them may stand a little the wrong way round;
    # m and u in each other's place stand far.
    inversion = weights[-1] - weights[0]
    if inversion > limits.max_inversion:
        yield Breach(limit=f"max_inversion ({name})", observed=f"{inversion:.1f}", allowed=str(limits.max_inversion))


def _weight(level: Mapping[str, Any]) -> float:
    m, u = float(level["m_probability"]), float(level["u_probability"])
    return log2(m / u) if m > 0 and u > 0 else float("inf")
