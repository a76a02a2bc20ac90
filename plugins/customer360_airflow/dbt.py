"""The dbt project as Airflow tasks: Cosmos draws the graph, one task per model with its tests; the library runs each node.

Cosmos's own operator is not used. It copies the project for every task, and it logs dbt's output, which repeats values of rows that
break a constraint. The library's runner takes values out, writes incidents, and needs half the time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import TaskGroup, get_current_context, get_parsing_context, task
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import DbtResourceType, ExecutionMode, LoadMode, TestBehavior
from cosmos.dbt.graph import DbtNode

from customer360.platform.home import repo


def manifest() -> Path:
    """The parsed project, made by `customer360 up` or the image's build: DAGs are parsed from it, without dbt."""
    return Path(os.environ.get("C360_DBT_MANIFEST") or repo() / "dbt_project" / "target" / "manifest.json")


def dbt_models(group_id: str, *, exclude: list[str]) -> TaskGroup:
    """The project without `exclude` (dbt's selectors): each model built and tested in one task, in dbt's order.

    A task's own process reads the DAG for that task alone, which has no use for the others: drawing them all costs it 0.4 s of CPU.
    """
    running = get_parsing_context().task_id
    return _all(group_id, exclude) if running is None else _alone(group_id, running)


def _alone(group_id: str, task_id: str) -> TaskGroup:
    """The group with the one task that is running, when it is of this group."""
    with TaskGroup(group_id) as group:
        if task_id.startswith(f"{group_id}."):
            _build(task_id.removeprefix(f"{group_id}."))
    return group


def _all(group_id: str, exclude: list[str]) -> TaskGroup:
    project = repo() / "dbt_project"
    return DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(dbt_project_path=project, manifest_path=manifest(), project_name="customer360"),
        profile_config=ProfileConfig(profile_name="customer360", target_name="warehouse", profiles_yml_filepath=project / "profiles.yml"),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            test_behavior=TestBehavior.BUILD,
            exclude=exclude,
            emit_datasets=False,
            enable_owner_inheritance=False,
            node_converters=dict.fromkeys((DbtResourceType.MODEL, DbtResourceType.SEED, DbtResourceType.SNAPSHOT), _node_task),
        ),
    )


def _node_task(*, dag: Any, task_group: Any, node: DbtNode, task_id: str, **_: Any) -> Any:
    """Cosmos's call for each node: the task that builds and tests it."""
    with dag, task_group:
        return _build(node.name, doc_md=_described(node)).operator


def _build(name: str, *, doc_md: str | None = None) -> Any:
    @task(task_id=name, doc_md=doc_md)
    def build() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.build_nodes([name], get_current_context())

    return build()


def _described(node: DbtNode) -> str:
    return f"dbt {node.resource_type.value} `{node.file_path.name}`, with its tests: `dbt build --select {node.name}`"
