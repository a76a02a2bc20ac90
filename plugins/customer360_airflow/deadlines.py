"""Deadlines from the contracts' freshness agreements: looked at when they fall due, not at the next round of `watch`.

An ingest run that is not over when its source's data reaches the agreed age has missed its deadline. What is told then is not the run
but the data: the ages of all objects are compared with the contracts, and `stale` incidents are opened, told once, and closed again by
the check that finds the data fresh. Runs that were late while another one took the data in alarm nobody.

The callback runs in the triggerer, where nothing may hold up the event loop: the work is done in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from customer360.contracts.model import SourceContract


def of_freshness(contract: SourceContract) -> DeadlineAlert:
    """The deadline of an ingest run: its queueing plus the agreed age of the data."""
    return DeadlineAlert(
        name=f"{contract.system} fresh",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=contract.freshness,
        callback=AsyncCallback(look, kwargs={"system": contract.system}),
    )


async def look(system: str, **_: Any) -> str:
    """Called by Airflow when a run of `system` has missed its deadline. Returns how many objects are fresh, stale, never loaded.

    As text: Airflow keeps the answer in a text column, and any other type ends the triggerer.
    """
    from customer360_airflow import steps

    found = await asyncio.to_thread(steps.check_freshness)
    return ", ".join(f"{count} {state}" for state, count in found.items())
