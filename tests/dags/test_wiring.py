"""The wiring as data: a change of DAG, task, edge, asset or schedule shows as a diff of wiring.json.

After a change that is meant: `C360_ACCEPT=1 .venv/bin/python -m pytest tests/dags/test_wiring.py`. dbt's models are one node here, as
their order is dbt's own business.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ACCEPTED = Path(__file__).with_name("wiring.json")

pytestmark = pytest.mark.airflow


def folded(task_id: str) -> str:
    return "dbt.*" if task_id.startswith("dbt.") else task_id


def _schedule(schedule: Any) -> Any:
    if assets := getattr(schedule, "objects", None):
        return {"any of": sorted(asset.name for asset in assets)}
    if timetable := getattr(schedule, "timetable", None):
        return {"any of": sorted(asset.name for asset in schedule.asset_condition.objects), "or at": _schedule(timetable)}
    return getattr(schedule, "expression", schedule)


def wiring(dags: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for dag_id, dag in sorted(dags.items()):
        edges: dict[str, set[str]] = {}
        outlets: dict[str, list[str]] = {}
        for task in dag.tasks:
            edges.setdefault(folded(task.task_id), set()).update(folded(each) for each in task.downstream_task_ids)
            if task.outlets:
                outlets[task.task_id] = sorted(asset.name for asset in task.outlets)
        edges.get("dbt.*", set()).discard("dbt.*")
        found[dag_id] = {
            "schedule": _schedule(dag.schedule),
            "tasks": {task: sorted(after) for task, after in sorted(edges.items())},
            "outlets": dict(sorted(outlets.items())),
        }
    return found


def test_the_wiring_is_as_accepted(dags: dict[str, Any]) -> None:
    found = wiring(dags)
    if os.environ.get("C360_ACCEPT"):
        ACCEPTED.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(ACCEPTED.read_text())
