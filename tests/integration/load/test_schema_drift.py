"""A field the source begins to send is kept and told once, or refuses the load, as the contract says; its declaration is proposed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.commands.contracts import app
from customer360.contracts.reader import load_contracts
from customer360.pipeline.outcome import LoadOutcome
from tests.integration.load.conftest import CONTRACT, Source
from tests.integration.load.test_gated import GOOD

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]
CANARY = "Kanarienvogel"


def declared(policy: str) -> str:
    return CONTRACT.replace("lookback: 10m, deletes", f"lookback: 10m, schema: {policy}, deletes", 1)


def grow(source: Source) -> None:
    source.run(
        "alter table people add column score text default '7', add column \"Nick Name\" text, add column seen text",
        f"update people set \"Nick Name\" = '{CANARY}', seen = '2026-01-03T10:00:00Z', updated_at = '2026-01-05' where person_id <= 3",
    )


def incident(warehouse: Any) -> list[tuple[Any, ...]]:
    return warehouse.fetch("select kind, closed_at is null from ops.incident order by opened_at")


def test_a_new_field_is_kept_told_once_and_proposed(source: Source, warehouse: Any, contracts: Path, people: Load, tmp_path: Path) -> None:
    source.people(*GOOD)
    people()
    grow(source)
    outcome = people()
    assert (outcome.state, outcome.counts.updated) == ("published", 20)
    assert outcome.warnings == ("undeclared(Nick Name)", "undeclared(score)", "undeclared(seen)")
    assert warehouse.fetch("select _extra ->> 'Nick Name' from raw.shop__people where person_id = 1") == [(CANARY,)]
    assert incident(warehouse) == [("row_warnings", True)]
    assert CANARY not in str(warehouse.fetch("select * from ops.gate_result")) + str(warehouse.fetch("select * from ops.undeclared_field"))
    source.run("update people set age = 31, updated_at = '2026-01-06' where person_id = 1")
    assert people().warnings == ()
    assert incident(warehouse) == [("row_warnings", False)]

    repo = contracts.parents[2]
    told = CliRunner().invoke(app, ["drift", "shop.people"])
    assert told.exit_code == 0 and CANARY not in told.output
    patch = tmp_path / "drift.patch"
    patch.write_text(told.stdout)
    subprocess.run(["git", "init", "-q"], cwd=repo, check=True)
    subprocess.run(["git", "apply", str(patch)], cwd=repo, check=True)
    fields = {field.name: field.logical_type for field in load_contracts()["shop"].object("people").fields}
    assert (fields["score"], fields["nick_name"], fields["seen"]) == ("integer", "string", "timestamp")
    assert "everything that it sends is declared" in CliRunner().invoke(app, ["drift", "shop"]).output


def test_the_change_can_be_written_at_once(source: Source, warehouse: Any, contracts: Path, people: Load) -> None:
    source.people(*GOOD)
    people()
    grow(source)
    people()
    assert CliRunner().invoke(app, ["drift", "shop", "--write"]).exit_code == 0
    assert "nick_name" in {field.name for field in load_contracts()["shop"].object("people").fields}
    source.run("update people set updated_at = '2026-01-07'")
    assert people().counts.updated == 20
    assert warehouse.fetch("select score, nick_name from raw.shop__people where person_id = 1") == [(7, CANARY)]


def test_what_was_always_there_is_noted_and_not_told(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    grow(source)
    assert people().warnings == ()
    assert warehouse.fetch("select field from ops.undeclared_field order by 1") == [("Nick Name",), ("score",), ("seen",)]
    assert incident(warehouse) == []


def test_a_strict_contract_refuses_what_it_does_not_declare(source: Source, warehouse: Any, contracts: Path, people: Load) -> None:
    (contracts.parents[1].parent / "contracts" / "shop.yaml").write_text(declared("strict"))
    source.people(*GOOD)
    assert people().state == "published"
    grow(source)
    refused = people()
    assert refused.state == "rejected"
    assert refused.refusal is not None
    assert [failure["expectation"] for failure in refused.refusal["failures"]] == [
        "undeclared(Nick Name)",
        "undeclared(score)",
        "undeclared(seen)",
    ]
    assert warehouse.fetch("select count(*) from raw.shop__people where updated_at > '2026-01-04'") == [(0,)]
    assert CliRunner().invoke(app, ["drift", "shop", "--write"]).exit_code == 0
    assert people().counts.updated == 20, "declared, it passes by itself"
    assert incident(warehouse) == [("load_refused", False)]


def test_an_open_contract_tells_nothing(source: Source, warehouse: Any, contracts: Path, people: Load) -> None:
    (contracts.parents[1].parent / "contracts" / "shop.yaml").write_text(declared("open"))
    source.people(*GOOD)
    people()
    grow(source)
    assert people().warnings == ()
    assert warehouse.fetch("select count(*) from ops.undeclared_field") == [(3,)]
