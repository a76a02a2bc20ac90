"""Asking people about a candidate: whether there is anything to ask, who is told, and that an answer counts once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import UserError
from customer360.identity.match.model import Model
from customer360.identity.models import registry
from customer360.pipeline import approval
from customer360.pipeline import models as pipeline
from customer360.pipeline import resolve as resolving
from customer360.pipeline.approval import Question, Unasked

LINK = "http://airflow/dags/identity_training/runs/r1/tasks/approval/required_actions"


@pytest.fixture
def kept(identity: Any, customers: Any, model_with: Callable[..., Model]) -> Callable[[float], str]:
    """Puts a model with this threshold into the registry; returns its version."""

    def keep(threshold: float) -> str:
        made = model_with(match_threshold=threshold)
        registry.keep(identity.connection, made, note="spring cleaning")
        identity.connection.commit()
        return made.version

    return keep


@pytest.fixture
def customers(identity: Any, sources: Any, checkout: Path, people: Callable[..., Any]) -> None:
    """Customers that the reviewed model made."""
    settings = checkout / "identity" / "settings.yaml"
    settings.write_text(settings.read_text().replace("max_changed_share: 0.05", "max_changed_share: 1.0"))
    sources.publish("shop.customers", people(random.Random(1), 30))
    resolving.resolve()


def used() -> str:
    return resolving.read_rules().model.version


def open_incidents(identity: Any) -> list[tuple[Any, ...]]:
    return identity.fetch("select kind, subject, run_url from ops.incident where closed_at is null order by kind")


def decisions(identity: Any) -> list[tuple[Any, ...]]:
    return identity.fetch("select version, verdict, decided_by, note from identity.model_decision order by decision_id")


def test_the_question_shows_what_would_change_and_no_value_of_any_record(identity: Any, kept: Callable[[float], str]) -> None:
    asked = approval.question(kept(0.55))
    assert isinstance(asked, Question)
    assert asked.model == f"{asked.version} in place of {used()}"
    assert asked.subject.startswith(f"Use model {asked.version}? ") and "customers would change" in asked.subject
    for part in (
        "Trained because: spring cleaning",
        "| shop.customers |",
        "records under another id",
        "**Approve**",
        "No labels are configured",
    ):
        assert part in asked.body
    assert "example.com" not in asked.body and "Schneider" not in asked.body


def test_nobody_is_asked_where_there_is_nothing_to_decide(identity: Any, kept: Callable[[float], str], checkout: Path) -> None:
    def reason(version: str, **how: Any) -> str:
        found = approval.question(version, **how)
        assert isinstance(found, Unasked)
        return found.reason

    assert "is in use" in reason(used())
    assert "no customer" in reason(kept(0.901))
    rejected = kept(0.55)
    approval.question(rejected)
    pipeline.reject(rejected, by="otto")
    assert "otto rejected" in reason(rejected)
    assert isinstance(approval.question(rejected, again=True), Question)
    approval.answer(rejected, approved=False, by=None, note=None, request="r1")
    assert isinstance(approval.question(rejected), Question), "that nobody answered is no answer"

    settings = checkout / "identity" / "settings.yaml"
    settings.write_text(settings.read_text().replace("max_weight: 30", "max_weight: 0.5"))
    assert "max_weight" in reason(rejected)
    assert [kind for kind, *_ in open_incidents(identity)] == ["model_refused"]
    assert "is in use" in reason(used())
    assert open_incidents(identity) == [], "what was trained last is no longer a refused one"


def test_people_are_told_once_where_to_answer_and_again_when_it_is_over(identity: Any, kept: Callable[[float], str]) -> None:
    version, newer = kept(0.55), kept(0.97)
    for each in (version, newer):
        approval.question(each)
    until = datetime(2026, 3, 8, 5, tzinfo=UTC)
    approval.announce(version, answer_by=until, run_url=LINK)
    approval.announce(version, answer_by=until, run_url=LINK)
    assert open_incidents(identity) == [("approval_awaited", f"identity.model {version}", LINK)]
    assert identity.fetch("select count(*) from ops.notification") == [(2,)], "one notice a channel"
    details = identity.fetch("select details from ops.incident")[0][0]
    assert details["answer_by"] == "2026-03-08 05:00 UTC" and details["customers_that_would_change"] > 0

    approval.announce(newer, answer_by=None, run_url=LINK)
    assert open_incidents(identity) == [("approval_awaited", f"identity.model {newer}", LINK)]
    approval.answer(version, approved=False, by="otto", note=None, request="r1")
    assert len(open_incidents(identity)) == 1, "an answer about another candidate"
    assert "is used from the next run on" in approval.answer(newer, approved=True, by="erika", note="better", request="r2")
    assert open_incidents(identity) == []
    assert used() == newer


def test_an_answer_counts_once_however_often_its_task_runs(identity: Any, kept: Callable[[float], str]) -> None:
    version = kept(0.55)
    approval.question(version)
    approval.answer(version, approved=True, by="erika", note=None, request="run 1")
    pipeline.approve("reviewed", by="otto", note="back")
    before = decisions(identity)
    approval.answer(version, approved=True, by="erika", note=None, request="run 1")
    approval.answer(version, approved=False, by="erika", note=None, request="run 1")
    assert decisions(identity) == before and used() != version, "an old run's task, cleared, must not bring its model back"
    approval.answer(version, approved=True, by="erika", note=None, request="run 2")
    assert used() == version


def test_no_answer_is_a_rejection_by_nobody(identity: Any, kept: Callable[[float], str]) -> None:
    version, before = kept(0.55), used()
    approval.question(version)
    assert "nobody answered in time" in approval.answer(version, approved=False, by=None, note=None, request="r1")
    assert decisions(identity) == [(version, "rejected", "timeout", None)]
    assert used() == before
    with pytest.raises(UserError, match="by nobody"):
        approval.answer(version, approved=True, by=None, note=None, request="r2")


def test_the_run_after_an_approval_is_a_full_one_with_the_new_model(identity: Any, kept: Callable[[float], str]) -> None:
    version = kept(0.55)
    approval.question(version)
    assert resolving.resolve().state == "nothing_new"
    approval.answer(version, approved=True, by="erika", note=None, request="r1")
    outcome = resolving.resolve(accept=True)
    assert (outcome.state, outcome.mode) == ("resolved", "full")
    assert resolving.resolve().state == "nothing_new"
