"""What every DAG must have, so that whoever is woken by it knows what it is, whose it is, and what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts

pytestmark = pytest.mark.airflow


def tasks(dags: dict[str, Any]) -> list[Any]:
    found = [task for dag in dags.values() for task in dag.tasks]
    assert len(found) > 50
    return found


def test_a_dag_says_what_it_is_whose_it_is_and_what_to_do_when_it_fails(dags: dict[str, Any]) -> None:
    from customer360_airflow.tags import Tag

    known_tags = set(Tag) | set(load_contracts())
    for dag in dags.values():
        assert dag.doc_md and "When a task fails" in dag.doc_md, dag.dag_id
        assert dag.description and len(dag.description) < 250, dag.dag_id
        assert dag.tags and set(dag.tags) <= known_tags, (dag.dag_id, dag.tags)
        assert dag.dagrun_timeout, f"{dag.dag_id} could hang for ever"
        assert dag.max_active_runs == 1, f"{dag.dag_id} could run twice at a time"
        assert not dag.catchup, f"{dag.dag_id}: what is read is bounded by watermarks, never by data intervals"


def test_an_ingest_run_has_the_deadline_its_contract_agrees_to(dags: dict[str, Any]) -> None:
    for system, contract in load_contracts().items():
        (deadline,) = dags[f"ingest_{system}"].deadline
        assert (deadline.interval, deadline.callback.kwargs) == (contract.freshness, {"system": system})
        assert deadline.callback.path == "customer360_airflow.deadlines.look"


def test_a_task_has_an_owner_of_ours(dags: dict[str, Any]) -> None:
    teams = {contract.owner for contract in load_contracts().values()} | {"platform"}
    assert {task.owner for task in tasks(dags)} == teams


def test_a_failure_is_told_unless_the_dag_says_otherwise(dags: dict[str, Any]) -> None:
    from customer360_airflow import alerts
    from customer360_airflow.tags import Tag

    for task in tasks(dags):
        if Tag.NO_ALERTS not in task.dag.tags:
            assert alerts.on_failure in _listed(task.on_failure_callback), task
            assert alerts.on_success in _listed(task.on_success_callback), task


def test_only_outages_are_tried_again(dags: dict[str, Any]) -> None:
    import psycopg
    from airflow.sdk import RetryAction
    from customer360_airflow.steps import LoadRefused

    for task in tasks(dags):
        assert task.retries == 3, task
        assert task.retry_exponential_backoff and task.max_retry_delay <= timedelta(minutes=5), task
        assert task.retry_policy.evaluate(psycopg.OperationalError("gone"), 1, 3).action == RetryAction.DEFAULT
        for defect in (ValueError("no"), LoadRefused("no"), psycopg.errors.UndefinedColumn("no")):
            assert task.retry_policy.evaluate(defect, 1, 3).action == RetryAction.FAIL, (task, defect)


def test_every_named_outage_exists() -> None:
    """A rule whose exception cannot be imported never matches, and Airflow only logs it."""
    from importlib import import_module

    from customer360_airflow.policy import OUTAGES

    for name in OUTAGES:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(import_module(module), kind), Exception)


def test_an_asset_is_named_by_the_task_that_publishes_it_and_by_no_other(dags: dict[str, Any]) -> None:
    """An event fires when the task succeeds: on any other task it would announce data that no gate has passed."""
    expected = {f"raw/{obj.system}/{obj.name}" for contract in load_contracts().values() for obj in contract.objects}
    found: set[str] = set()
    for task in tasks(dags):
        names = {asset.name for asset in task.outlets}
        for name in names:
            kind, *rest = name.split("/")
            if kind == "raw":
                assert task.task_id.split(".")[-2:] in (rest, [rest[-1]]), f"{task} names {name}"
        found |= names
    assert found == expected | {"nightly/done"}


def test_every_source_object_wakes_the_live_dag(dags: dict[str, Any]) -> None:
    woken_by = {asset.name for asset in dags["customer_360_live"].schedule.objects}
    assert woken_by == {f"raw/{obj.system}/{obj.name}" for contract in load_contracts().values() for obj in contract.objects} | {
        "nightly/done"
    }


def test_the_nightly_run_gives_its_lease_back_whatever_happens(dags: dict[str, Any]) -> None:
    nightly = dags["customer_360_nightly"]
    assert nightly.get_task("take_lease").is_setup
    assert nightly.get_task("give_lease_back").is_teardown
    leased = nightly.get_task("take_lease").get_flat_relative_ids(upstream=False)
    built = {task.task_id for task in nightly.tasks if task.task_id.startswith("dbt.")} | {
        "resolve",
        "open_batch",
        "staging",
        "close_batch",
        "check_models",
    }
    assert len(built) > 20 and built <= leased


def _listed(callbacks: Any) -> list[Any]:
    return list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
