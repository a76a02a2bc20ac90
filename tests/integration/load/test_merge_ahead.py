"""Merged while it is judged: what a large load leaves is what a small one leaves, whatever the gate says and wherever it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from customer360.gate import run
from customer360.load import merge_ahead, publish
from customer360.load.killpoints import STEPS
from customer360.pipeline.ingest import ingest_object
from customer360.pipeline.outcome import LoadOutcome
from customer360.warehouse.connections import environment_variable
from tests.integration.load.conftest import Source, run_killed, snapshot

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]
KEY = "person_id"
CHANGES = (
    "update people set name = name || ' II', updated_at = '2026-02-01' where person_id % 3 = 0",
    "update people set is_deleted = true, updated_at = '2026-02-02' where person_id % 10 = 1",
    "insert into people select 100 + g, 'New ' || g, 40, 1, null, false, '2026-02-03' from generate_series(1, 20) g",
)
ONE_IS_BAD = "update people set age = 200, updated_at = '2026-02-04' where person_id = 5"
MANY_ARE_BAD = "update people set age = 200, updated_at = '2026-02-04' where person_id % 2 = 0"


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch) -> list[Future[publish.Merged]]:
    """Any load is large; the merges that were begun ahead."""
    monkeypatch.setattr(merge_ahead, "AHEAD_ROWS", 1)
    begun: list[Future[publish.Merged]] = []
    merging = merge_ahead.merging

    @contextmanager
    def noted(*args: Any) -> Iterator[Future[publish.Merged]]:
        with merging(*args) as merge:
            begun.append(merge)
            yield merge

    monkeypatch.setattr(merge_ahead, "merging", noted)
    return begun


@pytest.fixture
def loaded(source: Source, warehouse: Any, people: Load) -> Load:
    """A hundred people are in raw."""
    source.run(
        "insert into people select g, 'Name ' || g, 20 + g % 60, g % 50, date '1980-01-01' + g, false, timestamptz '2026-01-01' + g * interval '1 second'"
        " from generate_series(1, 100) g"
    )
    assert people().counts.inserted == 100
    return people


def without_merging_ahead(pg_server: Any, warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the next load leaves in a copy of the warehouse, published after its gate."""
    with pg_server.database(template=warehouse.name, prefix="calm") as calm, monkeypatch.context() as patch:
        patch.setenv(environment_variable("warehouse"), calm.uri)
        patch.setattr(merge_ahead, "AHEAD_ROWS", 10**9)
        ingest_object("shop", "people")
        return snapshot(calm, "shop__people", KEY)


@pytest.mark.parametrize(
    ("faults", "state", "quarantined"), [((), "published", 0), ((ONE_IS_BAD,), "published", 1), ((MANY_ARE_BAD,), "rejected", 0)]
)
def test_it_leaves_what_any_other_load_leaves(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], pg_server: Any, monkeypatch: pytest.MonkeyPatch,
    faults: tuple[str, ...], state: str, quarantined: int,
) -> None:  # fmt: skip
    source.run(*CHANGES, *faults)
    expected = without_merging_ahead(pg_server, warehouse, monkeypatch)
    before = warehouse.fetch("select * from raw.shop__people order by 1")
    outcome = loaded()
    assert (outcome.state, outcome.counts.quarantined, len(merges)) == (state, quarantined, 1)
    assert snapshot(warehouse, "shop__people", KEY) == expected
    assert (warehouse.fetch("select * from raw.shop__people order by 1") == before) is (state == "rejected")
    assert warehouse.fetch("select count(*) > 0 from ops.gate_result where load_id = %s", outcome.load_id) == [(True,)]
    assert warehouse.fetch("select gated_at is null from ops.load where load_id = %s", outcome.load_id) == [(state == "rejected",)]
    ((seconds,),) = warehouse.fetch("select work -> 'seconds' from ops.load where load_id = %s", outcome.load_id)
    assert state == "rejected" or {"land", "diff", "gate", "publish"} <= set(seconds), "each step tells what it took"


@pytest.mark.parametrize("step", STEPS[STEPS.index("diffed") :])
def test_killed_at_a_step(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], pg_server: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    source.run(*CHANGES)
    expected = without_merging_ahead(pg_server, warehouse, monkeypatch)
    assert run_killed("people", {"C360_KILL_AT": step}) == -9, f"the load never came to {step}"
    assert loaded().state == ("nothing_new" if step == "published" else "published")
    found = snapshot(warehouse, "shop__people", KEY)
    del found["figures"][2:]  # the run after the one that published
    assert found == expected


def test_a_gate_that_breaks_leaves_the_load_open(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], pg_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run(*CHANGES)
    expected = without_merging_ahead(pg_server, warehouse, monkeypatch)

    def breaks(*_: Any, **__: Any) -> None:
        raise run.ExpectationFailed("it is written wrongly")

    with monkeypatch.context() as patch, pytest.raises(run.ExpectationFailed):
        patch.setattr(run, "run_suite", breaks)
        loaded()
    assert warehouse.fetch("select state from ops.load order by load_id desc limit 1") == [("landed",)]
    assert loaded().state == "published"
    assert snapshot(warehouse, "shop__people", KEY) == expected


def test_a_merge_that_fails_leaves_the_load_open(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], pg_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run(*CHANGES)
    expected = without_merging_ahead(pg_server, warehouse, monkeypatch)
    with warehouse.connect() as connection:
        connection.execute("alter table raw.shop__people add constraint no_second check (name not like '% II')")
    with pytest.raises(psycopg.errors.CheckViolation):
        loaded()
    assert warehouse.fetch("select state from ops.load order by load_id desc limit 1") == [("landed",)]
    assert warehouse.fetch("select count(*) from raw_history.shop__people") == [(0,)]
    with warehouse.connect() as connection:
        connection.execute("alter table raw.shop__people drop constraint no_second")
    assert loaded().state == "published"
    assert snapshot(warehouse, "shop__people", KEY) == expected


def test_a_merge_is_broken_off_when_the_load_is_refused(source: Source, warehouse: Any, loaded: Load, merges: list[Any]) -> None:
    """It waits for a row that somebody holds: the refusal does not."""
    source.run(*CHANGES, MANY_ARE_BAD)
    with warehouse.connect(autocommit=False) as other:
        other.execute("select from raw.shop__people where person_id = 3 for update")
        assert loaded().state == "rejected"
    assert isinstance(merges[0].exception(), psycopg.errors.QueryCanceled)


def test_its_connection_is_cut(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], pg_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run(*CHANGES)
    expected = without_merging_ahead(pg_server, warehouse, monkeypatch)
    merging = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock' and query like 'with merged as%%'"
    )
    with warehouse.connect(autocommit=False) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select from raw.shop__people where person_id = 3 for update")
        running = pool.submit(loaded)
        end = time.monotonic() + 60
        while not warehouse.fetch(merging):
            assert not running.done() and time.monotonic() < end
            time.sleep(0.05)
        with pytest.raises(psycopg.OperationalError):
            running.result(60)
    assert len(merges) == 1
    assert loaded().state == "published"
    assert snapshot(warehouse, "shop__people", KEY) == expected


def test_where_no_other_session_is_to_be_had_it_is_merged_after_the_gate(
    source: Source, warehouse: Any, loaded: Load, merges: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.pipeline.load_run.second_session", lambda: None)
    source.run(*CHANGES)
    assert loaded().state == "published"
    assert merges == []
