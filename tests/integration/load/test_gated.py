"""Few bad rows go to quarantine, many refuse the load; what is set aside can be mended, replayed or waived."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import UserError
from customer360.gate.run import ExpectationFailed
from customer360.load import quarantine
from customer360.pipeline.ingest import ingest_object, replay_quarantined
from customer360.pipeline.outcome import LoadOutcome
from tests.integration.load.conftest import Source

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]

GOOD = [f"{n}, 'Person {n}', 30, 1, '1990-01-01', false, '2026-01-01 10:00+00'" for n in range(1, 21)]
OLD = "7, 'Methuselah', 969, 1, '1990-01-01', false, '2026-01-02 10:00+00'"


def open_rows(warehouse: Any) -> list[tuple[Any, ...]]:
    return warehouse.fetch("select record_key, reasons from quarantine.row where state = 'open' order by record_key")


def incidents(warehouse: Any) -> list[tuple[Any, ...]]:
    return warehouse.fetch("select kind, closed_at is null, occurrences from ops.incident order by kind, opened_at")


def test_a_bad_row_is_set_aside_with_every_reason_and_the_others_are_published(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD, "99, 'Both', -3, -5, null, false, '2026-01-01 10:00+00'", "98, null, 200, 1, null, false, '2026-01-01 10:00+00'")
    outcome = people()
    assert (outcome.state, outcome.counts.published, outcome.counts.quarantined) == ("published", 20, 2)
    assert {key: sorted(r["expectation"] for r in reasons) for key, reasons in open_rows(warehouse)} == {
        "98": ["expect_column_values_to_be_between(age)", "expect_column_values_to_not_be_null(name)"],
        "99": ["expect_column_values_to_be_between(age)", "unexpected_rows_expectation()"],
    }
    payload = warehouse.fetch("select payload from quarantine.row where record_key = '99'")[0][0]
    assert (payload["name"], payload["age"], payload["balance"]) == ("Both", "-3", "-5.00")
    assert incidents(warehouse) == [("row_warnings", True, 1)]


def test_results_and_incidents_hold_no_value(source: Source, warehouse: Any, people: Load, entries: Load) -> None:
    source.people(*GOOD, "99, 'Unmistakable', 200, 1, null, false, '2026-01-01 10:00+00'")
    source.run("insert into ledger values ('Unmistakable', '1', 'Unmistakable', 'Unmistakable', 'Unmistakable', '2026-01-01T10:00:00Z')")
    people()
    entries()
    assert warehouse.fetch("select count(*) from quarantine.row") == [(2,)]
    for table in ("ops.load", "ops.gate_result", "ops.incident", "ops.notification"):
        text = str(warehouse.fetch(f"select t::text from {table} t"))
        assert len(text) > 2
        assert "Unmistakable" not in text, table


def test_each_expectation_has_one_result(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    people()
    found = warehouse.fetch("select expectation, success, observed, checked_rows from ops.gate_result order by expectation")
    assert found == [
        ("expect_column_proportion_of_non_null_values_to_be_between(balance)", True, "1", None),
        ("expect_column_value_lengths_to_be_between(name)", True, "0 of 20", 20),
        ("expect_column_values_to_be_between(age)", True, "0 of 20", 20),
        ("expect_column_values_to_not_be_null(is_deleted)", True, "0 of 20", 20),
        ("expect_column_values_to_not_be_null(name)", True, "0 of 20", 20),
        ("unexpected_rows_expectation()", True, "0 of 20", 20),
    ]


def test_quarantined_rows_seen_again_are_not_quarantined_again(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    outcome = people()
    assert (outcome.state, outcome.counts.unchanged, outcome.counts.quarantined) == ("nothing_new", 1, 0)
    assert len(open_rows(warehouse)) == 1


def test_a_row_mended_at_the_source_is_published_and_leaves_quarantine(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    source.people("7, 'Methuselah', 96, 1, '1990-01-01', false, '2026-01-03 10:00+00'")
    outcome = people()
    assert outcome.counts.published == 1
    assert open_rows(warehouse) == []
    assert warehouse.fetch("select state, settled_by from quarantine.row") == [("replayed", f"load {outcome.load_id}")]
    assert incidents(warehouse) == [("row_warnings", False, 1)], "over, now that quarantine is empty"


def test_a_late_older_version_does_not_settle_the_newer_bad_one(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    source.people("7, 'Young', 20, 1, '1990-01-01', false, '2026-01-02 09:55+00'")
    assert people().counts.published == 1
    assert [key for key, _ in open_rows(warehouse)] == ["7"]


def test_replay_with_a_correction(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    (row_id,) = warehouse.fetch("select quarantine_id from quarantine.row")[0]
    again = replay_quarantined([row_id], by="Stella", why="try as it is")[0]
    assert (again.counts.published, again.counts.quarantined) == (0, 1)
    assert len(open_rows(warehouse)) == 1, "still the one row"
    mended = replay_quarantined([row_id], by="Stella", why="a typing error", corrections={"age": "96"})[0]
    assert (mended.state, mended.counts.inserted) == ("published", 1)
    assert warehouse.fetch("select age from raw.shop__people where person_id = 7") == [(96,)]
    assert warehouse.fetch("select state, note from quarantine.row") == [("replayed", "Stella: a typing error")]
    assert warehouse.fetch("select kind, watermark_to from ops.load order by load_id desc limit 1")[0][0] == "replay"
    assert warehouse.fetch("select cursor_value from ops.watermark") == [("2026-01-02T10:00:00.000000Z",)]
    with pytest.raises(UserError, match="not open any more"):
        replay_quarantined([row_id], by="Stella", why="again")


def test_a_replay_never_overwrites_a_newer_version(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    (row_id,) = warehouse.fetch("select quarantine_id from quarantine.row")[0]
    with warehouse.connect() as connection:  # as if the newer version had come by another way
        connection.execute(
            "insert into raw.shop__people select 7, 'Newer', 50, 1, null, false, '2026-03-01', null, 1, '', false, null, now(), now()"
        )
    outcome = replay_quarantined([row_id], by="Stella", why="late", corrections={"age": "96"})[0]
    assert (outcome.counts.stale, outcome.counts.published) == (1, 0)
    assert warehouse.fetch("select name from raw.shop__people where person_id = 7") == [("Newer",)]
    assert open_rows(warehouse) == []


def test_a_waived_row_stays_out(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD[:3], OLD)
    people()
    (row_id,) = warehouse.fetch("select quarantine_id from quarantine.row")[0]
    with warehouse.connect() as connection:
        assert quarantine.waive(connection, [row_id], by="Stella", why="a test account") == 1
    assert people().state == "nothing_new"
    assert warehouse.fetch("select state, settled_by, note from quarantine.row") == [("waived", "Stella", "a test account")]


def test_many_bad_rows_refuse_the_load_and_raw_stays(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    people()
    before = warehouse.fetch("select * from raw.shop__people order by 1")
    watermark = warehouse.fetch("select * from ops.watermark")
    source.run("update people set age = 900, updated_at = '2026-01-05' where person_id <= 6")
    outcome = people()
    assert outcome.state == "rejected"
    assert [f["expectation"] for f in outcome.refusal["failures"]] == ["failed_rows", "expect_column_values_to_be_between(age)"]
    assert outcome.refusal["failures"][0]["observed"] == "6 of 6"
    assert warehouse.fetch("select * from raw.shop__people order by 1") == before
    assert warehouse.fetch("select * from ops.watermark") == watermark
    assert open_rows(warehouse) == []
    assert incidents(warehouse) == [("load_refused", True, 1)]
    people()
    assert incidents(warehouse) == [("load_refused", True, 2)], "the same trouble, not another incident"
    source.run("update people set age = 90, updated_at = '2026-01-06' where person_id <= 6")
    assert people().counts.updated == 6
    assert incidents(warehouse) == [("load_refused", False, 2)]


def test_a_refusal_claims_no_more_bad_rows_than_were_counted(source: Source, warehouse: Any, people: Load) -> None:
    """Which rows fail is not listed where too many do; that eight of twenty do is known all the same."""
    source.people(*GOOD[:12], *(f"{90 + n}, 'Old', 900, 1, null, false, '2026-01-01 10:00+00'" for n in range(8)))
    outcome = people()
    assert outcome.state == "rejected" and outcome.refusal
    assert outcome.refusal["failures"][0]["observed"] == "at least 8 of 20"
    assert outcome.refusal["failures"][0]["failed_rows"] == 8


def test_a_failing_load_level_expectation_refuses(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    source.run("update people set balance = null where person_id <= 15")
    outcome = people()
    assert outcome.state == "rejected"
    (failure,) = outcome.refusal["failures"]
    assert (failure["observed"], failure["allowed"]) == ("0.25", "at least 0.5")
    assert warehouse.fetch("select count(*) from raw.shop__people") == [(0,)]


def test_a_column_dropped_at_the_source_refuses_even_when_nothing_is_new(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    people()
    source.run("alter table people drop column balance")
    outcome = people()
    assert outcome.state == "rejected"
    assert outcome.refusal["failures"][0]["expectation"] == "column_present(balance)"
    assert warehouse.fetch("select count(*) from raw.shop__people where balance = 1") == [(20,)]
    source.run("alter table people add column balance numeric(12,2)", "update people set balance = 1")
    assert people().state == "nothing_new"
    assert incidents(warehouse) == [("load_refused", False, 1)]


def test_a_retyped_column_is_judged_value_by_value(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD)
    people()
    source.run(
        "alter table people alter column age type text", "update people set age = 'thirty', updated_at = '2026-01-05' where person_id = 3"
    )
    outcome = people()
    assert (outcome.counts.quarantined, outcome.counts.unchanged) == (1, 19)
    source.run("update people set age = '31', updated_at = '2026-01-06' where person_id = 3")
    assert people().counts.updated == 1


def test_a_warning_publishes_and_tells(source: Source, warehouse: Any, people: Load) -> None:
    source.people(*GOOD, f"50, '{'x' * 60}', 30, 1, null, false, '2026-01-01 10:00+00'")
    outcome = people()
    assert (outcome.counts.published, outcome.warnings) == (21, ("expect_column_value_lengths_to_be_between(name)",))
    assert incidents(warehouse) == [("row_warnings", True, 1)]
    source.people("51, 'short', 30, 1, null, false, '2026-01-02 10:00+00'")
    people()
    assert incidents(warehouse) == [("row_warnings", False, 1)]


def test_missing_parents_are_told_by_age_and_share(source: Source, warehouse: Any, people: Load, entries: Load) -> None:
    def at(before: str) -> str:
        """As the source writes moments: its cursor is text, and compared as such."""
        return f"""to_char(now() at time zone 'UTC' - interval '{before}', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

    def entered(*rows: tuple[int, int]) -> LoadOutcome:
        source.run(*(f"insert into ledger values ('a', '{n}', '{person}', '1', null, {at('0')})" for n, person in rows))
        return entries()

    source.run("insert into ledger values ('a', '0', '77', '1', null, '2026-01-01T10:00:00Z')")
    assert entries().warnings == (), "raw has no people at all yet"
    source.people(*GOOD)
    people()
    found = (
        "select observed, allowed, severity from ops.gate_result where expectation = 'references(person_id)' order by load_id desc limit 1"
    )
    assert (entered((1, 5), (2, 77)).warnings, warehouse.fetch(found)[0][0]) == ((), "1 of 2"), "it may come a little later"
    many = entered(*((n, 1000 + n) for n in range(10, 21)))
    assert (many.state, many.warnings) == ("published", ("references(person_id)",))
    assert warehouse.fetch(found) == [("11 of 11", "at most 10, none older than 24 h", "warning")]
    source.run(f"insert into ledger values ('a', '99', '77', '1', null, {at('25 hours')})")
    assert ingest_object("shop", "ledger", since="2000-01-01").warnings == ("references(person_id)",)
    assert warehouse.fetch(found)[0][0] == "1 of 1, 1 of them older than 24 h"


def test_a_load_is_compared_with_those_before_it(source: Source, warehouse: Any, contracts: Path, people: Load) -> None:
    suite = json.loads((contracts / "people.json").read_text())
    suite["meta"]["history"] = {
        "min_loads": 3,
        "min_rows": 20,
        "nulls": {"severity": "critical", "reason": "Ages are known.", "owner": "people team"},
        "age": False,
    }
    (contracts / "people.json").write_text(json.dumps(suite))
    day = 0

    def arrive(rows: int, *, age: str = "30", balance: str = "n") -> LoadOutcome:
        nonlocal day
        day += 1
        source.run(
            f"insert into people select {1000 * day} + n, 'Canary', {age}, {balance}, null, false, '2026-01-01'::timestamptz + interval '{day} days'"
            f" from generate_series(1, {rows}) n"
        )
        return people()

    for rows in (50, 30, 25, 35):  # the first load of all is no measure for the others
        assert arrive(rows).warnings == ()
    kept = warehouse.fetch("select series, rows, figures from ops.load_profile order by load_id")
    assert [(series, rows) for series, rows, _ in kept] == [("first", 50), ("incremental", 30), ("incremental", 25), ("incremental", 35)]
    assert kept[1][2]["nulls"]["born"] == 30
    assert kept[1][2]["values"] == {"is_deleted": {"false": 30}}
    assert kept[1][2]["numbers"]["age"] == [30, 30, 30, 30, 30]
    assert "Canary" not in str(kept)

    far = arrive(40, balance="5000 + n")
    assert (far.state, far.warnings) == ("published", ("history(numbers)",))
    refused = arrive(30, age="null")
    assert refused.state == "rejected"
    assert refused.refusal is not None
    assert refused.refusal["failures"][0] | {"allowed": None} == {
        "expectation": "history(nulls)",
        "severity": "critical",
        "observed": "age 100.0% null, usually 0.0%",
        "allowed": None,
        "failed_rows": None,
        "checked_rows": None,
        "reason": "Ages are known. (owner: people team)",
    }
    source.run("update people set age = 30")
    flood = arrive(500, balance="n % 30")
    assert (flood.state, flood.warnings) == ("published", ("history(volume)",))
    assert (
        "530 rows, usually"
        in warehouse.fetch("select observed from ops.gate_result where expectation = 'history(volume)' and not success")[0][0]
    )


def test_a_sweep_buries_what_the_source_no_longer_holds_but_not_too_much(source: Source, warehouse: Any, people: Load) -> None:
    from customer360.pipeline.ingest import sweep_object

    source.people(*GOOD)
    people()
    source.run("delete from people where person_id in (3, 4)")
    outcome = sweep_object("shop", "people")
    assert (outcome.counts.extracted, outcome.counts.deleted) == (2, 2)
    assert warehouse.fetch("select person_id, name from raw.shop__people where _is_deleted order by 1") == [
        (3, "Person 3"),
        (4, "Person 4"),
    ]
    assert warehouse.fetch("select count(*) from raw_history.shop__people") == [(2,)]
    assert sweep_object("shop", "people").state == "nothing_new"
    source.run("delete from people where person_id > 10")
    refused = sweep_object("shop", "people")
    assert refused.state == "rejected"
    assert refused.refusal["failures"][0]["observed"] == "10 of 18"
    assert warehouse.fetch("select count(*) from raw.shop__people where _is_deleted") == [(2,)]
    source.people(GOOD[2])
    assert people(since="2026-01-01").counts.updated == 1, "back at the source with the same content: alive again"


def test_a_broken_expectation_is_the_suites_fault_and_says_where(source: Source, warehouse: Any, people: Load, contracts: Path) -> None:
    source.people(*GOOD)
    suite = json.loads((contracts / "people.json").read_text())
    suite["expectations"][1]["kwargs"]["unexpected_rows_query"] = "SELECT _row_number FROM {batch} WHERE no_such_column > 1"
    (contracts / "people.json").write_text(json.dumps(suite))
    with pytest.raises(ExpectationFailed, match=r"people: unexpected_rows_expectation\(\) could not .*no_such_column"):
        people()
    suite["expectations"].pop(1)
    (contracts / "people.json").write_text(json.dumps(suite))
    assert people().counts.published == 20, "the open load goes on where it was"


def test_a_source_that_is_down_is_retried_then_told_once_then_over(
    source: Source, warehouse: Any, people: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer360.pipeline.ingest import SourceDown

    source.people(*GOOD)
    waits: list[float] = []
    good = source.uri
    monkeypatch.setenv("C360_CONN_SHOP", "postgresql://nobody@127.0.0.1:1/shop")
    for _ in range(2):
        with pytest.raises(SourceDown, match="shop"):
            people(sleep=waits.append)
    assert len(waits) == 6
    assert waits[0] < waits[2]
    assert incidents(warehouse) == [("source_down", True, 2)]
    assert warehouse.fetch("select state, attempts from ops.load") == [("extracting", 2)]
    monkeypatch.setenv("C360_CONN_SHOP", good)
    assert people().state == "published"
    assert incidents(warehouse) == [("source_down", False, 2)]
    assert warehouse.fetch("select count(*) from ops.load") == [(1,)]
