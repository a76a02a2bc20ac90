"""A slip in the seeds of the golden record is told with file and line, and how to mend it, before anything is built."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from customer360.contracts.reader import load_contracts
from customer360.golden.rules import SEEDS, Calibration, RulesError, read_rules, write_calibrations

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout that has the seeds alone."""
    shutil.copytree(REPO / SEEDS, tmp_path / SEEDS)
    return tmp_path


def edit(repo: Path, seed: str, line: int, text: str) -> None:
    """Write `text` as that line; one past the end is added."""
    path = repo / SEEDS / f"{seed}.csv"
    lines = path.read_text().splitlines()
    lines[line - 1 : line] = [text]
    path.write_text("\n".join(lines) + "\n")


def test_the_projects_own_rules_are_usable() -> None:
    rules = read_rules(REPO)
    assert rules.strategies["email"][0] == "pinned"
    assert {"street", "city", "postal_code"} < set(rules.groups["address"])
    assert all(one.slope > 0 for one in rules.calibrations.values())


@pytest.mark.parametrize(
    ("seed", "line", "text", "told"),
    [
        ("survivorship_rules", 3, "name,2,most_complet", "no strategy is called 'most_complet'; there are pinned, verified_first"),
        ("survivorship_rules", 3, "nam,2,most_complete", "no attribute group is called 'nam'; golden_groups.csv has address"),
        ("survivorship_rules", 3, "name,1,most_complete", "repeats name 1 of line 2"),
        ("survivorship_rules", 3, "name,2,pinned", "repeats name pinned of line 2"),
        ("survivorship_rules", 3, "name,first,most_complete", "position is 'first'; write a whole number, 1 weighs most"),
        ("survivorship_rules", 3, "name,2", "has not 3 values"),
        ("source_priorities", 2, "name,contacts,1,0.90", "'contacts' is no source object; write <system>.<object>"),
        ("source_priorities", 2, "name,crm.contacts,1,90", "reliability is '90'; write a share between 0 and 1"),
        ("source_priorities", 2, "name,crm.contacts,1,nan", "reliability is 'nan'; write a share between 0 and 1"),
        ("golden_groups", 2, "name,maybe,100,9000,1,0", "has_one_value is 'maybe'; write true or false"),
        ("golden_groups", 2, "name,true,0,9000,1,0", "wrong_values is '0'; write a whole number from 1"),
        ("golden_groups", 2, "name,true,100,9000,0,0", "evidence_slope is '0'; write a number above 0"),
        ("golden_groups", 2, "name,true,100,9000,-1,0", "evidence_slope is '-1'; write a number above 0"),
        ("golden_groups", 2, "name,true,100,9000,1,inf", "evidence_offset is 'inf'; write a number, 0 where nothing was calibrated"),
        ("golden_attributes", 2, "given_name,name,raw", "no semantic type is called 'given_name'; there are address"),
        ("golden_attributes", 2, "first_name,name,pretty", "shown_as is 'pretty'; write raw or standardised"),
    ],
)
def test_a_slip_is_told_with_file_and_line(repo: Path, seed: str, line: int, text: str, told: str) -> None:
    edit(repo, seed, line, text)
    with pytest.raises(RulesError) as error:
        read_rules(repo)
    assert f"dbt_project/seeds/{seed}.csv, line {line}: {told}" in str(error.value)


def test_every_slip_is_told_at_once(repo: Path) -> None:
    edit(repo, "survivorship_rules", 3, "name,2,best")
    edit(repo, "golden_groups", 2, "name,true,many,9000,1,0")
    with pytest.raises(RulesError) as error:
        read_rules(repo)
    assert "survivorship_rules.csv, line 3" in str(error.value)
    assert "golden_groups.csv, line 2" in str(error.value)


def test_an_attribute_that_nobody_ranks_is_refused(repo: Path) -> None:
    path = repo / SEEDS / "survivorship_rules.csv"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("gender,")) + "\n")
    with pytest.raises(RulesError, match=r"golden_attributes.csv, line \d+: nothing says how gender is chosen"):
        read_rules(repo)


def test_another_column_or_no_file_is_refused(repo: Path) -> None:
    edit(repo, "survivorship_rules", 1, "group,position,strategy")
    (repo / SEEDS / "golden_groups.csv").unlink()
    with pytest.raises(RulesError) as error:
        read_rules(repo)
    assert "survivorship_rules.csv, line 1: the columns are group, position, strategy; they must be" in str(error.value)
    assert "golden_groups.csv: cannot be read" in str(error.value)


def test_new_calibrations_leave_the_rest_of_the_seed_alone(repo: Path) -> None:
    before = read_rules(repo)
    path = write_calibrations(repo, {"email": Calibration(0.25, 1.5)})
    after = read_rules(repo)
    assert after.calibrations == before.calibrations | {"email": Calibration(0.25, 1.5)}
    original = (REPO / SEEDS / path.name).read_text().splitlines()
    assert [line for line, was in zip(path.read_text().splitlines(), original, strict=True) if line != was] == [
        "email,false,1000,1000,0.25,1.5"
    ]


def test_every_source_of_an_attribute_has_its_place() -> None:
    """A new system that knows people is ranked on purpose, not by being forgotten."""

    def rows(seed: str) -> list[dict[str, str]]:
        with (REPO / "dbt_project" / "seeds" / f"{seed}.csv").open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    groups = {row["attribute"]: row["attribute_group"] for row in rows("golden_attributes")}
    ranked = {(row["attribute_group"], row["source_object"]) for row in rows("source_priorities")}
    objects = [obj for contract in load_contracts(REPO / "contracts").values() for obj in contract.objects if obj.entity is not None]
    told = {(groups[f.semantic_type], obj.entity.of or obj.full_name) for obj in objects for f in obj.fields if f.semantic_type in groups}
    assert told - ranked == set(), "add rows to dbt_project/seeds/source_priorities.csv"
    assert ranked - told == set(), "these sources hold no such attribute"
