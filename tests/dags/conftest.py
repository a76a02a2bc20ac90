"""The DAGs as Airflow reads them, without a running Airflow: only files are needed, no database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
DAG_FILES = sorted(path.name for path in (REPO / "dags").glob("*.py"))


def airflow_environment(folder: Path, manifest: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPO / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "no-plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__COSMOS__CACHE_DIR": str(folder / "cosmos"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "C360_DBT_MANIFEST": str(manifest),
        "C360_REPO": str(REPO),
    }


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from customer360.pipeline import dbt_run

    return dbt_run.manifest(target_path=tmp_path_factory.mktemp("manifest"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> dict[str, str]:
    """What a process of its own needs to read the DAGs."""
    return airflow_environment(tmp_path_factory.mktemp("airflow"), manifest)


@pytest.fixture(scope="session")
def dags(environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All DAGs by id; fails on any import error."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(REPO / "plugins"))
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(dag_folder=str(REPO / "dags"))
        assert bag.import_errors == {}
        assert len(bag.dags) >= 8
        yield dict(bag.dags)
    for name in [name for name in sys.modules if name.split(".")[0] == "customer360_airflow"]:
        del sys.modules[name]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    """Lets a test import `customer360_airflow`."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(REPO / "plugins"))
    assert os.environ["AIRFLOW_HOME"]
    return REPO / "plugins"
