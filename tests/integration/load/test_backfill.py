"""Backfill: a window, or all of an object, again, from its source and from the archive; beside live loads, killed and taken up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.archive import versions
from customer360.archive.location import Archive, ArchiveError, open_archive
from customer360.cli import build_app
from customer360.errors import UserError
from customer360.load import backfill
from customer360.pipeline import maintenance
from customer360.pipeline.backfill import BackfillOutcome, Window, run_backfill
from customer360.pipeline.ingest import resolve_object
from customer360.pipeline.outcome import LoadOutcome
from tests.integration.load.conftest import Source, assert_adds_up
from tests.killing import forked

pytestmark = pytest.mark.integration
Load = Callable[..., LoadOutcome]

RAW = "select person_id, name, age, _is_deleted from raw.shop__people order by 1"
ARCHIVED = Window(origin="archive")


@pytest.fixture(autouse=True)
def small_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(backfill, "ROWS_PER_TURN", 2)
    monkeypatch.setenv("C360_ARCHIVE_URL", (tmp_path / "archive").as_uri())


@pytest.fixture
def six(source: Source, people: Load) -> list[tuple[Any, ...]]:
    """Six people, one a day, taken in."""
    source.people(*(f"{n}, 'P{n}', {20 + n}, 1, null, false, '2026-11-{10 + n} 12:00Z'" for n in range(1, 7)))
    assert people().counts.inserted == 6
    return [(n, f"P{n}", 20 + n, False) for n in range(1, 7)]


@pytest.fixture
def without_cursor(contracts: Path) -> None:
    """People whose rows do not say when they changed."""
    contract = contracts.parents[2] / "contracts" / "shop.yaml"
    contract.write_text(contract.read_text().replace("cursor: updated_at, lookback: 10m, deletes", "deletes"))


def again(window: Window | None = None, *, name: str = "people", **options: Any) -> BackfillOutcome:
    outcome = run_backfill("shop", name, window=window or Window(), sleep=lambda _: None, **options)
    if outcome.state == "done":
        assert_accounted(outcome)
    return outcome


def assert_accounted(outcome: BackfillOutcome) -> None:
    assert outcome.rows_read == outcome.rows_outside + outcome.rows_older + outcome.counts.extracted
    assert_adds_up(outcome.counts)


def empty(warehouse: Any) -> None:
    """What a person with too many rights does."""
    with warehouse.connect() as connection:
        connection.execute("truncate raw.shop__people, raw_history.shop__people")


def archive() -> Archive:
    opened = open_archive()
    assert opened is not None
    return opened


# ---------------------------------------------------------------------------------------------- from the source
def test_a_window_of_a_table_that_was_emptied(six: list[tuple[Any, ...]], people: Load, warehouse: Any) -> None:
    watermark = warehouse.fetch("select cursor_value from ops.watermark")
    empty(warehouse)
    assert people().counts.inserted == 1, "the lookback alone does not heal it"
    outcome = again(Window(since="2026-11-12", until="2026-11-15 12:00Z"))
    assert warehouse.fetch(RAW) == [*six[1:4], six[5]]
    assert (outcome.rows_read, outcome.rows_outside, outcome.counts.inserted, outcome.loads) == (5, 2, 3, 2)
    rest = again()
    assert (rest.rows_read, rest.counts.inserted, rest.counts.unchanged, rest.loads) == (6, 2, 4, 3)
    assert warehouse.fetch(RAW) == six
    assert warehouse.fetch("select cursor_value from ops.watermark") == watermark
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
    assert again().counts.published == 0, "a second time there is nothing to do"


def test_newer_rows_stay(without_cursor: None, source: Source, people: Load, warehouse: Any) -> None:
    """A live load passes between two turns; of what was read before, the rows it brought are older, though no cursor says so."""
    source.people(*(f"{n}, 'P{n}', 20, 1, null, false, now()" for n in range(1, 6)))
    people()
    empty(warehouse)
    turns: list[int] = []

    def live_load(step: str, left: int) -> None:
        if step == "load":
            turns.append(left)
            if len(turns) == 2:
                source.people("5, 'newer', 30, 1, null, false, now()", "1, 'newer', 30, 1, null, false, now()")
                assert people().state == "published"

    outcome = again(progress=live_load)
    assert turns == [5, 3, 1]
    assert outcome.counts.stale == 1
    assert warehouse.fetch(RAW) == [(1, "newer", 30, False), *((n, f"P{n}", 20, False) for n in (2, 3, 4)), (5, "newer", 30, False)]


def test_a_gate_refuses_a_turn(
    six: list[tuple[Any, ...]], source: Source, people: Load, warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run("update people set age = 200", "alter table people rename column balance to saldo")
    with pytest.raises(UserError, match="lacks balance"):
        again()
    source.run("alter table people rename column saldo to balance")
    monkeypatch.setattr(backfill, "ROWS_PER_TURN", 6)
    outcome = again()
    assert outcome.state == "refused" and outcome.refused is not None
    assert (outcome.counts.extracted, outcome.refused.counts.extracted) == (0, 6)
    assert warehouse.fetch(RAW) == six
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
    source.run("update people set age = 20 + person_id where person_id > 1")
    assert again().counts.quarantined == 1, "one of six is set aside"
    assert warehouse.fetch(RAW) == six


def test_what_cannot_be_read_again(without_cursor: None, six: list[tuple[Any, ...]], warehouse: Any) -> None:
    with pytest.raises(UserError, match="has no cursor"):
        again(Window(since="2026-11-11"))
    with pytest.raises(UserError, match="no timestamptz"):
        again(Window(origin="archive", since="yesterdayish"))


# --------------------------------------------------------------------------------------------- from the archive
def test_everything_from_the_archive(six: list[tuple[Any, ...]], source: Source, people: Load, warehouse: Any) -> None:
    assert maintenance.archive() == {"shop.people": 6}
    assert maintenance.archive() == {}
    source.people(
        "2, 'He said \"hé\",\n', 50, null, '1980-02-29', false, '2026-11-17 12:00Z'", "3, 'P3', 23, 1, null, true, '2026-11-17 13:00Z'"
    )
    people()
    assert maintenance.archive() == {"shop.people": 2}
    before = warehouse.fetch(
        "select person_id, name, age, balance, born, is_deleted, updated_at, _is_deleted from raw.shop__people order by 1"
    )
    source.run("delete from people")
    empty(warehouse)
    dry = again(ARCHIVED, dry_run=True)
    assert (dry.state, dry.rows_read, warehouse.fetch("select count(*) from ops.backfill")) == ("checked", 8, [(0,)])
    outcome = again(ARCHIVED)
    assert (outcome.rows_read, outcome.rows_older, outcome.counts.inserted) == (8, 2, 6)
    assert before == warehouse.fetch(
        "select person_id, name, age, balance, born, is_deleted, updated_at, _is_deleted from raw.shop__people order by 1"
    )
    window = again(Window(origin="archive", since="2026-11-12", until="2026-11-14"))
    assert (window.rows_outside, window.counts.published) == (6, 0)


def test_an_archived_version_never_replaces_a_later_one(without_cursor: None, source: Source, people: Load, warehouse: Any) -> None:
    source.people("1, 'first', 20, 1, null, false, now()", "2, 'kept', 20, 1, null, false, now()")
    people()
    maintenance.archive()
    source.people("1, 'second', 20, 1, null, false, now()")
    people()
    outcome = again(ARCHIVED)
    assert (outcome.rows_older, outcome.counts.unchanged) == (1, 1)
    assert warehouse.fetch(RAW) == [(1, "second", 20, False), (2, "kept", 20, False)]
    maintenance.archive()
    empty(warehouse)
    assert again(ARCHIVED).counts.inserted == 2
    assert warehouse.fetch(RAW) == [(1, "second", 20, False), (2, "kept", 20, False)]


def test_text_comes_back_as_it_was(source: Source, entries: Load, warehouse: Any) -> None:
    """Nulls, empty texts, quotes and line breaks; a key of two fields; undeclared fields."""
    source.run("alter table ledger add column note text")
    source.run(
        "insert into ledger values ('a', '1', null, '1.50', null, '2026-11-20 10:00Z', E'x\\n\"y\",'), ('', '2', '7', null, '2026-01-31', '2026-11-20', '')"
    )
    assert entries().counts.published == 2
    maintenance.archive()
    query = "select book, entry, person_id, amount, on_day, changed_at, _extra from raw.shop__ledger order by 2"
    before = warehouse.fetch(query)
    assert before[0][-1] == {"note": 'x\n"y",'} and before[1][0] == ""
    with warehouse.connect() as connection:
        connection.execute("truncate raw.shop__ledger")
    assert again(ARCHIVED, name="ledger").counts.inserted == 2
    assert warehouse.fetch(query) == before


def test_the_archive_is_killed_and_written_again(six: list[tuple[Any, ...]], source: Source, people: Load, warehouse: Any) -> None:
    def dies() -> None:
        def moved(*_: Any) -> None:
            import os

            os.kill(os.getpid(), 9)

        versions._move = moved
        maintenance.archive()

    assert forked(dies) == -9
    first = archive().files("shop", "people")
    assert len(first) == 1
    source.people("7, 'P7', 27, 1, null, false, '2026-11-18 12:00Z'")
    people()
    assert maintenance.archive() == {"shop.people": 7}
    assert archive().files("shop", "people") == first, "the same file, with what came since"
    (archive_folder := Path(first[0].path).parent / "000000000009.parquet.partial").write_bytes(b"cut")
    assert archive().files("shop", "people") == first
    archive_folder.unlink()


def test_keys_are_taken_out_of_the_archive(six: list[tuple[Any, ...]], source: Source, people: Load, warehouse: Any) -> None:
    source.people("1, 'P1 again', 21, 1, null, false, '2026-11-17 12:00Z'")
    maintenance.archive()
    people()
    maintenance.archive()
    _, obj = resolve_object("shop", "people")
    assert versions.forget_keys(archive(), obj, [("1",), ("5",), ("99",)]) == 3
    assert versions.forget_keys(archive(), obj, [("1",)]) == 0
    files = archive().files("shop", "people")
    assert len(files) == 1, "a file without a row is none"
    assert [row for batch in archive().read(files[0].path) for row in batch.column("person_id").to_pylist()] == ["2", "3", "4", "6"]


def test_what_is_not_archived_stays(
    six: list[tuple[Any, ...]], source: Source, people: Load, warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History goes when it is old and in the archive; files go when they are older than the archive is to reach."""
    nothing = maintenance.Keep(history=timedelta(), archive=timedelta(days=5))
    source.people("1, 'P1 again', 21, 1, null, false, '2026-11-17 12:00Z'")
    people()
    assert "raw_history.shop__people" not in maintenance.clean(nothing)
    maintenance.archive()
    assert maintenance.clean(nothing)["raw_history.shop__people"] == 1
    assert versions.forget_before(archive(), timedelta(days=5), today=(datetime.now(UTC) + timedelta(days=4)).date()) == 0
    assert versions.forget_before(archive(), timedelta(days=5), today=(datetime.now(UTC) + timedelta(days=9)).date()) == 1
    monkeypatch.setenv("C360_ARCHIVE_URL", "off")
    assert maintenance.archive() == {}
    with pytest.raises(ArchiveError, match="switched off"):
        again(ARCHIVED)
    monkeypatch.setenv("C360_ARCHIVE_URL", "nowhere://at-all")
    with pytest.raises(ArchiveError, match="no address"):
        maintenance.archive()


