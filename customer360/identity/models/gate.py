"""The model gate: what no trained candidate may break if it is to be used. Pure; the limits are `model_gate` in identity/settings.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log2
from typing import Any

from customer360.identity.customers.limits import Breach
from customer360.identity.match.model import Model
from customer360.identity.models.paired import Loss
from customer360.identity.settings import GateLimits, ModelLimits

_MOST_ITERATIONS = 300  # as many as expectation maximisation may take before it gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a candidate would do to the customers there are. `losses` on the labels there are, none without labels."""

    customers: int
    disturbed: int  # retired, or with records taken from them
    largest: int  # records of the largest customer there would be
    losses: Sequence[Loss] = ()


def insane(model: Model, limits: ModelLimits) -> list[Breach]:
    """What is wrong with a model by itself: not converged, agreement that counts against, weights out of bounds."""
    found = []
    if not _converged(model.training):
        found.append(Breach(limit="converged", observed="training stopped before it had settled", allowed="settled"))
    for comparison in model.splink["comparisons"]:
        found += _insane_comparison(comparison, limits)
    return found


def judge(trial: Trial, limits: ModelLimits, gate: GateLimits) -> list[Breach]:
    """Every limit that the candidate's trial breaks; `gate`: what no run may do. Labels of fewer than `min_labels` true pairs are not
    judged."""
    found = []
    share = trial.disturbed / trial.customers if trial.customers else 0.0
    if share > limits.max_changed_share:
        found.append(Breach(limit="max_changed_share", observed=f"{share:.4f}", allowed=str(limits.max_changed_share)))
    if trial.largest > gate.max_cluster_records:  # approved, it would have every run refused
        found.append(Breach(limit="gate.max_cluster_records", observed=str(trial.largest), allowed=str(gate.max_cluster_records)))
    for loss in trial.losses:
        if loss.true >= limits.min_labels:
            found += _losing(loss, limits)
    return found


def _losing(loss: Loss, limits: ModelLimits) -> Iterator[Breach]:
    """A loss counts when it is certain: when the lower end of its interval passes the limit. Otherwise people decide.

    The floors hold for all labels together, and not against a candidate that is no worse than the customers there are.
    """
    where = loss.told_by if loss.scope == "all" else f"{loss.told_by}, {loss.scope}"
    floors = (limits.min_precision, limits.min_recall) if loss.scope == "all" else (0.0, 0.0)
    most = (limits.max_precision_loss, limits.max_recall_loss)
    for place, (name, estimate) in enumerate((("precision", loss.precision), ("recall", loss.recall))):
        if loss.after[place] < min(floors[place], loss.before[place]):
            yield Breach(limit=f"min_{name} ({where})", observed=f"{loss.after[place]:.4f}", allowed=str(floors[place]))
        if estimate.low > most[place]:
            observed = f"{estimate.value:.4f}, with 95 % confidence at least {estimate.low:.4f}"
            yield Breach(limit=f"max_{name}_loss ({where})", observed=observed, allowed=str(most[place]))


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
