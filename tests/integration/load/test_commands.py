"""`customer360 load` and `customer360 quarantine`, as a person uses them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.cli import build_app
from customer360.errors import UserError
from tests.integration.load.conftest import Source

pytestmark = pytest.mark.integration

GOOD = [f"{n}, 'Person {n}', 30, 1, '1990-01-01', false, '2026-01-01 10:00+00'" for n in range(1, 4)]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(arguments[0]), arguments)
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_load_prints_the_ledgers_figures_and_says_nothing_new_the_second_time(source: Source, warehouse: Any) -> None:
    source.people(*GOOD)
    source.run("insert into ledger values ('a', '1', '2', '5', null, '2026-01-01T10:00:00Z')")
    code, output = run("load", "shop")
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert ["shop.people", "1", "published", "3", "3", "0", "0", "0", "0"] in lines
    assert ["shop.ledger", "2", "published", "1", "1", "0", "0", "0", "0"] in lines
    code, output = run("load", "shop.people", "--json")
    found = json.loads(output)
    assert (code, found["state"], found["counts"]["unchanged"]) == (0, "nothing_new", 3)


def test_a_refused_load_ends_with_3_and_says_what_was_observed(source: Source, warehouse: Any) -> None:
    source.people(*[f"{n}, 'P', 500, 1, null, false, '2026-01-01 10:00+00'" for n in range(1, 9)])
    code, output = run("load", "shop.people")
    assert code == 3
    assert "failed_rows: 8 of 8, allowed at most 5" in output
    assert "expect_column_values_to_be_between(age): 8 of 8" in output


def test_unknown_names_and_bad_bounds_are_the_users(source: Source, warehouse: Any) -> None:
    for arguments, message in (
        (("load", "shopp"), "no contract declares a system 'shopp'; there are shop"),
        (("load", "shop.persons"), "shop declares no object 'persons'; there are people, ledger"),
        (("load", "shop.people", "--since", "yesterdayish"), "--since 'yesterdayish' is no timestamptz"),
    ):
        with pytest.raises(UserError, match=message):
            run(*arguments)
    assert warehouse.fetch("select count(*) from ops.load where state = 'extracting'") == [(0,)]


def test_quarantine_is_listed_without_values_shown_mended_and_waived(source: Source, warehouse: Any) -> None:
    source.people(
        *GOOD, "8, 'Unmistakable', 500, 1, null, false, '2026-01-01 10:00+00'", "9, 'Other', 600, 1, null, false, '2026-01-01 10:00+00'"
    )
    run("load", "shop.people")
    _, listed = run("quarantine", "list", "shop.people")
    assert "expect_column_values_to_be_between(age)" in listed
    assert "Unmistakable" not in listed
    _, shown = run("quarantine", "show", "1")
    assert '"name": "Unmistakable"' in shown
    assert "Nobody is older." in shown
    code, output = run("quarantine", "replay", "1", "--by", "Stella", "--why", "as it is")
    assert (code, "1 still in quarantine" in output) == (3, True)
    code, output = run("quarantine", "replay", "1", "--by", "Stella", "--why", "typed twice", "--set", "age=50")
    assert (code, "1 published" in output) == (0, True)
    assert warehouse.fetch("select age from raw.shop__people where person_id = 8") == [(50,)]
    assert run("quarantine", "waive", "2", "--by", "Stella", "--why", "a test account") == (0, "1 waived\n")
    with pytest.raises(UserError, match="are not open"):
        run("quarantine", "waive", "2", "--by", "Stella", "--why", "again")
    with pytest.raises(UserError, match="declares no field size"):
        source.people("10, 'Third', 700, 1, null, false, '2026-01-02 10:00+00'")
        run("load", "shop.people")
        run("quarantine", "replay", "3", "--by", "Stella", "--why", "x", "--set", "size=1")
    assert run("quarantine", "list", "--state", "all", "--json")[1].count("\n") == 3, "what was mended here is not set aside again"


def test_quarantine_is_chosen_by_reason_and_time_and_every_step_is_kept(source: Source, warehouse: Any) -> None:
    def old(*numbers: int) -> list[str]:
        return [f"{n}, 'Old {n}', 500, 1, null, false, '2026-01-01 10:00+00'" for n in numbers]

    source.people(*GOOD, *old(31, 32, 33), "40, null, 30, 1, null, false, '2026-01-01 10:00+00'")
    run("load", "shop.people")
    age, name = "expect_column_values_to_be_between(age)", "expect_column_values_to_not_be_null"
    assert run("quarantine", "list", "--expectation", age, "--json")[1].count("\n") == 3
    assert run("quarantine", "list", "shop", "--expectation", name, "--json")[1].count("\n") == 1
    assert run("quarantine", "list", "--since", "2999-01-01", "--json")[1] == ""
    chosen = ("--of", "shop.people", "--expectation", age, "--by", "Stella", "--why", "the import wrote months")
    code, tried = run("quarantine", "replay", *chosen, "--set", "age=50", "--dry-run")
    assert code == 0 and tried.startswith("3 rows: ")
    assert warehouse.fetch("select count(*) from quarantine.action") == [(0,)]
    assert run("quarantine", "replay", *chosen)[0] == 3, "as they are they fail again"
    assert run("quarantine", "replay", *chosen, "--set", "age=50")[0] == 0
    assert warehouse.fetch("select count(*) from raw.shop__people where age = 50") == [(3,)]
    first = json.loads(run("quarantine", "list", "--state", "replayed", "--json")[1].splitlines()[0])["quarantine_id"]
    assert [(step, by, why, corrected) for step, by, why, corrected in warehouse.fetch(
        "select action, by, why, corrected from quarantine.action where quarantine_id = %s order by action_id", first
    )] == [
        ("asked", "Stella", "the import wrote months", []),
        ("asked", "Stella", "the import wrote months", ["age"]),
        ("replayed", f"load {warehouse.fetch('select max(load_id) from ops.load')[0][0]}", "Stella: the import wrote months", []),
    ]  # fmt: skip
    shown = run("quarantine", "show", str(first))[1]
    assert "asked" in shown and "(corrected: age)" in shown and "replayed" in shown
    assert run("quarantine", "waive", "--of", "shop", "--by", "Ada", "--why", "a test") == (0, "1 waived\n")
    assert run("quarantine", "waive", "--of", "shop", "--by", "Ada", "--why", "a test") == (0, "0 rows\n")
    for wrong in ((), ("1", "--of", "shop")):
        with pytest.raises(UserError, match=r"which rows|not both"):
            run("quarantine", "waive", *wrong, "--by", "Ada", "--why", "all")
