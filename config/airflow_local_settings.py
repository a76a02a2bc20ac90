"""Airflow imports this in every process. In those that fork tasks or parse DAGs it warms up what each fork would pay for anew.

Local and Celery workers fork each task, and the DAG processor forks each parse. great_expectations, dbt and splink cost 3 to 6 s of
import each, the DAG files with Cosmos 2 s, dbt's first parse 1 s: for every task of every minute. No connection and no thread may
be opened here: all children would share it.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_FOR_TASKS = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.slack.hooks.slack_webhook",
    "airflow.providers.smtp.hooks.smtp",
    "great_expectations",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "splink",
    "duckdb",
    "pyarrow",
    "dlt.sources.rest_api",
    "customer360.extract.postgres",
    "customer360.extract.rest",
    "customer360.extract.files",
    "customer360.gate.run",
    "customer360.pipeline.ingest",
    "customer360.pipeline.live",
    "customer360.pipeline.maintenance",
    "customer360.observe.dispatch",
    "customer360.observe.freshness",
    "customer360_airflow.steps",
)

_log = logging.getLogger(__name__)


def _attempt(what: str, step: Callable[[], object]) -> None:
    """Never stop Airflow for something that does not work: the task that needs it says so, with its own alert."""
    try:
        step()
    except Exception:
        _log.exception("could not warm up %s", what)


def _read_dags() -> None:
    """Reading the DAG files once brings in all they import and the contracts."""
    from airflow.configuration import conf  # noqa: TID251  # Airflow's own settings file

    for path in sorted(Path(conf.get("core", "dags_folder")).glob("*.py")):
        _attempt(path.name, lambda path=path: runpy.run_path(str(path)))  # type: ignore[misc]  # bound at once


def _parse_dbt() -> None:
    """dbt's own lazy imports, its adapter, its macros and Jinja, by parsing a project of one model; no database is needed.

    Not our own project: dbt's static parser, which reads models and unit tests, keeps a pool of threads. Begun here, it would stay
    behind in this process, and every fork that parses something would wait for it for ever.
    """
    from dbt.cli.main import dbtRunner

    from customer360.pipeline import dbt_manifest, dbt_run

    with tempfile.TemporaryDirectory(prefix="c360-warm-up-") as folder:
        project = Path(folder)
        (project / "dbt_project.yml").write_text("{name: warm_up, profile: customer360, flags: {send_anonymous_usage_stats: false}}")
        (project / "models").mkdir()
        (project / "models" / "one.sql").write_text("select 1 as one")
        options = ["--profiles-dir", str(dbt_run.project()), "--log-path", folder, "--log-level", "none", "--no-static-parser"]
        outcome = dbtRunner().invoke(["--quiet", "parse", "--project-dir", folder, *options])
    if not outcome.success:  # it returns its errors
        raise RuntimeError("dbt could not parse a project of one model") from outcome.exception

    dbt_manifest.preload()  # read here once, not by each task; a task finds out whether it is still that of the project


def _warm_up() -> None:
    arguments = sys.argv[1:]
    runs_tasks = "scheduler" in arguments or ("celery" in arguments and "worker" in arguments)
    if not runs_tasks and "dag-processor" not in arguments:
        return
    os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")  # dlt would look for its settings in Airflow's connections
    _read_dags()
    if runs_tasks:
        logging.getLogger("great_expectations").setLevel(logging.WARNING)  # one line for each class it registers
        for module in _FOR_TASKS:
            _attempt(module, lambda module=module: importlib.import_module(module))  # type: ignore[misc]  # bound at once
        _attempt("dbt", _parse_dbt)
    gc.collect()
    gc.freeze()  # keeps the garbage collector of each fork from touching, and so copying, these pages


_warm_up()

__all__: list[str] = []
