"""Wakes the ingest of a system whose deliveries land by themselves, instead of leaving them to the next minute.

The service that takes webhooks in notifies PostgreSQL's channel `c360_landing` in the transaction that lands a delivery. The triggerer
listens for it and reports an event of the asset `landing/<system>`, which schedules the system's ingest beside its clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from psycopg import sql

from customer360.contracts.model import SourceContract

CHANNEL = "c360_landing"
BURST_SECONDS = 1.0
"""What lands within so long of the first delivery is one event."""
LONGEST_PAUSE_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 60.0  # a connection that died without a word is noticed by then

log = logging.getLogger(__name__)


def asset(contract: SourceContract) -> Asset | None:
    """The asset that deliveries of the system wake its ingest by; None where nothing lands by itself."""
    names = [obj.name for obj in contract.objects if obj.extract.stream == "webhook"]
    if not names:
        return None
    watcher = AssetWatcher(name=f"landing/{contract.system}", trigger=LandingTrigger(system=contract.system, objects=names))
    return Asset(name=f"landing/{contract.system}", uri=f"c360://landing/{contract.system}", group="landing", watchers=[watcher])


class LandingTrigger(BaseEventTrigger):
    """One event for each burst of deliveries of a system, and one when it starts to listen while some wait.

    So nothing depends on its being there when a delivery lands, and a delivery that it misses is loaded by the clock.
    """

    def __init__(self, *, system: str, objects: list[str]) -> None:
        super().__init__()
        self.system = system
        self.objects = objects

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return f"{__name__}.{type(self).__name__}", {"system": self.system, "objects": self.objects}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Listen for ever; a warehouse that is away is tried again with growing pauses."""
        pause = 1.0
        while True:
            try:
                async with await self._connect() as connection:
                    async for event in self._listen(connection):
                        pause = 1.0
                        yield event
            except psycopg.OperationalError:
                log.warning("landing/%s: the warehouse is away; listening again in %.0f s", self.system, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _listen(self, connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[TriggerEvent]:
        await connection.execute(f"listen {CHANNEL}")
        if await self._any_waits(connection):
            yield self._event()
        while True:
            arrived = [notice async for notice in connection.notifies(timeout=_LOOK_AGAIN_SECONDS, stop_after=1)]
            if any(self._is_ours(notice.payload) for notice in arrived):
                async for _ in connection.notifies(timeout=BURST_SECONDS):
                    pass  # the rest of the burst
                yield self._event()
            elif not arrived:
                await connection.execute("select 1")

    def _is_ours(self, payload: str) -> bool:
        system, _, name = payload.partition(".")
        return system == self.system and name in self.objects

    async def _any_waits(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        from customer360.load.stream import WAITING

        for name in self.objects:
            table = f"{self.system}__{name}"
            exists = await connection.execute("select to_regclass(%s) is not null", [f'landing."{table}"'])
            if (await exists.fetchone()) != (True,):
                continue  # nothing was ever delivered
            query = sql.SQL("select exists (select from {} where _load_id = %s)").format(sql.Identifier("landing", table))
            if (await (await connection.execute(query, [WAITING])).fetchone()) == (True,):
                return True
        return False

    def _event(self) -> TriggerEvent:
        return TriggerEvent({"system": self.system})

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        from customer360.warehouse import connections
        from customer360.warehouse.roles import Role
        from customer360_airflow.connections import register

        register()
        # Airflow's connections are looked up without await, which the triggerer's loop must not wait for
        arguments = await asyncio.to_thread(connections.arguments, "warehouse", role=Role.LOADER)
        return await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
