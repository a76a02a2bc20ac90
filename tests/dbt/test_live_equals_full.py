"""A live run must leave the tables as a full run would: otherwise the minutes drift away from the nights."""

from __future__ import annotations

from typing import Any

import pytest

from customer360.pipeline import build as building
from tests.dbt.world import World

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

# what a live run maintains; int_customers_changed says what one run did, and is empty after a full one
LIVE = """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'intermediate' and c.relkind = 'r' and c.relname like 'int\\_%' and c.relname <> 'int_customers_changed' order by 1"""


def contents(database: Any) -> dict[str, list[str]]:
    """Each table's rows with the transaction that wrote them: a row rewritten with the same values shows too."""
    with database.connect() as connection:
        names = [name for (name,) in connection.execute(LIVE)]
        return {
            name: sorted(row for (row,) in connection.execute(f"select xmin::text || t::text from intermediate.{name} t")) for name in names
        }


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, set[str]]:
    return {name: set(rows) ^ set(before[name]) for name, rows in after.items() if rows != before[name]}


def test_live_runs_leave_what_a_full_run_would(world: World, built_warehouse: Any) -> None:
    """Rounds of random changes taken in live, then a full run: it finds every row right and writes none."""
    for _ in range(4):
        before = contents(built_warehouse)
        world.step(30)
        outcome = building.build(live=True)
        assert outcome.state == "built", outcome.failures
        assert outcome.live
        assert differences(before, contents(built_warehouse))
    live = contents(built_warehouse)
    assert sum(map(len, live.values())) > 200
    assert all(live.values()), [name for name, rows in live.items() if not rows]

    full = building.build(live=False, select="tag:live")
    assert full.state == "built", full.failures
    assert differences(live, contents(built_warehouse)) == {}


def test_a_failed_run_is_taken_up(world: World, built_warehouse: Any) -> None:
    """A run that dies between two models leaves work that nothing in raw points to any more; the next run still does it."""
    world.step(30)
    # only the facts get done, then the process dies
    assert building.build(live=True, select="intermediate.facts").state == "built"
    world.step(5)
    assert building.build(live=True).state == "built"
    live = contents(built_warehouse)
    assert building.build(live=False, select="tag:live").state == "built"
    assert differences(live, contents(built_warehouse)) == {}
    with built_warehouse.connect() as connection:
        assert connection.execute("select count(*) from ops.dbt_batch where state = 'open'").fetchone() == (0,)
        assert connection.execute("select count(*) from ops.dbt_batch_touched").fetchone() == (0,)


def test_nothing_new_runs_nothing(world: World, built_warehouse: Any) -> None:
    """After a run has taken everything in, the next does not start dbt, and a full one writes no row."""
    building.build(live=True)
    before = contents(built_warehouse)
    assert building.build(live=True).state == "nothing_new"
    assert building.build(live=False, select="tag:live").state == "built"
    assert differences(before, contents(built_warehouse)) == {}
