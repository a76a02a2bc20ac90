"""When a load is published, told about, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.gate.suites import Suite
from customer360.gate.verdict import GateResult, Result, gone_rows, judge, missing_fields

SUITE = Suite(name="shop.orders", owner=None, expectations=(), max_failed_rows=5, max_failed_share=0.1, max_gone_rows=2, max_gone_share=0.5)


def result(**options: Any) -> Result:
    given_ = {
        "expectation": "e",
        "severity": "critical",
        "level": "row",
        "success": False,
        "reason": "r",
        "failed_rows": 1,
        "checked_rows": 10,
    }
    return Result(**{**given_, **options})


def gate(*results: Result) -> GateResult:
    return GateResult(results=results, failed={})


@pytest.mark.parametrize(
    ("failed", "judged", "is_refused"), [(0, 10, False), (5, 5, False), (6, 6, True), (10, 100, False), (11, 100, True)]
)
def test_few_bad_rows_pass_many_refuse(failed: int, judged: int, is_refused: bool) -> None:
    refusal = judge(SUITE, gate(result(failed_rows=failed)), failed=failed, judged=judged)
    assert (refusal is not None) == is_refused
    if refusal:
        assert [r.expectation for r in refusal.results] == ["failed_rows", "e"]


def test_only_critical_expectations_on_the_load_refuse_it() -> None:
    for severity, is_refused in (("critical", True), ("warning", False), ("info", False)):
        refusal = judge(SUITE, gate(result(level="load", severity=severity)), failed=0, judged=10)
        assert (refusal is not None) == is_refused


def test_a_missing_field_refuses_even_a_load_without_rows() -> None:
    refusal = judge(SUITE, gate(*missing_fields([{"field": "email", "place": "table customers"}])), failed=0, judged=0)
    assert refusal is not None
    assert refusal.as_json()["failures"][0]["observed"] == "missing in table customers"


def test_burying_too_many_refuses() -> None:
    assert gone_rows(SUITE, gone=0, alive=10) == []
    assert gone_rows(SUITE, gone=2, alive=2)[0].success
    assert gone_rows(SUITE, gone=5, alive=10)[0].success
    assert not gone_rows(SUITE, gone=6, alive=10)[0].success


@given(failed=st.integers(0, 1000), judged=st.integers(0, 1000))
def test_more_failures_never_turn_a_refusal_into_a_pass(failed: int, judged: int) -> None:
    failed = min(failed, judged)
    if judge(SUITE, gate(result()), failed=failed, judged=judged) is not None and failed < judged:
        assert judge(SUITE, gate(result()), failed=failed + 1, judged=judged) is not None
