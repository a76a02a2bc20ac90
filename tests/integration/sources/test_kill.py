"""kill -9 inside loads over HTTP and of files: the next run ends in exactly the rows of an undisturbed one."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer360.load.killpoints import STEPS
from customer360.pipeline.ingest import ingest_object
from tests.integration.load.conftest import run_killed, snapshot
from tests.integration.sources.conftest import Folder
from tests.integration.sources.services import charge, serving

pytestmark = pytest.mark.integration

KINDS = {"billing.charges": "id", "marketing.responses": "response_id"}  # object → key
QUICK = ("landing_done", "landed", "gating", "published")
# `acknowledged` is reached by streams alone
ALL = [step for step in STEPS if step != "acknowledged"]


def responses(numbers: range, **values: Any) -> bytes:
    rows = [
        {"response_id": f"rs{n}", "campaign_id": "mkt-001", "lead_id": f"L{n}", "response_type": "replied", "value": 1.5,
         "responded_at": datetime(2026, 1, 1, 0, n // 60 % 60, n % 60, tzinfo=UTC), **values}
        for n in numbers
    ]  # fmt: skip
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def scene(pg_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Both sources, a warehouse that has loaded their first state, and what an undisturbed load of their second state leaves."""
    root = tmp_path_factory.mktemp("kill")
    folder = Folder(root / "marketing")
    with (
        serving(root / "world.sqlite") as services,
        pg_server.database(template="c360_template", prefix="base") as base,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("C360_HOME", str(root / "home"))
        patch.setenv("C360_CONN_BILLING", services.billing_uri)
        patch.setenv("C360_CONN_MARKETING", folder.path.as_uri())
        patch.setenv("C360_CONN_WAREHOUSE", base.uri)
        services.add("billing.charges", map(charge, range(250)))
        folder.put("responses/1.parquet", responses(range(1_000)))
        for name in KINDS:
            assert ingest_object(*name.split(".")).state == "published"
        later = int(time.time()) + 5
        for number in range(120):  # changed twice, gone, new, unfit
            services.tell("charge.updated", charge(number, amount_refunded=1), later)
            services.tell("charge.refunded", charge(number, amount_refunded=2, refunded=True), later)
        services.tell("charge.deleted", charge(200), later)
        services.tell("charge.succeeded", charge(900, amount=-1), later)
        services.tell("charge.succeeded", charge(901), later)
        folder.put("responses/1-again.parquet", responses(range(1_000)))
        folder.put("responses/2.parquet", responses(range(900, 1_400), response_type="attended"))
        folder.put("responses/3.parquet", responses(range(2_000, 2_003), response_type="waved"))
        folder.put("responses/4.parquet.part", b"half")
        expected = {}
        for name in KINDS:
            with pg_server.database(template=base.name, prefix="calm") as calm:
                patch.setenv("C360_CONN_WAREHOUSE", calm.uri)
                assert ingest_object(*name.split(".")).state == "published"
                expected[name] = _left(calm, name)
        assert len(expected["billing.charges"]["raw"]) == 251 and len(expected["billing.charges"]["quarantine"]) == 1
        assert len(expected["marketing.responses"]["raw"]) == 1_400 and len(expected["marketing.responses"]["quarantine"]) == 3
        assert expected["billing.charges"]["figures"][-1][6] == 120, "the earlier of two events is superseded"
        yield {"base": base.name, "expected": expected, "server": pg_server}


def _left(database: Any, name: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a load left, and the files it knows."""
    left = snapshot(database, name.replace(".", "__"), KINDS[name])
    left["files"] = database.fetch("select path, rows from ops.source_file order by path")
    return left


def _killed(name: str, environment: dict[str, str], **options: Any) -> int:
    system, _, obj = name.partition(".")
    return run_killed(obj, environment, system=system, **options)


def _assert_as_undisturbed(scene: dict[str, Any], database: Any, name: str) -> None:
    published = database.fetch("select count(*) from ops.load where system || '.' || object = %s and state = 'published'", name)[0][0] - 1
    outcome = ingest_object(*name.split("."))
    assert outcome.state == ("nothing_new" if published else "published")
    found = _left(database, name)
    del found["figures"][2:]  # runs after the one that published
    assert found == scene["expected"][name]
    assert database.fetch("select count(*) from ops.load where state in ('extracting', 'landed', 'gated')") == [(0,)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("step", [step if step in QUICK else pytest.param(step, marks=pytest.mark.broad) for step in ALL])
def test_killed_at_a_step(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, step: str) -> None:
    with scene["server"].database(template=scene["base"], prefix="killed") as database:
        monkeypatch.setenv("C360_CONN_WAREHOUSE", database.uri)
        assert _killed(name, {"C360_KILL_AT": step}) == -9, f"the load never came to {step}"
        _assert_as_undisturbed(scene, database, name)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.broad) for seed in range(1, 15))])
def test_killed_at_random_moments(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, seed: int) -> None:
    moment = random.Random(seed)
    with scene["server"].database(template=scene["base"], prefix="killed") as database:
        monkeypatch.setenv("C360_CONN_WAREHOUSE", database.uri)
        ended = [_killed(name, {}, kill_after=moment.uniform(0.01, 0.9)) for _ in range(2)]
        assert set(ended) <= {-9, 0}
        _assert_as_undisturbed(scene, database, name)
