"""The question to people as an operator: which answers count, and what the tasks after it are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

VERSION = "d08e86f8a46c"
MODEL = f"{VERSION} in place of b417a4e1007e"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def event(option: str, by: str | None = "erika", **params: Any) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": params,
        "responded_at": AT,
        "responded_by_user": {"id": "2", "name": by} if by else None,
        "timedout": by is None,
    }


@pytest.fixture
def approval(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The DAG's operator as it is when it takes an answer about VERSION; `went_to` holds the task it goes on with."""
    operator = dags["identity_training"].get_task("approval")
    monkeypatch.setattr(operator, "version", VERSION)
    monkeypatch.setattr(operator, "model", MODEL)
    monkeypatch.setattr(operator, "went_to", [], raising=False)
    monkeypatch.setattr(
        type(operator), "do_branch", lambda self, context, branches_to_execute: operator.went_to.extend(branches_to_execute)
    )
    return operator


def take(approval: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """What the tasks after it are told."""
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    approval.execute_complete({"ti": ti}, answer)
    return dict(pushed["answer"])


def test_an_approval_tells_who_when_and_why(approval: Any) -> None:
    told = take(approval, event("Approve", model=MODEL, note="fewer wrong merges"))
    assert told == {"by": "erika", "note": "fewer wrong merges", "at": "2026-03-02T09:00:00+00:00"}
    assert approval.went_to == ["use_model"]


def test_nobody_in_time_keeps_the_model(approval: Any) -> None:
    assert approval.defaults == ["Reject"]
    assert take(approval, event("Reject", by=None, model=MODEL, note=None))["by"] is None
    assert approval.went_to == ["keep_model"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"model": f"{VERSION} in place of 59a7c3224be8", "note": None}, "has compared d08e86f8a46c in place of b417a4e1007e since"),
        ({}, "names no model"),
    ],
)
def test_an_approval_of_something_else_than_what_was_compared_does_not_count(approval: Any, params: dict[str, Any], told: str) -> None:
    """Airflow keeps the text of a question when its task is cleared; what is behind it may be another by then."""
    from customer360.errors import UserError

    with pytest.raises(UserError, match=told):
        take(approval, event("Approve", **params))
    assert approval.went_to == []
    assert take(approval, event("Reject", **params))["by"] == "erika", "no is no, whatever the page showed"


def test_the_question_names_its_model_and_people_are_told_first(approval: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.standard.operators import hitl
    from customer360_airflow import training

    asked: list[dict[str, Any]] = []
    told: list[str] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: asked.append(detail))
    monkeypatch.setattr(training._Announcement, "notify", lambda self, context: told.append(context["task"].version))
    monkeypatch.setattr(approval, "params", approval.params)
    with pytest.raises(hitl.TaskAwaitingInput) as waiting:
        approval.execute({"task_instance": SimpleNamespace(id="1"), "task": approval, "dag": approval.dag})
    assert waiting.value.timeout == timedelta(days=6)
    assert asked[0]["params"]["model"]["value"] == MODEL and asked[0]["params"]["model"]["schema"]["enum"] == [MODEL]
    assert set(asked[0]["params"]) == {"model", "note"}, "what the DAG's form asks is no part of the answer"
    assert told == [VERSION]


def test_a_run_has_ended_when_the_next_is_due(dags: dict[str, Any]) -> None:
    dag = dags["identity_training"]
    assert dag.get_task("approval").response_timeout < dag.dagrun_timeout < timedelta(days=7)


def test_who_has_answered_and_which_question_reach_the_record(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from customer360_airflow import alerts, training

    from customer360.pipeline import approval

    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(approval, "answer", lambda version, **said: calls.append({"version": version, **said}) or "done")
    monkeypatch.setattr(alerts, "dispatch", lambda: None)
    context = {"ti": SimpleNamespace(dag_id="identity_training", run_id="r1")}
    training.record(VERSION, training.Answer(by="erika", note=None, at="2026-03-02T09:00:00+00:00"), context, approved=True)
    assert calls == [
        {"version": VERSION, "approved": True, "by": "erika", "note": None, "request": "identity_training/r1/2026-03-02T09:00:00+00:00"}
    ]


def test_nothing_to_ask_is_a_skip_with_its_reason(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowSkipException
    from customer360_airflow import alerts, training

    from customer360.pipeline import approval

    sent: list[bool] = []
    monkeypatch.setattr(approval, "question", lambda version, **_: approval.Unasked(version=version, reason="the model gate refused it"))
    monkeypatch.setattr(alerts, "dispatch", lambda: sent.append(True))
    context = {"params": {}, "ti": SimpleNamespace(log_url="http://localhost/r1")}
    with pytest.raises(AirflowSkipException, match="the model gate refused it"):
        training.compare(VERSION, context)
    assert sent, "the refusal is told at once"
