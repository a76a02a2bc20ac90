"""DAG files are read again for every task and every half minute: what they import and ask is paid each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
HEAVY = (
    "great_expectations", "dbt.cli", "splink", "duckdb", "pandas", "pyarrow", "dlt", "igraph",
    "customer360.pipeline.ingest", "customer360.pipeline.build", "customer360.identity",
)  # fmt: skip
# A connection made while parsing would stop every DAG when the warehouse is down.
READ = """
import json, runpy, socket, sys, time
import airflow.sdk, cosmos
def refuse(*_, **__): raise AssertionError("a DAG file opened a connection")
socket.socket.connect = refuse
started = time.perf_counter()
runpy.run_path(sys.argv[1])
first = time.perf_counter() - started
started = time.perf_counter()
runpy.run_path(sys.argv[1])
print(json.dumps({"modules": sorted(sys.modules), "first": first, "again": time.perf_counter() - started}))
"""

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("name", sorted(path.name for path in (REPO / "dags").glob("*.py")))
def test_a_dag_file_imports_nothing_heavy_asks_nobody_and_is_read_quickly(name: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(REPO / "dags" / name)],
        env={**os.environ, **environment, "PYTHONPATH": f"{REPO / 'plugins'}:{REPO}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert [module for module in HEAVY if module in found["modules"]] == []
    # Read again, as each forked task does, it must be a small part of what the first reading with its imports costs.
    assert found["again"] < max(0.5, found["first"]), found


def test_plugins_show_airflow_their_entry_file_alone() -> None:
    """Airflow imports each visible file under its bare stem: a `secrets.py` or `dbt.py` there would replace the library of that name."""
    from airflow.utils.file import find_path_from_directory

    visible = [path for path in find_path_from_directory(str(REPO / "plugins"), ".airflowignore", "glob") if path.endswith(".py")]
    assert [Path(path).name for path in visible] == ["customer360_plugin.py"]


def test_the_plugin_brings_nothing_of_the_web_server_into_a_task(environment: dict[str, str]) -> None:
    """Each process imports plugins; the API server's code alone takes seconds."""
    code = "import sys, airflow.sdk, airflow.plugins_manager; before = set(sys.modules); import customer360_plugin; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "PYTHONPATH": str(REPO / "plugins")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1:] == ["customer360_plugin"], done.stdout


ONE_TASK = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
print(json.dumps({dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()}))
"""


@pytest.mark.parametrize(("running", "dbt_tasks"), [("dbt.dim_customer", ["dbt.dim_customer"]), ("resolve", [])])
def test_a_task_draws_no_dbt_task_but_itself(running: str, dbt_tasks: list[str], environment: dict[str, str], dags: dict[str, Any]) -> None:
    """Each task's process reads its DAG file again; drawing eighty models costs it more than a small model takes to build."""
    nightly = dags["customer_360_nightly"]
    assert running in nightly.task_ids
    context = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": nightly.dag_id, "_AIRFLOW_PARSING_CONTEXT_TASK_ID": running}
    done = subprocess.run(
        [sys.executable, "-c", ONE_TASK, str(REPO / "dags" / "customer_360_nightly.py")],
        env={**os.environ, **environment, **context, "PYTHONPATH": f"{REPO / 'plugins'}:{REPO}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    drawn = json.loads(done.stdout.splitlines()[-1])[nightly.dag_id]
    assert [task for task in drawn if task.startswith("dbt.")] == dbt_tasks
    assert [task for task in drawn if not task.startswith("dbt.")] == sorted(
        task for task in nightly.task_ids if not task.startswith("dbt.")
    )
