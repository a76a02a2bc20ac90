"""A built warehouse for the tests of the models: one for each module, because building it takes half a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customer360.pipeline import build as building
from tests.dbt.world import World


@pytest.fixture(scope="module")
def world(module_warehouse: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A company with some history, its models built and tested once in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C360_HOME", str(tmp_path_factory.mktemp("dbt")))
        connection = module_warehouse.connect()
        world = World(connection, seed=7, people=12)
        world.step(80)
        outcome = building.build(live=True)
        assert outcome.state == "built", outcome.failures
        assert not outcome.live, "with nothing built yet a live run computes everything, tests included"
        assert outcome.tests > 100
        yield world
        connection.close()


@pytest.fixture
def project() -> Path:
    """The dbt project's folder."""
    return Path(__file__).resolve().parents[2] / "dbt_project"
