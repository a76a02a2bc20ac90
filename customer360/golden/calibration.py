"""Whether confidence keeps its word: of golden values of confidence 0.9, nine in ten should be right. Pure.

What the sources say for a value, as log-odds, is too sure of itself where sources copy from each other or are all out of date.
Two numbers per attribute group mend it, fitted to checked values: confidence = 1 / (1 + exp(−(offset + slope · evidence))) (Platt,
"Probabilistic Outputs for Support Vector Machines", 1999). The slope is positive, so no value overtakes another by it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from customer360.golden.checked import CheckedValue
from customer360.golden.rules import UNCALIBRATED, Calibration
from customer360.identity.models.evaluation import Interval, wilson

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
LEAST_CHECKED = 50  # fewer say too little of a group: it keeps what it has
FOLDS = 5
_LEAST_SLOPE = 0.05
_PRIOR_DEVIATION = 1.0  # of slope around 1 and of offset around 0, so that a small sample moves them little


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Golden values with a confidence from low to below high (the last: and 1): how sure they were said to be, how many are right."""

    low: float
    high: float
    values: int
    right: int
    mean_confidence: float

    @property
    def share_right(self) -> float:
        """Of its values."""
        return self.right / self.values

    @property
    def interval(self) -> Interval:
        """Of the share, 95 %."""
        return wilson(self.right, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How well confidences keep their word. `calibration_error`: mean distance of confidence and share right over the bins, by values;
    `brier`: mean square of confidence − outcome."""

    scope: str
    values: int
    right: int
    mean_confidence: float
    calibration_error: float
    brier: float
    bins: Sequence[Bin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a group's checked values ask for. `before`, `held_out`: with the present numbers, and with numbers fitted to other people than
    those they are measured on; so the second is what the proposal does for values that nobody checked."""

    attribute_group: str
    checked: int
    present: Calibration
    fitted: Calibration | None  # None: too few values
    before: Reliability
    held_out: Reliability | None


def reliability(scope: str, outcomes: Sequence[tuple[float, bool]]) -> Reliability:
    """(confidence, is right) of at least one value, measured."""
    sure = np.array([confidence for confidence, _ in outcomes])
    right = np.array([is_right for _, is_right in outcomes], dtype=float)
    bins = []
    for low, high in pairwise(EDGES):
        inside = (sure >= low) & ((sure < high) | (high == EDGES[-1]))
        if count := int(inside.sum()):
            bins.append(Bin(low=low, high=high, values=count, right=int(right[inside].sum()), mean_confidence=float(sure[inside].mean())))
    return Reliability(
        scope=scope,
        values=len(outcomes),
        right=int(right.sum()),
        mean_confidence=float(sure.mean()),
        calibration_error=sum(one.values * abs(one.mean_confidence - one.share_right) for one in bins) / len(outcomes),
        brier=float(((sure - right) ** 2).mean()),
        bins=bins,
    )


def by_group(checked: Iterable[CheckedValue]) -> dict[str, list[CheckedValue]]:
    """Attribute group → its checked values, by name."""
    groups: dict[str, list[CheckedValue]] = {}
    for one in checked:
        groups.setdefault(one.attribute_group, []).append(one)
    return dict(sorted(groups.items()))


def measure(checked: Sequence[CheckedValue]) -> list[Reliability]:
    """All values, then each group's."""
    scopes = [("all", list(checked)), *by_group(checked).items()]
    return [reliability(scope, [(one.confidence, one.is_right) for one in values]) for scope, values in scopes]


def propose(checked: Iterable[CheckedValue], present: Mapping[str, Calibration]) -> list[Proposal]:
    """New numbers for every group with enough checked values. `present`: those that the confidences were made with."""
    return [_proposal(group, values, present.get(group, UNCALIBRATED)) for group, values in by_group(checked).items()]


def _proposal(group: str, values: Sequence[CheckedValue], present: Calibration) -> Proposal:
    before = reliability(group, [(present.confidence(one.evidence), one.is_right) for one in values])
    if len(values) < LEAST_CHECKED:
        return Proposal(attribute_group=group, checked=len(values), present=present, fitted=None, before=before, held_out=None)
    held_out = []
    for fold in range(FOLDS):
        fitted = fit([(one.evidence, one.is_right) for one in values if _fold(one) != fold])
        held_out += [(fitted.confidence(one.evidence), one.is_right) for one in values if _fold(one) == fold]
    fitted = fit([(one.evidence, one.is_right) for one in values])
    return Proposal(
        attribute_group=group,
        checked=len(values),
        present=present,
        fitted=Calibration(round(fitted.slope, 3), round(fitted.offset, 3)),
        before=before,
        held_out=reliability(group, held_out),
    )


def _fold(one: CheckedValue) -> int:
    """The same for all values of a record: a person is either fitted to or measured on."""
    return zlib.crc32(one.record_id.encode()) % FOLDS


def fit(outcomes: Sequence[tuple[float, bool]]) -> Calibration:
    """The most plausible slope and offset for (evidence, is right), normal priors around 1 and 0. Newton's method; the loss is convex."""
    evidence = np.array([x for x, _ in outcomes], dtype=float)
    right = np.array([y for _, y in outcomes], dtype=float)
    design = np.column_stack([evidence, np.ones_like(evidence)])
    found = _newton(design, right, np.array([1.0, 0.0]))
    if found[0] < _LEAST_SLOPE:  # evidence that speaks against itself: keep the order, let the offset tell how often values are right
        shifted = _newton(design[:, 1:], right, np.array([0.0]), shift=_LEAST_SLOPE * evidence)
        found = np.array([_LEAST_SLOPE, shifted[0]])
    return Calibration(float(found[0]), float(found[1]))


def _newton(
    design: NDArray[np.float64], right: NDArray[np.float64], prior: NDArray[np.float64], *, shift: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float64]:
    precision = 1 / _PRIOR_DEVIATION**2

    def loss(at: NDArray[np.float64]) -> float:
        odds = design @ at + shift
        return float(np.logaddexp(0, odds).sum() - (right * odds).sum() + precision * ((at - prior) ** 2).sum() / 2)

    at = prior.copy()
    for _ in range(100):
        share = 1 / (1 + np.exp(-(design @ at + shift)))
        gradient = design.T @ (share - right) + precision * (at - prior)
        curvature = design.T @ (design * (share * (1 - share))[:, None]) + precision * np.eye(len(prior))
        step = np.linalg.solve(curvature, gradient)
        while loss(at - step) > loss(at) and np.abs(step).max() > 1e-9:
            step = step / 2  # a full step may overshoot where all values are right
        at = at - step
        if np.abs(step).max() < 1e-9:
            break
    return at
