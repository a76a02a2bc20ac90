"""A refused load of a stream is held: nothing is lost, nothing passes it, and a person decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.cli import build_app
from customer360.errors import UserError
from customer360.load import stream
from customer360.pipeline import held
from customer360.pipeline.ingest import ingest_object, resolve_object
from customer360.pipeline.outcome import LoadOutcome
from customer360.pipeline.reconcile import reconcile
from tests.integration.load.conftest import assert_adds_up
from tests.integration.streams.conftest import PEOPLE_SUITE, Source
from tests.killing import forked

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]
ALIVE = "select person_id, age from raw.shop__people where not _is_deleted order by 1"
BY = {"by": "Ada", "why": "looked at it"}


@pytest.fixture
def refused(source: Source, warehouse: Any, load: Load) -> int:
    """A load of 10 rows of which 4 are bad is held; then the source goes on: a good version of one, a new row, a deletion."""
    source.run("insert into people select g, 'N', g from generate_series(1, 3) g")
    load()
    source.run("insert into people select g, 'N', case when g < 15 then 200 + g else g end from generate_series(11, 20) g")
    outcome = load()
    assert outcome.state == "held"
    assert warehouse.fetch("select count(*) from ops.incident where kind = 'load_refused' and closed_at is null") == [(1,)]
    source.run(
        "update people set age = 11 where person_id = 11",
        "insert into people values (30, 'N', 30)",
        "delete from people where person_id = 15",
    )
    for _ in range(2):
        assert load().state == "waiting"
    source.run("update people set age = 31 where person_id = 30")
    assert load().state == "waiting"
    assert [(one.load.load_id, one.waiting) for one in held.listed()] == [(outcome.load_id, 4)]
    assert warehouse.fetch(ALIVE) == [(1, 1), (2, 2), (3, 3)]
    landed = warehouse.fetch("select position ->> 'lsn' from ops.stream")
    assert source.fetch("select confirmed_flush_lsn::text from pg_replication_slots where database = current_database()") == landed
    return int(outcome.load_id or 0)


def test_what_waits_is_not_missing(refused: int, source: Source, warehouse: Any, load: Load) -> None:
    """The stream is read further than raw is."""
    (found,) = reconcile("shop", "people")
    assert found.state == "agrees" and found.counted is not None and found.counted.raw_rows < found.counted.source_rows
    held.settle(refused, "accept", **BY)
    load()
    (found,) = reconcile("shop", "people")
    assert found.state == "agrees" and found.counted is not None and found.counted.in_flight == 0


def test_accepted(refused: int, source: Source, warehouse: Any, load: Load) -> None:
    outcome = held.settle(refused, "accept", **BY)
    assert (outcome.state, outcome.counts.inserted, outcome.counts.quarantined) == ("published", 6, 4)
    assert_adds_up(outcome.counts)
    following = load()
    assert following.state == "published"
    assert warehouse.fetch(ALIVE) == source.fetch("select person_id, age from people where age < 200 order by 1")
    assert warehouse.fetch("select record_key from quarantine.row where state = 'open' order by 1") == [("12",), ("13",), ("14",)]
    assert warehouse.fetch("select settled_by, settled_why from ops.load where load_id = %s", refused) == [("Ada", "looked at it")]
    assert held.listed() == []
    assert warehouse.fetch("select count(*) from ops.incident where kind = 'load_refused' and closed_at is null") == [(0,)]


def test_replayed(refused: int, source: Source, warehouse: Any, load: Load, checkout: Path) -> None:
    assert held.settle(refused, "replay", **BY).state == "held", "nothing was mended"
    assert load().state == "waiting"
    suite = json.loads(json.dumps(PEOPLE_SUITE))
    suite["expectations"][0]["kwargs"]["max_value"] = 300
    (checkout / "great_expectations" / "expectations" / "shop" / "people.json").write_text(json.dumps(suite))
    outcome = held.settle(refused, "replay", **BY)
    assert (outcome.state, outcome.counts.inserted) == ("published", 10)
    load()
    assert warehouse.fetch(ALIVE) == source.fetch("select person_id, age from people order by 1")
    assert warehouse.fetch("select age from raw_history.shop__people where person_id = 11") == [(211,)], "in the order they were made"


def command(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(arguments[0]), arguments)
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_waived_by_command(refused: int, warehouse: Any, load: Load) -> None:
    code, output = command("held", "list", "--json")
    listed = json.loads(output)
    assert (code, listed["load_id"], listed["object"], listed["waiting"]) == (0, refused, "shop.people", 4)
    assert listed["refusal"]["failures"][0]["expectation"] == "failed_rows"
    assert "expect_column_values_to_be_between(age): 4 of 10" in command("held", "list")[1]
    decided = (str(refused), "--by", "Ada", "--why", "a test")
    code, output = command("held", "replay", *decided)
    assert code == 3
    assert f"load {refused} held, 0 published" in output
    assert "expect_column_values_to_be_between(age): 4 of 10" in output
    code, output = command("held", "waive", *decided)
    assert (code, output) == (0, f"shop.people: load {refused} waived, 0 published, 0 in quarantine\n")
    assert command("load", "shop.people")[0] == 0
    assert warehouse.fetch(ALIVE) == [(1, 1), (2, 2), (3, 3), (11, 11), (30, 31)]
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
    with pytest.raises(UserError, match="not held"):
        command("held", "waive", *decided)
    with pytest.raises(UserError, match="there is no load 99999"):
        command("held", "accept", "99999", *decided[1:])
    code, output = command("streams", "--measure", "--json")
    assert (code, json.loads(output)["object"], json.loads(output)["behind_seconds"]) == (0, "shop.people", 0)
    assert "shop.people" in command("streams")[1]


@pytest.mark.parametrize("step", ["converted", "gating", "merged", "published"])
def test_a_decision_survives_a_kill(refused: int, source: Source, warehouse: Any, load: Load, step: str) -> None:
    """Killed while an accepted load is published, the next run goes on with it as decided, and then with what waits."""
    source.run("insert into people values (31, 'N', 31)")
    for reached in ("landing_done", "landed", "acknowledged") if step == "converted" else ():
        assert forked(lambda: ingest_object("shop", "people", sleep=lambda _: None), {"C360_KILL_AT": reached}) == -9
    assert forked(lambda: held.settle(refused, "accept", **BY), {"C360_KILL_AT": step}) == -9
    load()
    load()
    load()
    assert warehouse.fetch(ALIVE) == source.fetch("select person_id, age from people where age < 200 order by 1")
    assert warehouse.fetch("select count(*) from ops.load where state in ('extracting', 'landed', 'gated', 'held')") == [(0,)]
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
    assert warehouse.fetch("select inserted, quarantined from ops.load where load_id = %s", refused) == [(6, 4)]


def test_a_copy_is_not_made_behind_a_held_load(refused: int, source: Source, warehouse: Any, load: Load) -> None:
    """The lost slot comes to light when the held load is settled; until then what waits is kept."""
    source.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()")
    assert load().state == "waiting"
    with warehouse.connect() as connection:
        assert stream.count_waiting(connection, resolve_object("shop", "people")[1]) == 4
    held.settle(refused, "accept", **BY)
    load()
    assert warehouse.fetch(ALIVE) == source.fetch("select person_id, age from people where age < 200 order by 1")
    assert warehouse.fetch("select count(*) from ops.incident where kind = 'stream_restarted'") == [(1,)]
