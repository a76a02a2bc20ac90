"""What a load's end becomes in Airflow: success, skip, failure, and which of them fires the asset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from customer360.load.ledger import Counts
from customer360.pipeline import ingest as ingesting
from customer360.pipeline.outcome import LoadOutcome

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("plugins")]


def context(**params: object) -> dict[str, Any]:
    return {
        "params": params,
        "ti": SimpleNamespace(dag_id="ingest_shop", task_id="customers", run_id="r1", log_url="http://localhost/r1", try_number=1),
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the library was asked; its answer is the `state` of the fixture's last item, `published` by default."""
    from customer360_airflow import alerts

    calls: list[dict[str, Any]] = []

    def ingest_object(system: str, object: str, **options: Any) -> LoadOutcome:
        calls.append({"system": system, "object": object, **options})
        state = options["since"] or "published"
        failure = {"expectation": "expect_table_row_count_to_be_between", "observed": "0 rows", "allowed": "1", "reason": "An empty file."}
        refusal = {"failures": [failure]} if state in ("rejected", "held") else None
        return LoadOutcome(load_id=1, system=system, object=object, state=state, counts=Counts(), refusal=refusal)

    monkeypatch.setattr(ingesting, "ingest_object", ingest_object)
    monkeypatch.setattr(alerts, "dispatch", lambda: None)
    return calls


def test_a_published_load_succeeds_with_its_counts(asked: list[dict[str, Any]]) -> None:
    from customer360_airflow import steps

    counts = steps.ingest("shop", "customers", context(full_refresh=True))
    assert counts["published"] == 0 and counts["quarantined"] == 0
    assert asked == [{"system": "shop", "object": "customers", "full_refresh": True, "since": None, "run_url": "http://localhost/r1"}]


@pytest.mark.parametrize("state", ["nothing_new", "already_running"])
def test_nothing_published_is_a_skip_so_that_no_asset_fires(asked: list[dict[str, Any]], state: str) -> None:
    from airflow.sdk.exceptions import AirflowSkipException
    from customer360_airflow import steps

    with pytest.raises(AirflowSkipException):
        steps.ingest("shop", "customers", context(since=state))


@pytest.mark.parametrize("state", ["rejected", "held"])
def test_a_refused_load_fails_and_is_not_tried_again(asked: list[dict[str, Any]], state: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from customer360_airflow import steps

    with pytest.raises(steps.LoadRefused) as refused:
        steps.ingest("shop", "customers", context(since=state))
    assert isinstance(refused.value, AirflowFailException)
    assert "expect_table_row_count_to_be_between: 0 rows, allowed 1. An empty file." in str(refused.value), "its log says why"


def test_a_source_that_is_down_fails_without_a_second_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    from customer360_airflow import alerts, steps

    def down(*_: object, **__: object) -> LoadOutcome:
        raise ingesting.SourceDown("shop does not answer")

    monkeypatch.setattr(ingesting, "ingest_object", down)
    monkeypatch.setattr(alerts, "dispatch", lambda: None)
    with pytest.raises(steps.SourceIsDown, match="does not answer"):
        steps.ingest("shop", "customers", context())
    assert issubclass(steps.SourceIsDown, alerts.AlreadyTold)


def test_an_object_that_was_not_chosen_is_left_alone(asked: list[dict[str, Any]]) -> None:
    from airflow.sdk.exceptions import AirflowSkipException
    from customer360_airflow import steps

    with pytest.raises(AirflowSkipException, match="not asked for"):
        steps.ingest("shop", "customers", context(objects=["orders"]))
    assert asked == []


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("postgresql://c360:p%40ss@db:5432/customer360", "postgresql://c360:p%40ss@db:5432/customer360"),
        ("http://client:se%2Fcret@crm:8080", "http://client:se%2Fcret@crm:8080"),
        ("file:///srv/web%20logs/events", "file:///srv/web logs/events"),
        ("s3://key:secret@bucket/folder/deeper?endpoint_url=http%3A%2F%2Fminio%3A9000", "s3://key:secret@bucket/folder/deeper?endpoint_url=http%3A%2F%2Fminio%3A9000"),
        ('{"conn_type": "smtp", "host": "mail", "port": 25}', None),
    ],
)  # fmt: skip
def test_airflows_connections_become_the_librarys(monkeypatch: pytest.MonkeyPatch, stored: str, expected: str | None) -> None:
    from customer360_airflow import connections

    monkeypatch.setenv("AIRFLOW_CONN_SOMETHING", stored)
    assert connections.resolve("something") == expected


def test_an_unknown_connection_is_left_to_the_library() -> None:
    from customer360_airflow import connections

    assert connections.resolve("nobody_has_this") is None


def test_a_window_is_backfilled(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """`until` or `from` in the form make it a backfill; what it refuses fails, what brings nothing fires no asset."""
    from airflow.sdk.exceptions import AirflowSkipException
    from customer360_airflow import steps

    from customer360.pipeline import backfill as backfilling

    ends = iter([("done", 5), ("done", 0), ("refused", 0)])
    windows: list[Any] = []

    def run_backfill(system: str, object: str, *, window: Any, run_url: str | None) -> Any:
        windows.append(window)
        state, published = next(ends)
        refused = SimpleNamespace(load_id=7) if state == "refused" else None
        return SimpleNamespace(counts=Counts(extracted=published, published=published), rows_read=9, refused=refused)

    monkeypatch.setattr(backfilling, "run_backfill", run_backfill)
    assert steps.ingest("shop", "customers", context(since="2026-01-01", until="2026-02-01"))["published"] == 5
    with pytest.raises(AirflowSkipException, match="9 rows read again"):
        steps.ingest("shop", "customers", context(**{"from": "archive"}))
    with pytest.raises(steps.LoadRefused, match="load 7"):
        steps.ingest("shop", "customers", context(**{"from": "source"}))
    assert asked == []
    assert [(w.origin, w.since, w.until) for w in windows] == [
        ("source", "2026-01-01", "2026-02-01"), ("archive", None, None), ("source", None, None)]  # fmt: skip
