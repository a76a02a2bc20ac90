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
import socket, sys, time
import airflow.sdk, cosmos
def refuse(*_, **__): raise AssertionError("a DAG file opened a connection")
socket.socket.connect = refuse
def read(name):
    started = time.perf_counter()
    runpy.run_path(f"dags/{name}")
    first = time.perf_counter() - started
    started = time.perf_counter()
    runpy.run_path(f"dags/{name}")
    return {"modules": sorted(sys.modules), "first": first, "again": time.perf_counter() - started}
"""
ONE_TASK = """
from airflow.dag_processing.dagbag import DagBag
def read(task_id):
    os.environ.update(_AIRFLOW_PARSING_CONTEXT_DAG_ID="customer_360_nightly", _AIRFLOW_PARSING_CONTEXT_TASK_ID=task_id)
    bag = DagBag(dag_folder="dags/customer_360_nightly.py")
    assert not bag.import_errors, bag.import_errors
    return sorted(bag.dags["customer_360_nightly"].task_ids)
"""
# Each reading in a fork of one process that has Airflow: as the tasks' processes are, and importing it costs more than all of them.
IN_FORKS = """
import json, os, runpy
exec(os.environ["READ"])
for name in json.loads(os.environ["NAMES"]):
    if (child := os.fork()) == 0:
        try:
            print(json.dumps([name, read(name)]), flush=True)
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    os.waitpid(child, 0)
"""
DAG_FILES = sorted(path.name for path in (REPO / "dags").glob("*.py"))
TASKS = {"dbt.dim_customer": ["dbt.dim_customer"], "resolve": []}

pytestmark = pytest.mark.airflow


def in_forks(read: str, names: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What `read(name)` gives for each name; a name is missing where it failed."""
    done = subprocess.run(
        [sys.executable, "-c", IN_FORKS], cwd=REPO,
        env={**os.environ, **environment, "PYTHONPATH": f"{REPO / 'plugins'}:{REPO}", "READ": read, "NAMES": json.dumps(names)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


@pytest.fixture(scope="module")
def readings(environment: dict[str, str]) -> dict[str, Any]:
    return in_forks(READ, DAG_FILES, environment)


@pytest.fixture(scope="module")
def drawings(environment: dict[str, str]) -> dict[str, Any]:
    return in_forks(ONE_TASK, list(TASKS), environment)


@pytest.mark.parametrize("name", DAG_FILES)
def test_a_dag_file_imports_nothing_heavy_asks_nobody_and_is_read_quickly(name: str, readings: dict[str, Any]) -> None:
    assert name in readings, "it cannot be read: the traceback is among what the fixture printed"
    found = readings[name]
    assert [module for module in HEAVY if module in found["modules"]] == []
    # Read again, as each forked task does, it must be a small part of what the first reading with its imports costs.
    assert found["again"] < max(0.5, found["first"]), {"first": found["first"], "again": found["again"]}


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


@pytest.mark.parametrize("running", TASKS)
def test_a_task_draws_no_dbt_task_but_itself(running: str, drawings: dict[str, Any], dags: dict[str, Any]) -> None:
    """Each task's process reads its DAG file again; drawing eighty models costs it more than a small model takes to build."""
    nightly = dags["customer_360_nightly"]
    assert running in nightly.task_ids
    drawn = drawings[running]
    assert [task for task in drawn if task.startswith("dbt.")] == TASKS[running]
    assert [task for task in drawn if not task.startswith("dbt.")] == sorted(
        task for task in nightly.task_ids if not task.startswith("dbt.")
    )
