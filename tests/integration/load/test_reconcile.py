"""Source and raw are counted beside each other: what is on its way or set aside is no difference, what is lost or doubled is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.commands.reconcile import app
from customer360.load.reconciliation import Counted
from customer360.pipeline.outcome import LoadOutcome
from customer360.pipeline.reconcile import Reconciled, reconcile
from customer360.platform import home
from tests.integration.load.conftest import Source
from tests.integration.load.test_gated import GOOD, OLD

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]


def of_people(**options: Any) -> Reconciled:
    (found,) = reconcile("shop", "people", **options)
    return found


def test_what_is_on_its_way_or_set_aside_is_no_difference(source: Source, warehouse: Any, people: Load) -> None:
    assert of_people().state == "never_loaded"
    source.people(*GOOD, "99, 'Both', -3, -5, null, false, '2026-01-01 10:00+00'")
    people()
    assert of_people() == Reconciled(
        subject="shop.people", state="agrees", counted=Counted(source_rows=21, in_flight=0, raw_rows=20, set_aside=1)
    )
    source.people("50, 'New', 30, 1, null, false, '2026-01-03 10:00+00'", "1, 'Renamed', 30, 1, null, false, '2026-01-03 10:00+00'")
    found = of_people()
    assert (found.state, found.counted) == ("agrees", Counted(source_rows=22, in_flight=2, raw_rows=20, set_aside=1))
    people()
    source.people("2, 'Gone', 30, 1, null, true, '2026-01-04 10:00+00'", OLD)  # deleted by its flag; a known row with a bad new version
    found = of_people()
    assert found.state == "agrees" and found.counted is not None
    assert (found.counted.source_rows, found.counted.raw_rows, found.counted.gone_in_flight) == (21, 21, 1)
    people()
    assert of_people().state == "agrees"
    assert warehouse.fetch("select count(*), max(missing), max(surplus) from ops.reconciliation") == [(4, 0, 0)]


def test_what_is_lost_or_not_buried_is_told(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    people()
    with warehouse.connect() as connection:
        connection.execute("delete from raw.shop__people where person_id = 3")
    found = of_people(dry_run=True)
    assert found.state == "differs" and found.counted is not None and (found.counted.missing, found.counted.surplus) == (1, 0)
    assert warehouse.fetch("select count(*) from ops.reconciliation") == [(0,)], "a dry run keeps nothing"
    source.run("delete from people where person_id in (4, 5)")
    told = CliRunner().invoke(app, ["shop.people"])
    assert told.exit_code == 1 and "differ: shop.people" in told.output
    assert warehouse.fetch("select source_rows, raw_rows, missing, surplus from ops.reconciliation") == [(18, 19, 0, 1)]


def test_a_source_that_does_not_answer_is_no_difference(
    source: Source, warehouse: Any, people: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.people(*GOOD)
    people()
    monkeypatch.setenv("C360_CONN_SHOP", "postgresql://x:secret@127.0.0.1:9/shop")
    found = of_people()
    assert found.state == "source_down" and "secret" not in str(found.why)
    assert CliRunner().invoke(app, ["shop"]).exit_code == 0


def test_an_unknown_target_is_told(source: Source, warehouse: Any) -> None:
    for target, told in (("shopp", "no contract is called"), ("shop.persons", "no object")):
        result = CliRunner().invoke(app, [target])
        assert result.exit_code != 0 and told in str(result.exception)


def test_what_cannot_be_counted_says_why(warehouse: Any) -> None:
    """By the project's own contracts, without a connection to any of them."""
    for system in ("reviews", "inventory"):
        for found in reconcile(system):
            assert found.state == "cannot_be_counted" and found.why, found.subject
    told = CliRunner().invoke(app, ["reviews"])
    assert told.exit_code == 0 and "cannot be counted: it tells what was sent" in told.output


def test_an_api_that_knows_no_count_says_so(warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(home.repo() / "contracts", tmp_path / "contracts")
    support = tmp_path / "contracts" / "support.yaml"
    support.write_text(support.read_text(encoding="utf-8").replace("count: keys", ""), encoding="utf-8")
    monkeypatch.setenv("C360_REPO", str(tmp_path))
    found = reconcile("support")
    assert len(found) == 2
    assert all(one.state == "cannot_be_counted" and "names no `count`" in str(one.why) for one in found)
