"""A proposed change of a contract: only lines are added, where they belong, and what comes out is a contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.contracts.proposal import NewField, ProposalError, diff, logical_type, propose
from customer360.contracts.reader import load_contract

REPO = Path(__file__).resolve().parents[3]
NEW = [NewField(source_name="LeadScore__c", logical_type="number"), NewField(source_name="first seen", logical_type="timestamp")]


@pytest.mark.parametrize("path", sorted((REPO / "contracts").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_object_of_our_contracts_can_be_added_to(path: Path, tmp_path: Path) -> None:
    before = path.read_text()
    for obj in load_contract(path).objects:
        after = propose(before, file=path.name, object_name=obj.name, fields=NEW)
        changed = [line for line in diff(before, after, file=path.name).splitlines()[2:] if line[:1] in "+-"]
        assert len(changed) == 2 and all(line.startswith("+") for line in changed), "nothing else of the file moves"
        (tmp_path / path.name).write_text(after)
        made = load_contract(tmp_path / path.name).object(obj.name)
        assert [(field.name, field.logical_type, field.source_name) for field in made.fields[-2:]] == [
            ("lead_score_c", "number", "LeadScore__c"),
            ("first_seen", "timestamp", "first seen"),
        ]
        assert all(field.is_personal for field in made.fields[-2:]), "masked until somebody has looked"


def test_a_name_that_is_taken_gets_another() -> None:
    text = "schema:\n  - name: a\n    properties:\n      - {name: score}\n      # the end\n\n  - name: b\n"
    after = propose(text, file="x.yaml", object_name="a", fields=[NewField(source_name="Score", logical_type="number")])
    assert after.splitlines()[4].startswith("      - {name: score_2, physicalName: Score, logicalType: number")
    assert after.splitlines()[5] == "      # the end"


def test_what_cannot_be_added_to_is_told() -> None:
    with pytest.raises(ProposalError, match="no properties"):
        propose("schema:\n  - name: a\n", file="x.yaml", object_name="a", fields=NEW)
    with pytest.raises(ProposalError, match="line 3"):
        propose("schema:\n  - name: a\n    properties: [{name: b}]\n", file="x.yaml", object_name="a", fields=NEW)


@pytest.mark.parametrize(
    ("kinds", "fits", "wanted"),
    [
        (["string"], ["date", "timestamp"], "date"),
        (["null", "string"], [], "string"),
        (["number"], ["integer", "number"], "integer"),
        (["number"], ["number"], "number"),
        (["boolean"], [], "boolean"),
        (["array"], [], "array"),
        (["object", "string"], [], "string"),
        (["null"], [], "string"),
    ],
)
def test_a_type_is_what_all_values_can_be_read_as(kinds: list[str], fits: list[str], wanted: str) -> None:
    assert logical_type(kinds, fits) == wanted
