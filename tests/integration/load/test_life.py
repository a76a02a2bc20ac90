"""What becomes of rows: first, again, changed, late, out of order, deleted, back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from customer360.pipeline.outcome import LoadOutcome
from tests.integration.load.conftest import Source, run_killed

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]

ANNA = "1, 'Anna', 30, 10.50, '1990-02-03', false, '2026-01-01 10:00+00'"
BORIS = "2, 'Boris', 40, 20.00, '1980-02-03', false, '2026-01-01 11:00+00'"


def raw(warehouse: Any, columns: str = "person_id, name, _is_deleted") -> list[tuple[Any, ...]]:
    return warehouse.fetch(f"select {columns} from raw.shop__people order by person_id")


def history(warehouse: Any) -> list[tuple[Any, ...]]:
    return warehouse.fetch("select person_id, name, _is_deleted from raw_history.shop__people order by _replaced_at, person_id")


def test_first_load_publishes_everything_with_its_types(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    outcome = people()
    assert outcome.state == "published"
    assert (outcome.counts.extracted, outcome.counts.inserted) == (2, 2)
    assert [tuple(map(str, row)) for row in raw(warehouse, "person_id, name, age, balance, born, is_deleted, updated_at")] == [
        ("1", "Anna", "30", "10.50", "1990-02-03", "False", "2026-01-01 10:00:00+00:00"),
        ("2", "Boris", "40", "20.00", "1980-02-03", "False", "2026-01-01 11:00:00+00:00"),
    ]
    assert warehouse.fetch("select cursor_value from ops.watermark") == [("2026-01-01T11:00:00.000000Z",)]
    assert warehouse.fetch("select object, rows from ops.change") == [("people", 2)]


def test_nothing_new_changes_nothing_and_logs_no_change(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    people()
    before = raw(warehouse, "*")
    outcome = people()
    assert outcome.state == "nothing_new"
    assert outcome.counts.unchanged == 1, "the lookback reads Boris again, and Anna is an hour older"
    assert raw(warehouse, "*") == before
    assert len(warehouse.fetch("select from ops.change")) == 1


def test_a_change_keeps_the_replaced_version_and_when_the_row_was_first_seen(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    people()
    (first_seen,) = warehouse.fetch("select _first_seen_at from raw.shop__people where person_id = 1")[0]
    source.people("1, 'Anna Berg', 30, 10.50, '1990-02-03', false, '2026-01-02 10:00+00'")
    outcome = people()
    assert (outcome.state, outcome.counts.updated) == ("published", 1)
    assert raw(warehouse) == [(1, "Anna Berg", False), (2, "Boris", False)]
    assert history(warehouse) == [(1, "Anna", False)]
    assert warehouse.fetch("select _first_seen_at, _load_id from raw.shop__people where person_id = 1") == [(first_seen, outcome.load_id)]
    assert warehouse.fetch("select count(*) from raw.shop__people where _load_id = %s", outcome.load_id) == [(1,)]


def test_a_row_that_commits_late_is_found_by_the_lookback(source: Source, warehouse: Any, people: Load) -> None:
    source.people(BORIS)
    people()
    source.people("3, 'Late', 20, 1, '2000-01-01', false, '2026-01-01 10:55+00'")  # older than the watermark, within its lookback
    assert people().counts.inserted == 1
    assert warehouse.fetch("select cursor_value from ops.watermark") == [("2026-01-01T11:00:00.000000Z",)], (
        "looking back must not bend the watermark"
    )


def test_older_never_overwrites_newer(source: Source, warehouse: Any, people: Load) -> None:
    source.people(BORIS)
    people()
    source.people("2, 'Old Boris', 39, 1, '1980-02-03', false, '2026-01-01 10:58+00'")
    outcome = people()
    assert (outcome.state, outcome.counts.stale) == ("nothing_new", 1)
    assert raw(warehouse) == [(2, "Boris", False)]


def test_an_equal_cursor_with_other_content_wins(source: Source, warehouse: Any, people: Load) -> None:
    source.people(BORIS)
    people()
    source.people("2, 'Boris II', 40, 20.00, '1980-02-03', false, '2026-01-01 11:00+00'")
    assert people().counts.updated == 1
    assert raw(warehouse) == [(2, "Boris II", False)]


def test_flagged_deletes_are_tombstones_that_keep_the_values_and_can_come_back(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    people()
    source.people("1, 'Anna', 30, 10.50, '1990-02-03', true, '2026-01-03 10:00+00'")
    assert people().counts.deleted == 1
    assert raw(warehouse, "person_id, name, _is_deleted, _deleted_at is not null") == [(1, "Anna", True, True), (2, "Boris", False, False)]
    source.people("1, 'Anna', 30, 10.50, '1990-02-03', false, '2026-01-04 10:00+00'")
    assert people().counts.updated == 1
    assert raw(warehouse, "person_id, name, _is_deleted, _deleted_at is not null") == [
        (1, "Anna", False, False),
        (2, "Boris", False, False),
    ]
    assert [(name, deleted) for _, name, deleted in history(warehouse)] == [("Anna", False), ("Anna", True)]


def test_null_and_text_are_told_apart(source: Source, warehouse: Any, people: Load) -> None:
    """A hash over joined text would take (null, 'x') and ('', 'x') for the same row."""
    source.people("1, '', null, null, null, false, '2026-01-01 10:00+00'")
    people()
    source.people("1, 'null', null, null, null, false, '2026-01-01 10:00+00'")
    assert people().counts.updated == 1
    source.people("1, 'null', null, 0, null, false, '2026-01-01 10:00+00'")
    assert people().counts.updated == 1


def test_undeclared_columns_are_kept_and_a_change_in_them_is_a_change(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA)
    people()
    source.run("alter table people add column shoe_size integer, add column notes jsonb", "update people set shoe_size = 38")
    assert people().counts.updated == 1
    assert raw(warehouse, "person_id, _extra") == [(1, {"shoe_size": 38})]


def test_full_refresh_reads_everything_and_changes_only_what_changed(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    people()
    source.run("update people set name = 'Silent change' where person_id = 1")  # its cursor did not move
    assert people().state == "nothing_new"
    outcome = people(full_refresh=True)
    assert (outcome.counts.extracted, outcome.counts.updated, outcome.counts.unchanged) == (2, 1, 1)
    assert raw(warehouse)[0] == (1, "Silent change", False)


def test_since_reads_further_back_but_never_lowers_the_watermark_nor_leaves_a_gap(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, BORIS)
    people()
    source.run("update people set name = 'Silent change' where person_id = 1")
    assert people(since="2026-01-01T09:00:00Z").counts.updated == 1
    assert warehouse.fetch("select cursor_value from ops.watermark") == [("2026-01-01T11:00:00.000000Z",)]
    source.people("3, 'Carla', 30, 1, null, false, '2026-01-05 00:00+00'")
    assert people(since="2026-02-01").counts.inserted == 1, "a since behind the watermark would skip Carla for ever"


def test_a_cursor_in_the_future_is_set_aside_and_does_not_move_the_watermark(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, "2, 'Boris', 40, 20, null, false, '2999-01-01 00:00+00'")
    outcome = people()
    assert (outcome.counts.published, outcome.counts.quarantined) == (1, 1)
    assert warehouse.fetch("select cursor_value from ops.watermark") == [("2026-01-01T10:00:00.000000Z",)]
    assert warehouse.fetch("select reasons -> 0 ->> 'expectation' from quarantine.row") == [("cursor_not_ahead(updated_at)",)]


def test_the_newest_version_of_a_key_in_a_load_stays(source: Source, warehouse: Any, entries: Load) -> None:
    source.run(
        "insert into ledger values ('a', '1', null, '1', null, '2026-01-01T10:00:00Z'), ('a', '1', null, '3', null, '2026-01-01T12:00:00Z'),"
        " ('a', '1', null, '2', null, '2026-01-01T11:00:00Z'), ('b', '1', null, '7', null, '2026-01-01T11:00:00Z'), ('b', '1', null, '8', null, '2026-01-01T11:00:00Z')"
    )
    outcome = entries()
    assert (outcome.counts.superseded, outcome.counts.inserted) == (3, 2)
    assert [(b, str(a)) for b, a in warehouse.fetch("select book, amount from raw.shop__ledger order by book")] == [
        ("a", "3.00"),
        ("b", "8.00"),
    ]


def test_spelling_is_no_change(source: Source, warehouse: Any, entries: Load) -> None:
    source.run("insert into ledger values ('a', '1', null, '1.5', '2026-01-01', '2026-01-01T10:00:00Z')")
    entries()
    source.run("update ledger set entry = '001', amount = '+1.50', changed_at = '2026-01-01 12:00:00+02'")
    assert entries().state == "nothing_new"


def test_values_that_postgres_reads_but_nobody_meant_are_refused(source: Source, warehouse: Any, entries: Load) -> None:
    """'now' would be another moment in every load, 'NaN' poisons sums, 01/02/2026 is two days."""
    source.run(
        "insert into ledger values ('ok', '1', '5', '1e2', '2026-01-31', '2026-01-01T10:00:00Z'), ('x', '1', null, 'NaN', null, '2026-01-01T10:00:00Z'),"
        " ('x', '2', null, '1', 'today', '2026-01-01T10:00:00Z'), ('x', '3', null, '1', '01/02/2026', '2026-01-01T10:00:00Z'),"
        " ('x', '0x10', null, '1', null, '2026-01-01T10:00:00Z'), ('x', '5', 'none', 'much', '2026-02-30', '2026-01-01T10:00:00Z')"
    )
    outcome = entries()
    assert (outcome.counts.published, outcome.counts.quarantined) == (1, 5)
    found = warehouse.fetch("select record_key, reasons from quarantine.row order by record_key")
    assert {key: {reason["column"] for reason in reasons} for key, reasons in found} == {
        "x:0x10": {"entry"},
        "x:1": {"amount"},
        "x:2": {"on_day"},
        "x:3": {"on_day"},
        "x:5": {"person_id", "amount", "on_day"},
    }
    assert "NaN" not in str(warehouse.fetch("select * from ops.gate_result"))


def test_a_second_process_is_told_that_the_first_is_loading(
    source: Source, warehouse: Any, people: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer360.pipeline.sessions.TURN_WAIT_SECONDS", 0.05)
    source.people(ANNA)
    with warehouse.connect() as other:
        other.execute("select pg_advisory_lock(hashtextextended('load:shop.people', 361))")
        outcome = people()
        assert (outcome.state, outcome.load_id) == ("already_running", None)
        assert warehouse.fetch("select count(*) from ops.load") == [(0,)]
    assert people().state == "published", "the lock goes with the session that held it"


def test_a_dry_run_publishes_nothing_and_leaves_nothing(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA, "2, 'Methuselah', 969, 1, null, false, '2026-01-01 10:00+00'")
    outcome = people(dry_run=True)
    assert outcome.state == "checked"
    for table in ("raw.shop__people", "quarantine.row", "ops.watermark", "ops.change", "ops.incident"):
        assert warehouse.fetch(f"select count(*) from {table}") == [(0,)], table
    assert people().counts.published == 1


@pytest.fixture
def any_first_load_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customer360.load.raw_indexes.AFTER_LOAD_ROWS", 1)


@pytest.mark.usefixtures("any_first_load_is_large")
@pytest.mark.parametrize("sessions", ["one more", "no more"])
def test_a_large_first_load_becomes_raw_and_is_as_any_other(
    source: Source, warehouse: Any, people: Load, sessions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sessions == "no more":  # and raw's indexes are not made early
        monkeypatch.setattr("customer360.pipeline.load_run.second_session", lambda: None)
    source.people(
        ANNA, BORIS, "3, 'Gone', 30, 1, null, true, '2026-01-01 10:00+00'", "4, 'Bad', 300, 1, null, false, '2026-01-01 10:00+00'"
    )
    described = "select column_name, data_type, is_nullable, column_default, is_generated from information_schema.columns where table_schema = 'raw' order by 1"
    indexed = "select indexname, replace(indexdef, 'load_1', '?') from pg_indexes where schemaname = 'raw' order by 1"
    granted = (
        "select relacl::text, relpersistence, reloptions, obj_description(oid, 'pg_class'), relowner::regrole::text"
        " from pg_class where relname = 'shop__people' and relnamespace = 'raw'::regnamespace"
    )
    from customer360.pipeline.ingest import resolve_object
    from customer360.warehouse import tables

    with warehouse.connect() as connection:
        tables.ensure(connection, resolve_object("shop", "people")[1])
        connection.execute("create index somebodys_own on raw.shop__people (_published_at)")  # a column that raw alone has
    before = [warehouse.fetch(query) for query in (described, indexed, granted)]
    old = warehouse.fetch("select 'raw.shop__people'::regclass::oid")
    outcome = people()
    assert (outcome.counts.inserted, outcome.counts.quarantined) == (3, 1)
    assert warehouse.fetch("select 'raw.shop__people'::regclass::oid") != old, "the load's own table took its place"
    assert [warehouse.fetch(query) for query in (described, indexed, granted)] == before
    assert raw(warehouse, "person_id, _is_deleted, _deleted_at is not null, _load_id") == [
        (1, False, False, outcome.load_id),
        (2, False, False, outcome.load_id),
        (3, True, True, outcome.load_id),
    ]
    source.people("1, 'Anna Berg', 30, 10.50, '1990-02-03', false, '2026-01-02 10:00+00'")
    assert people().counts.updated == 1
    assert people(full_refresh=True).counts.unchanged == 4
    assert history(warehouse) == [(1, "Anna", False)]


@pytest.mark.parametrize("is_large", [False, True])
def test_changes_stay_in_their_pages_and_write_no_index(
    source: Source, warehouse: Any, people: Load, wait_until: Any, request: pytest.FixtureRequest, is_large: bool
) -> None:
    if is_large:
        request.getfixturevalue("any_first_load_is_large")
    rows = "{0}, 'Person {0} {1}', 30, 10.50, '1990-02-03', false, '2026-01-0{2} 10:00+00'"
    source.people(*(rows.format(number, "", 1) for number in range(1, 401)))
    assert people().counts.inserted == 400
    source.people(*(rows.format(number, "Changed", 2) for number in range(1, 401, 20)))
    assert people().counts.updated == 20
    updates = (
        "select pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_hot_updated(oid) from pg_class where oid = 'raw.shop__people'::regclass"
    )
    wait_until(lambda: warehouse.fetch(updates)[0][0] == 20)  # a session tells its figures when it ends
    assert warehouse.fetch(updates) == [(20, 20)]


@pytest.mark.usefixtures("any_first_load_is_large")
@pytest.mark.parametrize("step", ["diffed", "gated", "merged"])
def test_indexes_made_early_serve_the_run_that_takes_the_load_up(source: Source, warehouse: Any, people: Load, step: str) -> None:
    source.people(ANNA, BORIS)
    assert run_killed("people", {"C360_KILL_AT": step}) == -9
    early = warehouse.fetch("select count(*) from pg_indexes where schemaname = 'landing' and tablename = 'load_1'")
    assert early == [(0 if step == "diffed" else 2,)]
    assert people().counts.inserted == 2
    assert warehouse.fetch("select indexname from pg_indexes where schemaname = 'raw' order by 1") == [
        ("shop__people__load_id_idx",),
        ("shop__people_pkey",),
    ]


@pytest.mark.usefixtures("any_first_load_is_large")
def test_a_large_first_load_leaves_raw_in_place_where_a_view_hangs_on_it(source: Source, warehouse: Any, people: Load) -> None:
    source.people(ANNA)
    from customer360.pipeline.ingest import resolve_object
    from customer360.warehouse import tables

    with warehouse.connect() as connection:
        tables.ensure(connection, resolve_object("shop", "people")[1])
        connection.execute("create view staging.people as select person_id from raw.shop__people")
    assert people().counts.inserted == 1
    assert warehouse.fetch("select * from staging.people") == [(1,)]


@pytest.mark.usefixtures("any_first_load_is_large")
def test_a_large_first_load_of_text_builds_its_key_after(source: Source, warehouse: Any, entries: Load) -> None:
    source.run("insert into ledger select 'a', g::text, null, '1', null, '2026-01-01T10:00:00Z' from generate_series(1, 50) g")
    assert entries().counts.inserted == 50
    assert warehouse.fetch("select count(*) from pg_indexes where schemaname = 'raw'") == [(2,)]
    assert entries(full_refresh=True).counts.unchanged == 50


@pytest.mark.usefixtures("any_first_load_is_large")
@pytest.mark.parametrize("step", ["landing_done", "landed", "diffed", "gated", "merged", "change_logged", "published"])
def test_a_large_first_load_killed_anywhere(source: Source, warehouse: Any, people: Load, step: str) -> None:
    source.people(ANNA, BORIS)
    assert run_killed("people", {"C360_KILL_AT": step}) == -9
    assert people().state == ("nothing_new" if step == "published" else "published")
    assert raw(warehouse) == [(1, "Anna", False), (2, "Boris", False)]
    assert warehouse.fetch("select rows from ops.change") == [(2,)]
    assert people(full_refresh=True).counts.unchanged == 2
