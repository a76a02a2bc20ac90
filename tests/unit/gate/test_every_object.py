"""Every object we ship is gated in every way that can fail it, and whoever is woken by a gate reads why."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.contracts.model import SourceObject
from customer360.contracts.reader import load_contracts
from customer360.gate.suites import load_suite

REPO = Path(__file__).resolve().parents[3]
OBJECTS = [obj for contract in load_contracts(REPO / "contracts").values() for obj in contract.objects]
COMPLETE = ("not_be_null", "non_null_values")
VALID = ("be_in_set", "match_regex", "be_between", "value_lengths", "unexpected_rows", "match_like", "be_in_type_list")


@pytest.fixture(params=OBJECTS, ids=lambda obj: obj.full_name)
def obj(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SourceObject:
    monkeypatch.setenv("C360_REPO", str(REPO))
    found: SourceObject = request.param
    return found


def test_it_is_checked_for_completeness_and_validity(obj: SourceObject) -> None:
    types = [expectation.type for expectation in load_suite(obj).expectations]
    assert any(word in one for one in types for word in COMPLETE), types
    assert any(word in one for one in types for word in VALID), types


def test_its_key_cannot_be_doubled(obj: SourceObject) -> None:
    """Only the newest version of a key is left when the gate looks, and raw's primary key holds the rest."""
    assert obj.key and all(obj.field(name).required for name in obj.key)


def test_it_is_compared_with_its_past_and_with_its_parents(obj: SourceObject) -> None:
    suite = load_suite(obj)
    assert set(suite.history.measures) >= {"volume", "nulls", "shares", "numbers"}
    assert suite.references.severity in ("warning", "info")


def test_every_expectation_says_whose_it_is_and_why(obj: SourceObject) -> None:
    suite = load_suite(obj)
    assert suite.owner
    for expectation in suite.expectations:
        assert len(expectation.reason) > 10, expectation
        assert expectation.severity in ("critical", "warning", "info"), expectation
    for limit in suite.history.measures.values():
        assert limit.reason and limit.severity
