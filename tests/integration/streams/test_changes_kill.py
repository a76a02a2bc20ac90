"""kill -9 while changes are followed, cut connections, two at once: the next run ends in the rows, history and change log of a calm one."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from customer360.extract.cdc import slot_name
from customer360.load import stream
from customer360.load.killpoints import STEPS
from customer360.pipeline.ingest import ingest_object, resolve_object
from customer360.warehouse.connections import environment_variable
from tests.integration.load.conftest import snapshot
from tests.integration.streams.conftest import PEOPLE_SUITE, SHOP, TABLE, Source, free_slots, write_checkout
from tests.killing import forked

pytestmark = pytest.mark.integration

ROWS = 3_000


def _load() -> Any:
    return ingest_object("shop", "people", sleep=lambda _: None)


@contextlib.contextmanager
def _warehouse(scene: dict[str, Any], base: str) -> Iterator[Any]:
    """A copy of the warehouse `base` that follows the source as that one does: its slot is copied too."""
    with scene["server"].database(template=base, prefix="stream") as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv(environment_variable("warehouse"), database.uri)
        obj = resolve_object("shop", "people")[1]
        with database.connect() as connection:
            own = slot_name(stream.consumer(connection), obj)
            held = connection.execute("select consumer from ops.stream").fetchone()
            if held is not None:
                connection.execute("update ops.stream set consumer = %s", [stream.consumer(connection)])
        with psycopg.connect(scene["source"].uri, autocommit=True) as source:
            if held is not None:
                source.execute("select pg_copy_logical_replication_slot(%s, %s)", [slot_name(held[0], obj), own])
            try:
                yield database
            finally:
                source.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", [own])


@pytest.fixture(scope="module")
def scene(pg_server: Any, shop_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A source, a warehouse that follows it, changes that wait, and what undisturbed loads of them leave."""
    repo = tmp_path_factory.mktemp("repo") / "checkout"
    write_checkout(repo, {"shop": SHOP}, {"shop/people": PEOPLE_SUITE | {"meta": {"max_failed_rows": 5, "max_gone_share": 0.5}}})
    with (
        shop_server.database(prefix="followed") as source_database,
        pg_server.database(template="c360_template", prefix="empty") as empty,
        pg_server.database(template="c360_template", prefix="base") as base,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("C360_REPO", str(repo))
        patch.setenv(environment_variable("shop"), source_database.uri)
        patch.setenv(environment_variable("warehouse"), base.uri)
        source = Source(source_database.uri)
        source.run(
            *TABLE, f"insert into people select g, 'Name ' || g, g % 90, 'b', g % 2 = 0, '2026-01-01' from generate_series(1, {ROWS}) g"
        )
        assert _load().state == "published"
        source.run(
            "update people set name = name || ' II' where person_id % 3 = 0",
            "delete from people where person_id % 50 = 1",
            f"insert into people select {ROWS} + g, 'New ' || g, g % 90, null, true, null from generate_series(1, 500) g",
            "update people set age = 200 where person_id in (5, 12, 17)",
            "update people set person_id = -person_id where person_id % 100 = 2",
            "update people set age = age + 1 where person_id % 3 = 0 and age < 90",
        )
        made: dict[str, Any] = {"server": pg_server, "source": source, "base": base.name, "empty": empty.name, "expected": {}}
        for start in ("base", "empty"):
            with _warehouse(made, made[start]) as calm:
                assert _load().state == "published"
                made["expected"][start] = snapshot(calm, "shop__people", "person_id")
        assert len(made["expected"]["base"]["history"]) > ROWS / 3
        assert made["expected"]["base"]["figures"][-1][6] > 500, "versions in between are superseded"
        yield made
        free_slots(source_database.uri)


def _finish_and_compare(scene: dict[str, Any], start: str, database: Any) -> None:
    _load()
    assert _load().state == "nothing_new"
    found = snapshot(database, "shop__people", "person_id")
    found["figures"] = [figures for figures in found["figures"] if figures[0]]  # runs that found nothing came besides
    assert found == scene["expected"][start]
    assert database.fetch("select count(*) from ops.load where state in ('extracting', 'landed', 'gated')") == [(0,)]


@pytest.mark.parametrize("step", [step for step in STEPS if step not in ("diffing", "gated_result", "publishing", "watermark_moved")])
def test_killed_at_a_step(scene: dict[str, Any], step: str) -> None:
    with _warehouse(scene, scene["base"]) as database:
        assert forked(_load, {"C360_KILL_AT": step}) == -9, f"the load never came to {step}"
        _finish_and_compare(scene, "base", database)


@pytest.mark.parametrize("step", ["landing", "landed", "acknowledged", "merged"])
def test_killed_while_the_first_copy_is_taken_in(scene: dict[str, Any], step: str) -> None:
    """The copy and the place where its stream begins are landed together, or not at all."""
    with _warehouse(scene, scene["empty"]) as database:
        assert forked(_load, {"C360_KILL_AT": step}) == -9
        _finish_and_compare(scene, "empty", database)


def _killed_at_random(scene: dict[str, Any], seed: int) -> None:
    moment = random.Random(seed)
    start = ("base", "empty")[seed % 2]
    with _warehouse(scene, scene[start]) as database:
        ended = [forked(_load, {}, kill_after=moment.uniform(0.01, 0.7)) for _ in range(2)]
        assert set(ended) <= {-9, 0}
        _finish_and_compare(scene, start, database)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_twice(scene: dict[str, Any], seed: int) -> None:
    _killed_at_random(scene, seed)


@pytest.mark.broad
@pytest.mark.parametrize("seed", range(100, 160))
def test_killed_at_many_random_moments(scene: dict[str, Any], seed: int) -> None:
    _killed_at_random(scene, seed)


def test_connections_to_the_source_are_cut(scene: dict[str, Any]) -> None:
    """However often: each attempt begins at the position that is landed."""
    with _warehouse(scene, scene["base"]) as database, psycopg.connect(scene["source"].uri, autocommit=True) as source:
        cut = 0
        done = threading.Event()

        def cut_connections() -> None:
            nonlocal cut
            while not done.is_set() and cut < 3:
                row = source.execute(
                    "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'customer360' and datname = current_database() and pid <> pg_backend_pid()) t"
                ).fetchone()
                cut += row[0] if row else 0

        cutter = threading.Thread(target=cut_connections)
        cutter.start()
        ingest_object("shop", "people", sleep=lambda _: done.wait(0.2))
        done.set()
        cutter.join()
        assert cut, "nothing was cut"
        _finish_and_compare(scene, "base", database)


def test_two_at_once(scene: dict[str, Any]) -> None:
    with _warehouse(scene, scene["base"]) as database:
        threads = [threading.Thread(target=lambda: forked(_load, {})) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _finish_and_compare(scene, "base", database)
