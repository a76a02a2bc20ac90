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
