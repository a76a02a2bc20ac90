"""`customer360 review`, as it is typed: a steward's way from the queue to a decision and back, and what is refused with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from customer360.pipeline import resolve as resolving

pytestmark = pytest.mark.integration

ANNA = {"first_name": "Anna", "last_name": "Schneider"}  # two of them without more: between the thresholds
ONE, TWO = "shop.customers:1", "shop.customers:2"
SAM = ("--by", "Sam", "--why", "phoned")


@pytest.fixture
def two_annas(sources: Any, identity: Any, checkout: Any) -> Any:
    sources.publish("shop.customers", [{"customer_id": 1, **ANNA}, {"customer_id": 2, **ANNA}])
    resolving.resolve()
    return identity


def test_from_the_queue_to_a_decision_and_back(command: Callable[..., Any], two_annas: Any) -> None:
    listed = command("review", "list", "--kind", "grey_zone", "--system", "shop").out
    assert ONE in listed and TWO in listed and "Schneider" not in listed
    assert json.loads(command("review", "list", "--json").out)["waiting"] == {"grey_zone": 1}
    assert "grey zone: " in command("review", "show", ONE, TWO).out

    assert "the next run acts on it" in command("review", "decide", ONE, TWO, "same", *SAM).out
    assert "nothing waits for a decision" in command("review", "list").out
    assert "overrule that decision" in command("review", "decide", TWO, ONE, "different", *SAM, expect=2).err
    assert "1 merge" in command("review", "decide", ONE, TWO, "same", "--overrule", "--resolve", *SAM).out
    assert len(two_annas.customers()) == 1

    undone = command("review", "undo", TWO, ONE, "--by", "Eva", "--why", "wrong number", "--resolve").out
    assert "no longer decided (same by Sam withdrawn)" in undone and "1 split" in undone
    told = command("review", "history", ONE, TWO).out
    assert "decided same by Sam" in told and "by Eva" in told and "wrong number" in told
    assert "no decision stands" in command("review", "undo", ONE, TWO, *SAM, expect=2).err


def test_a_question_is_put_off_and_taken_up_again(command: Callable[..., Any], two_annas: Any) -> None:
    assert "say until when" in command("review", "postpone", ONE, TWO, *SAM, expect=2).err
    assert "say until when" in command("review", "postpone", ONE, TWO, "--days", "2", "--until", "2099-01-01", *SAM, expect=2).err
    assert "asked again from 2099-01-01 00:00 UTC" in command("review", "postpone", ONE, TWO, "--until", "2099-01-01", *SAM).out
    assert "1  postponed" in command("review", "list").out
    assert ONE in command("review", "list", "--postponed").out
    assert "postponed until 2099-01-01" in command("review", "show", ONE, TWO).out
    assert "back in the queue" in command("review", "resume", ONE, TWO, *SAM).out
    assert "it was not postponed" in command("review", "resume", ONE, TWO, *SAM).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "--kind", "grey"), "no question is of kind 'grey'; use grey_zone"),
        (("decide", ONE, TWO, "perhaps", *SAM), "'perhaps' is no answer; say same or different"),
        (("decide", ONE, "shop.customers:99", "same", *SAM), "shop.customers:99"),
        (("decide", ONE, ONE, "same", *SAM), "two different records"),
        (("decide", ONE, TWO, "same"), "Missing option '--by'"),
    ],
)
def test_what_cannot_be_is_said_and_ends_with_2(command: Callable[..., Any], two_annas: Any, arguments: tuple[str, ...], told: str) -> None:
    assert told in command("review", *arguments, expect=2).err
