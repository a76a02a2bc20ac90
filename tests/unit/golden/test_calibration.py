"""Confidence that keeps its word: what is fitted to checked values must help, and must not turn the order of values round."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.golden import calibration
from customer360.golden.calibration import LEAST_CHECKED, fit, measure, propose, reliability
from customer360.golden.checked import CheckedValue
from customer360.golden.rules import UNCALIBRATED, Calibration

outcomes = st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=1, max_size=60)


def sample(truth: Calibration, size: int, *, group: str = "name", seed: int = 1) -> list[CheckedValue]:
    """Values of which as many are right as `truth` says, with the confidence that nobody calibrated."""
    chance = random.Random(seed)
    found = []
    for number in range(size):
        evidence = chance.gauss(2, 2)
        found.append(
            CheckedValue(
                record_id=f"shop.customers:{number}",
                attribute_group=group,
                attribute="first_name",
                evidence=evidence,
                confidence=UNCALIBRATED.confidence(evidence),
                is_right=chance.random() < truth.confidence(evidence),
            )
        )
    return found


def test_the_numbers_behind_a_sample_are_found() -> None:
    """With many values the prior no longer shows."""
    found = fit([(one.evidence, one.is_right) for one in sample(Calibration(0.5, -0.7), 20_000)])
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.offset == pytest.approx(-0.7, abs=0.08)


def test_too_sure_becomes_right() -> None:
    """Measured on people that were not fitted to, the error falls to what chance leaves, and the Brier score with it."""
    (proposal,) = propose(sample(Calibration(0.4, -0.5), 3_000), {})
    assert proposal.before.calibration_error > 0.15
    assert proposal.held_out is not None
    assert proposal.held_out.calibration_error < 0.04
    assert proposal.held_out.brier < proposal.before.brier


def test_a_small_sample_changes_nothing() -> None:
    (proposal,) = propose(sample(Calibration(0.4, -0.5), LEAST_CHECKED - 1), {"name": Calibration(0.8, 0.1)})
    assert (proposal.fitted, proposal.held_out, proposal.present) == (None, None, Calibration(0.8, 0.1))


@given(outcomes)
def test_the_order_of_values_stays(values: list[tuple[float, bool]]) -> None:
    """Even where every sure value is wrong, more evidence never means less confidence."""
    found = fit(values)
    assert found.slope > 0
    confidences = [found.confidence(evidence) for evidence in sorted(evidence for evidence, _ in values)]
    assert confidences == sorted(confidences)
    assert all(0 <= confidence <= 1 for confidence in confidences)


def test_a_reliability_table_counts_every_value_once() -> None:
    table = reliability("all", [(0.0, False), (0.5, True), (0.55, False), (0.99, True), (1.0, True), (1.0, False)])
    assert [(one.low, one.values, one.right) for one in table.bins] == [(0.0, 1, 0), (0.5, 2, 1), (0.99, 3, 2)]
    assert (table.values, table.right) == (6, 3)
    # bins: |0 − 0|·1, |0.525 − 0.5|·2, |0.99667 − 0.66667|·3, by 6 values
    assert table.calibration_error == pytest.approx((0.05 + 0.99) / 6)
    assert table.brier == pytest.approx((0 + 0.25 + 0.3025 + 0.0001 + 0 + 1) / 6)


def test_all_values_and_each_group_are_measured() -> None:
    values = sample(UNCALIBRATED, 80) + sample(UNCALIBRATED, 20, group="email", seed=2)
    assert [(one.scope, one.values) for one in measure(values)] == [("all", 100), ("email", 20), ("name", 80)]


def test_a_person_is_fitted_to_or_measured_on() -> None:
    """All values of one record are in the same fold, or the held-out figures would flatter."""
    first, second = (sample(UNCALIBRATED, 1, group=group)[0] for group in ("name", "email"))
    assert calibration._fold(first) == calibration._fold(second)
