"""A delivery wakes the ingest of its system: through the real channel of a real PostgreSQL, whatever was cut or missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.warehouse import tables

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def partner() -> Any:
    """A contract whose object is delivered by webhook."""
    contract = load_contracts()["web"]
    (obj,) = contract.objects
    signups = replace(obj, system="partner", name="signups", extract=replace(obj.extract, stream="webhook"))
    return replace(contract, system="partner", objects=(signups,), schedule="*/5 * * * *")


@pytest.fixture
def listening(
    plugins: Path, warehouse: Any, partner: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[AsyncIterator[Any]], Awaitable[None]]], None]:
    """Runs something with the events of a trigger that listens to the test's warehouse."""
    from customer360_airflow import connections, landing

    monkeypatch.setattr(connections, "find", lambda name: None)  # the environment alone
    monkeypatch.setattr(landing, "BURST_SECONDS", 0.3)
    with warehouse.connect() as connection:
        tables.ensure(connection, partner.objects[0])

    def run(play: Callable[[AsyncIterator[Any]], Awaitable[None]]) -> None:
        async def whole() -> None:
            events = landing.LandingTrigger(system="partner", objects=["signups"]).run()
            try:
                await asyncio.wait_for(play(events), 30)
            finally:
                await events.aclose()

        asyncio.run(whole())

    return run


def deliver(warehouse: Any, name: str = "partner.signups", times: int = 1) -> None:
    with warehouse.connect() as connection:
        for _ in range(times):
            connection.execute("select pg_notify('c360_landing', %s)", [name])


def listeners(warehouse: Any) -> list[tuple[int]]:
    return list(warehouse.fetch("select pid from pg_stat_activity where application_name = 'customer360' and datname = current_database()"))


async def until_it_listens(warehouse: Any, *, other_than: list[tuple[int]] | None = None) -> list[tuple[int]]:
    while not (found := listeners(warehouse)) or found == other_than:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    return found


def test_a_burst_is_one_event_and_other_systems_are_none(listening: Any, warehouse: Any) -> None:
    async def play(events: AsyncIterator[Any]) -> None:
        coming = asyncio.ensure_future(anext(events))
        await until_it_listens(warehouse)
        deliver(warehouse, "partner.others")
        deliver(warehouse, "crm.contacts")
        await asyncio.sleep(0.3)
        assert not coming.done()
        deliver(warehouse, times=100)
        assert (await coming).payload == {"system": "partner"}
        again = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.5)
        assert not again.done(), "a hundred deliveries, one event"
        deliver(warehouse)
        await again

    listening(play)


def test_what_waits_when_it_begins_to_listen_is_an_event(listening: Any, warehouse: Any) -> None:
    with warehouse.connect() as connection:
        connection.execute("insert into landing.partner__signups (_load_id, _row_number) values (0, 1)")

    async def play(events: AsyncIterator[Any]) -> None:
        await anext(events)

    listening(play)


def test_a_cut_connection_is_made_again_and_what_landed_meanwhile_is_an_event(listening: Any, warehouse: Any) -> None:
    async def play(events: AsyncIterator[Any]) -> None:
        coming = asyncio.ensure_future(anext(events))
        first = await until_it_listens(warehouse)
        with warehouse.connect() as connection:
            connection.execute("insert into landing.partner__signups (_load_id, _row_number) values (0, 1)")
            connection.execute("select pg_terminate_backend(%s)", [first[0][0]])
        await coming
        assert await until_it_listens(warehouse, other_than=first) != first

    listening(play)


def test_the_ingest_of_such_a_system_is_woken_by_its_landing_and_its_clock(plugins: Path, partner: Any) -> None:
    from airflow.sdk import AssetOrTimeSchedule
    from customer360_airflow import ingest, landing

    schedule = ingest.schedule(partner)
    assert isinstance(schedule, AssetOrTimeSchedule)
    (asset,) = schedule.asset_condition.objects
    assert (asset.name, [watcher.name for watcher in asset.watchers]) == ("landing/partner", ["landing/partner"])
    path, arguments = asset.watchers[0].trigger.serialize()
    assert (path, arguments) == ("customer360_airflow.landing.LandingTrigger", {"system": "partner", "objects": ["signups"]})
    assert landing.LandingTrigger(**arguments).objects == ["signups"]
    assert ingest.schedule(load_contracts()["crm"]) == load_contracts()["crm"].schedule
