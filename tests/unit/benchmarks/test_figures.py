"""Figures and verdicts of the identity benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import FROZEN, MILLION, OURS, SPLINK, Refusal, Result, goals, judged


def result(f1: float = 1.0, *, mb: float = 100.0, **steps: float) -> Result:
    return Result(f1, f1, 1.0, 1.0, mb, {step: (seconds, seconds) for step, seconds in steps.items()})


def test_pairs_are_judged_and_a_record_left_out_is_alone(tmp_path: Path) -> None:
    truth, clusters = tmp_path / "truth.csv", tmp_path / "clusters.csv"
    truth.write_text("uid,cluster\na,1\nb,1\nc,1\nd,2\ne,2\n")
    clusters.write_text("record_id,customer_id\na,x\nb,x\nd,x\n")
    assert judged(truth, clusters) == (pytest.approx(1 / 3), pytest.approx(1 / 4))  # a-b of a-b, a-d, b-d; of a-b, a-c, b-c, d-e


def test_f1_of_nothing_found_is_nothing() -> None:
    assert Result(0.0, 0.0, 1.0, 1.0, 1.0).f1 == 0.0
    assert Result(0.5, 1.0, 1.0, 1.0, 1.0).f1 == pytest.approx(2 / 3)


def test_standardisation_is_left_out_of_the_comparison() -> None:
    spent = result(read=1.0, standardise=10.0, train=2.0, score=3.0)
    assert spent.spent() == 6.0
    assert spent.spent("score", "train") == 5.0


@pytest.mark.parametrize(("ours", "peer", "is_met"), [(0.99, 0.98, True), (0.97, 0.98, False), (0.98001, 0.98004, True)])
def test_ours_must_reach_the_best_peer(ours: float, peer: float, is_met: bool) -> None:
    found = goals("a file", 1_000, {OURS: result(ours), "exact": result(0.1), SPLINK: result(peer), "other": Refusal("too large")})
    assert [goal.is_met for goal in found] == [is_met]
    assert SPLINK in found[0].told


def test_a_named_file_has_a_floor_of_its_own() -> None:
    assert [goal.is_met for goal in goals("febrl3", 5_000, {OURS: result(0.999)})] == [False]
    assert [goal.is_met for goal in goals("febrl3", 5_000, {OURS: result(0.9999)})] == [True]


def test_speed_and_memory_count_from_a_million_records_on() -> None:
    slow = {OURS: result(mb=5_000, train=20.0, score=20.0), FROZEN: result(score=9.0, cluster=2.0), SPLINK: result(train=30.0)}
    assert len(goals("small", 100_000, slow)) == 1
    assert [goal.is_met for goal in goals("large", MILLION, slow)] == [True, False, False, False]
    fast = {OURS: result(mb=2_000, train=20.0), FROZEN: result(score=5.0, cluster=2.0), SPLINK: result(train=30.0)}
    assert [goal.is_met for goal in goals("large", MILLION, fast)] == [True] * 4


def test_a_file_that_ours_cannot_do_is_missed() -> None:
    (goal,) = goals("a file", 10, {OURS: Refusal("ended with 2"), SPLINK: result()})
    assert not goal.is_met
    assert str(goal).startswith("MISSED")
