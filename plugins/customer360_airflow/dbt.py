"""The dbt project as Airflow tasks: Cosmos draws the graph, one task per model with its tests; the library runs each node.

Cosmos's own operator is not used. It copies the project for every task, and it logs dbt's output, which repeats values of rows that
break a constraint. The library's runner takes values out, writes incidents, and needs half the time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import DbtResourceType, ExecutionMode, LoadMode, TestBehavior
from cosmos.dbt.graph import DbtNode

from customer360.platform.home import repo


def manifest() -> Path:
    """The parsed project, made by `customer360 up` or the image's build: DAGs are parsed from it, without dbt."""
    return Path(os.environ.get("C360_DBT_MANIFEST") or repo() / "dbt_project" / "target" / "manifest.json")


def dbt_models(group_id: str, *, exclude: list[str]) -> DbtTaskGroup:
    """The project without `exclude` (dbt's selectors): each model built and tested in one task, in dbt's order."""
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
    name = node.name

    @task(task_id=name, doc_md=_described(node))
    def build() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.build_nodes([name], get_current_context())

    with dag, task_group:
        return build().operator


def _described(node: DbtNode) -> str:
    return f"dbt {node.resource_type.value} `{node.file_path.name}`, with its tests: `dbt build --select {node.name}`"
