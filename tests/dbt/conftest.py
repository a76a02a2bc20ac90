"""A built warehouse for the tests of the models: made once for the run, because that takes half a minute; each module gets a copy."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customer360.pipeline import build as building
from customer360.warehouse.connections import environment_variable
from tests.conftest import TEMPLATE
from tests.dbt.world import World

_BUILT = "c360_built"


@pytest.fixture(scope="session")
def dbt_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worker's platform folder: its modules share the parsed project."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def built(pg_server: Any, dbt_home: Path) -> World:
    """A company with some history, its models built and tested once in full, in a database that is copied but never used."""
    folder = Path(os.environ["C360_TEST_FOLDER"])
    kept = folder / "world.pickle"
    with (folder / "world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            partial = kept.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(_build(pg_server, dbt_home)))
            partial.replace(kept)
    return pickle.loads(kept.read_bytes())  # written above


def _build(pg_server: Any, dbt_home: Path) -> World:
    database = pg_server.kept_database(_BUILT, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C360_HOME", str(dbt_home))
        patch.setenv(environment_variable("warehouse"), database.uri)
        with database.connect() as connection:
            world = World(connection, seed=7, people=12)
            world.step(140)
            outcome = building.build(live=True)
        assert outcome.state == "built", outcome.failures
        assert not outcome.live, "with nothing built yet a live run computes everything, tests included"
        assert outcome.tests > 100
    return world


@pytest.fixture(scope="module")
def built_warehouse(built: World, pg_server: Any, dbt_home: Path) -> Iterator[Any]:
    """The module's own copy; connection `warehouse` leads to it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    # one name for all modules of a worker: dbt parses the project anew where the database has another one
    with pg_server.database(template=_BUILT, name=f"built_{worker}") as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("C360_HOME", str(dbt_home))
        patch.setenv(environment_variable("warehouse"), database.uri)
        yield database


@pytest.fixture(scope="module")
def world(built: World, built_warehouse: Any) -> Iterator[World]:
    """The company, living on in the module's warehouse."""
    with built_warehouse.connect() as connection:
        yield built.living_in(connection)


@pytest.fixture
def project() -> Path:
    """The dbt project's folder."""
    return Path(__file__).resolve().parents[2] / "dbt_project"