# --------------------------------------------------------------------------------------------------------- killed
@pytest.mark.parametrize("window", [Window(), ARCHIVED], ids=["source", "archive"])
def test_killed_anywhere_and_continued(six: list[tuple[Any, ...]], people: Load, warehouse: Any, window: Window) -> None:
    maintenance.archive()
    empty(warehouse)
    steps = ("backfill_reading", "backfill_read", "landing_done", "landed", "diffed", "gated", "merged", "published", "published:2")
    for step in steps:
        assert forked(lambda: again(window), {"C360_KILL_AT": step}) == -9, step
    people()  # a live run meets what the last kill left
    outcome = again(window)
    assert outcome.state == "done"
    assert warehouse.fetch(RAW) == six
    assert outcome.rows_read == 6, "what was read and kept was not read again"
    assert outcome.counts.inserted >= 4
    assert warehouse.fetch("select sum(inserted) from ops.load where load_id > 1") == [(6,)], "each row came through one load"
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
    assert warehouse.fetch("select count(*) from raw_history.shop__people") == [(0,)]


# ------------------------------------------------------------------------------------------------------- command
@pytest.fixture
def command() -> Iterator[Callable[..., Any]]:
    runner = CliRunner()

    def run(*arguments: str) -> Any:
        return runner.invoke(build_app("backfill"), ["backfill", *arguments])

    yield run


def test_the_command(six: list[tuple[Any, ...]], warehouse: Any, command: Callable[..., Any]) -> None:
    empty(warehouse)
    assert "at most 6 would be loaded, in 3 turns" in command("shop.people", "--full", "--dry-run").output
    assert isinstance(command("shop.people").exception, UserError)
    assert isinstance(command("shop.people", "--full", "--since", "2026-01-01").exception, UserError)
    assert isinstance(command("shop").exception, UserError)
    assert "no backfill of shop.people is open" in command("shop.people", "--cancel").output
    assert forked(lambda: again(Window(since="2026-11-12")), {"C360_KILL_AT": "backfill_read"}) == -9
    other = command("shop.people", "--full").exception
    assert isinstance(other, UserError) and "--since 2026-11-12" in str(other)
    assert "given up" in command("shop.people", "--cancel").output
    done = command("shop.people", "--full")
    assert done.exit_code == 0, done.output
    assert "6 rows = 6 published" in done.output
    assert warehouse.fetch("select state from ops.backfill order by 1") == [("cancelled",), ("done",)]
    assert warehouse.fetch("select count(*) from landing.shop__people") == [(0,)]
