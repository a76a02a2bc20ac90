"""Builds the tasks that take in one source system, from its contract."""

from __future__ import annotations

from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, get_current_context, task

from customer360.contracts.model import SourceContract, SourceObject
from customer360_airflow import alerts, assets, landing


def form(contract: SourceContract) -> dict[str, Param]:
    """What a person may choose when starting an ingest run by hand."""
    names = [obj.name for obj in contract.objects]
    return {
        "objects": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": names},
            examples=names,
            title="Objects",
            description="Only these. Empty: all.",
        ),
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Read everything again, not only what changed. Rows that are the same stay untouched.",
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Since",
            description="Read again from this time (UTC). Never lowers the watermark.",
        ),
        "until": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Until",
            description="Backfill: up to this time (UTC). This DAG's schedule waits meanwhile; `customer360 backfill` lets it go on.",
        ),
        "from": Param(
            None,
            type=["null", "string"],
            enum=[None, "source", "archive"],
            title="Backfill from",
            description="Backfill: where to read the window, or without one everything. Empty: an ordinary load.",
        ),
    }


def schedule(contract: SourceContract) -> Any:
    """The contract's clock, and for what lands by itself its landing too."""
    landed = landing.asset(contract)
    if landed is None:
        return contract.schedule
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(contract.schedule, timezone="UTC"), assets=[landed])


def ingest_tasks(contract: SourceContract) -> None:
    """One task per source object in the current DAG or task group; each alone names the asset it publishes.

    An object waits for those it references, whatever becomes of them, so that their rows are there when references are checked.
    """
    built: dict[str, Any] = {}
    for obj in contract.objects:
        built[obj.name] = _ingest_task(obj)
        for parent in _parents(obj):
            if parent in built:  # declared before: never a cycle
                built[parent] >> built[obj.name]


def _parents(obj: SourceObject) -> set[str]:
    references = (field.references for field in obj.fields)
    return {found.object for found in references if found and found.system == obj.system and found.object != obj.name}


def _ingest_task(obj: SourceObject) -> Any:
    # Callables of their own: a loop variable in a closure would be the last object for all of them.
    system, name = obj.system, obj.name

    @task(
        task_id=name,
        outlets=[assets.raw(obj)],
        trigger_rule="all_done",
        on_skipped_callback=alerts.on_success,
        doc_md=f"**{obj.full_name}**: {obj.description} {obj.grain.capitalize()}.",
    )
    def ingest() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.ingest(system, name, get_current_context())

    return ingest()
