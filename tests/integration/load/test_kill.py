"""kill -9 at every step and at random moments: the next run ends in exactly the rows of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customer360.load.killpoints import STEPS
from customer360.pipeline.ingest import ingest_object
from customer360.warehouse.connections import environment_variable
from tests.integration.load.conftest import CONTRACT, PEOPLE_SUITE, TABLES, Source, run_killed, snapshot
from tests.killing import forked

pytestmark = pytest.mark.integration

KEYS = {"people": "person_id", "ledger": "book, entry"}
ROWS = 6_000


@pytest.fixture(scope="module")
def scene(pg_server: Any, shop_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A source, a warehouse that has loaded its first state, and what an undisturbed load of its second state leaves."""
    import json

    repo = tmp_path_factory.mktemp("repo")
    (repo / "contracts").mkdir()
    (repo / "contracts" / "shop.yaml").write_text(CONTRACT)
    suites = Path(repo / "great_expectations" / "expectations" / "shop")
    suites.mkdir(parents=True)
    (suites / "people.json").write_text(json.dumps(PEOPLE_SUITE))
    with (
        shop_server.database(prefix="killed") as source_database,
        pg_server.database(template="c360_template", prefix="base") as base,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("C360_REPO", str(repo))
        patch.setenv(environment_variable("shop"), source_database.uri)
        patch.setenv(environment_variable("warehouse"), base.uri)
        source = Source(source_database.uri)
        source.run(
            TABLES,
            f"insert into people select g, 'Name ' || g, g % 90, g % 50, date '1980-01-01' + g, false, timestamptz '2026-01-01' + g * interval '1 second'"
            f" from generate_series(1, {ROWS}) g",
            f"insert into ledger select 'book ' || g % 7, g::text, null, (g % 30)::text, null, (timestamptz '2026-01-01' + g * interval '1 second')::text"
            f" from generate_series(1, {ROWS}) g",
        )
        for name in KEYS:
            ingest_object("shop", name)
        source.run(
            # changed, deleted, new, bad, doubled, and rows that only the lookback sees again
            "update people set name = name || ' II', updated_at = '2026-02-01' where person_id % 3 = 0",
            "update people set is_deleted = true, updated_at = '2026-02-02' where person_id % 50 = 1",
            f"insert into people select {ROWS} + g, 'New ' || g, g % 90, 1, null, false, '2026-02-03' from generate_series(1, 500) g",
            "update people set age = 200, updated_at = '2026-02-04' where person_id in (5, 11, 17)",
            "update ledger set amount = (entry::int % 40)::text, changed_at = '2026-02-01T00:00:00Z' where entry::int % 3 = 0",
            "insert into ledger select 'new', g::text, null, '1', null, '2026-02-02T00:00:00Z' from generate_series(1, 400) g",
            "insert into ledger select 'new', g::text, null, '2', null, '2026-02-02T00:00:00Z' from generate_series(1, 100) g",
            "insert into ledger values ('bad', 'one', null, 'two', null, '2026-02-02T00:00:00Z'), ('bad', '2', null, '1', null, null)",
        )
        expected = {}
        for name, key in KEYS.items():
            with pg_server.database(template=base.name, prefix="calm") as calm:
                patch.setenv(environment_variable("warehouse"), calm.uri)
                assert ingest_object("shop", name).state == "published"
                expected[name] = snapshot(calm, f"shop__{name}", key)
        assert len(expected["people"]["raw"]) == ROWS + 500
        assert len(expected["people"]["quarantine"]) == 3
        assert len(expected["ledger"]["quarantine"]) == 2
        assert expected["ledger"]["figures"][-1][6] >= 100, "the doubled keys are superseded"
        yield {"base": base.name, "expected": expected, "server": pg_server}


def _finish_and_compare(name: str, database: Any, expected: dict[str, Any], *, was_published: bool) -> None:
    outcome = ingest_object("shop", name)
    assert outcome.state == ("nothing_new" if was_published else "published")
    found = snapshot(database, f"shop__{name}", KEYS[name])
    if was_published:
        found["figures"].pop()  # the run after it, which found nothing new
    assert found == expected
    assert database.fetch("select count(*) from ops.load where state in ('extracting', 'landed', 'gated')") == [(0,)]


@pytest.mark.parametrize(("name", "step"), [(name, step) for name in KEYS for step in STEPS if (name, step) != ("people", "converted")])
def test_killed_at_a_step(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, step: str) -> None:
    with scene["server"].database(template=scene["base"], prefix="killed") as database:
        monkeypatch.setenv(environment_variable("warehouse"), database.uri)
        assert run_killed(name, {"C360_KILL_AT": step}) == -9, f"the load never came to {step}"
        _finish_and_compare(name, database, scene["expected"][name], was_published=step == "published")


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_a_random_moment_twice(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    moment = random.Random(seed)
    name = ("people", "ledger")[seed % 2]
    with scene["server"].database(template=scene["base"], prefix="killed") as database:
        monkeypatch.setenv(environment_variable("warehouse"), database.uri)
        ended = [run_killed(name, {}, kill_after=moment.uniform(0.01, 0.9)) for _ in range(2)]
        assert set(ended) <= {-9, 0}
        published = database.fetch("select count(*) from ops.load where object = %s and state = 'published'", name)[0][0] - 1
        outcome = ingest_object("shop", name)
        assert outcome.state == ("nothing_new" if published else "published")
        found = snapshot(database, f"shop__{name}", KEYS[name])
        del found["figures"][2:]  # runs after the one that published
        assert found == scene["expected"][name]


def test_rows_lost_with_a_crash_of_the_server_are_landed_again(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A load's own tables are unlogged: after a crash they are there and empty."""
    for name, work in (("people", "landed"), ("people", "gated"), ("ledger", "gated"), ("ledger", "diffed")):
        with scene["server"].database(template=scene["base"], prefix="crashed") as database:
            monkeypatch.setenv(environment_variable("warehouse"), database.uri)
            assert run_killed(name, {"C360_KILL_AT": work}) == -9
            with database.connect() as connection:
                tables = [
                    t
                    for (t,) in connection.execute(
                        "select relname from pg_class where relkind = 'r' and relname like 'load\\_%' and relpersistence = 'u'"
                    )
                ]
                for table in tables:
                    connection.execute(f"truncate landing.{table}")
            _finish_and_compare(name, database, scene["expected"][name], was_published=False)


def test_a_load_stopped_under_an_older_version_is_landed_again(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables lack what is computed as rows land today."""
    with scene["server"].database(template=scene["base"], prefix="older") as database:
        monkeypatch.setenv(environment_variable("warehouse"), database.uri)
        assert run_killed("people", {"C360_KILL_AT": "gated"}) == -9
        with database.connect() as connection:
            found = connection.execute("select relname from pg_class where relkind = 'r' and relname ~ '^load_[0-9]+$'").fetchall()
            assert len(found) == 1
            connection.execute(f"alter table landing.{found[0][0]} drop column _row_hash")
        _finish_and_compare("people", database, scene["expected"]["people"], was_published=False)


def test_one_killed_amid_a_gate_stops_no_other(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of the gate's progress bars is a process's own: forks that shared it would wait for the dead one for ever."""
    from tqdm.auto import tqdm

    def dies_with_the_lock() -> None:
        with tqdm.get_lock():
            os.kill(os.getpid(), signal.SIGKILL)

    with scene["server"].database(template=scene["base"], prefix="locked") as database:
        monkeypatch.setenv(environment_variable("warehouse"), database.uri)
        assert forked(dies_with_the_lock) == -9  # forked from a process that has gated: the scene did
        assert run_killed("people", {}) == 0
        assert database.fetch("select state from ops.load order by load_id desc limit 1") == [("published",)]
