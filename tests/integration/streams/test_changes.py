"""Change data capture of a real PostgreSQL: raw says what the table says, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from customer360.load.reconciliation import Counted
from customer360.pipeline import streams
from customer360.pipeline.ingest import SourceDown, ingest_object
from customer360.pipeline.outcome import LoadOutcome
from customer360.pipeline.reconcile import reconcile
from tests.integration.streams.conftest import SHOP, Source

pytestmark = pytest.mark.integration

Load = Callable[..., LoadOutcome]
ALIVE = "select person_id, name, age, bio, is_member, seen_at from raw.shop__people where not _is_deleted order by 1"
AT_SOURCE = "select person_id, name, age, bio, is_member, seen_at from people order by 1"
LARGE = "(select string_agg(md5((n * g)::text), '') from generate_series(1, 3000) n)"


def assert_equal(source: Source, warehouse: Any) -> int:
    """Raw holds alive what the source holds; how many rows that is."""
    rows = source.fetch(AT_SOURCE)
    assert warehouse.fetch(ALIVE) == rows
    return len(rows)


def test_copy_first_then_every_kind_of_change(source: Source, warehouse: Any, load: Load) -> None:
    source.run(f"insert into people select g, 'Name ' || g, g, {LARGE}, g % 2 = 0, '2026-01-01', null from generate_series(1, 10) g")
    first = load()
    assert (first.state, first.counts.inserted) == ("published", 10)
    assert load().state == "nothing_new"

    source.run(
        "insert into people values (11, 'Eleven', 1, null, true, '2026-01-02 03:04:05.678', 'elf'), (12, 'Zwölf', null, '', null, null, null)",
        "update people set name = 'One' where person_id = 1",  # its bio is large and not sent
        "delete from people where person_id = 2",
        "update people set person_id = 30, age = 31 where person_id = 3",  # a key changes
        "begin; update people set age = 40 where person_id = 4; update people set age = 41 where person_id = 4; commit",
        "begin; update people set age = 50 where person_id = 5; rollback",
        "insert into people values (13, 'Short-lived', 1, null, null, null, null)",
        "delete from people where person_id = 13",
        "delete from people where person_id = 6",
        "insert into people values (6, 'Back', 6, null, false, null, null)",
    )
    second = load()
    assert second.state == "published"
    assert assert_equal(source, warehouse) == 11
    assert (second.counts.inserted, second.counts.updated, second.counts.deleted) == (3, 3, 2)
    assert warehouse.fetch("select length(bio) from raw.shop__people where person_id = 1") == [(96_000,)]
    assert warehouse.fetch("select _extra from raw.shop__people where person_id = 11") == [({"nick": "elf"},)]
    gone = warehouse.fetch("select person_id, name, _deleted_at is not null from raw.shop__people where _is_deleted order by 1")
    assert gone == [(2, "Name 2", True), (3, "Name 3", True)], "the last values stay under the tombstone"
    assert load().state == "nothing_new"

    # the copy and the stream write a row alike
    source.run("update people set name = name where person_id <> 12")
    third = load()
    assert (third.state, third.counts.unchanged) == ("nothing_new", 10)


def test_its_rows_are_counted_beside_raw_and_what_the_stream_still_tells(source: Source, warehouse: Any, load: Load) -> None:
    def counted() -> tuple[str, Counted]:
        (found,) = reconcile("shop", "people")
        assert found.counted is not None
        return found.state, found.counted

    source.run("insert into people select g, 'N', g from generate_series(1, 10) g")
    load()
    assert counted() == ("agrees", Counted(source_rows=10, in_flight=0, raw_rows=10, set_aside=0))
    source.run(
        "insert into people values (11, 'N', 1), (12, 'N', 1)",
        "delete from people where person_id in (1, 2, 12)",
        "update people set age = 3 where person_id = 3",
        "create table other (id int)",  # the log goes on behind the last change
    )
    assert counted() == ("agrees", Counted(source_rows=9, in_flight=2, raw_rows=10, set_aside=0, gone_in_flight=3))
    assert load().counts.extracted == 6, "counting takes nothing out of the stream"
    assert counted() == ("agrees", Counted(source_rows=9, in_flight=0, raw_rows=9, set_aside=0))
    with warehouse.connect() as connection:
        connection.execute("delete from raw.shop__people where person_id in (4, 5)")
    state, found = counted()
    assert (state, found.missing, found.surplus) == ("differs", 2, 0)
    source.run("truncate people")
    state, found = counted()
    assert (state, found.missing, found.surplus, found.gone_in_flight) == ("agrees", 0, 0, None), "it does not say whom it ended"


def test_truncate_buries_what_was_there_and_is_gated(source: Source, warehouse: Any, load: Load) -> None:
    source.run("insert into people select g, 'N', g from generate_series(1, 4) g")
    load()
    source.run(
        "insert into people values (5, 'before', 5)",
        "update people set name = 'changed before' where person_id = 2",
        "begin; truncate people; insert into people values (1, 'again', 1), (9, 'new', 9); commit",
        "delete from people where person_id = 9",
    )
    outcome = load()
    assert (outcome.state, outcome.counts.deleted, outcome.counts.updated) == ("published", 3, 1)
    assert assert_equal(source, warehouse) == 1
    # everyone would be buried, which is more than the suite lets pass
    source.run(
        "insert into people select g, 'N', g from generate_series(10, 29) g",
    )
    load()
    source.run("truncate people")
    held = load()
    assert held.state == "held"
    assert held.refusal is not None
    assert held.refusal["failures"][0]["expectation"] == "rows_gone"
    assert warehouse.fetch("select count(*) from raw.shop__people where not _is_deleted") == [(21,)]


def test_a_dry_run_leaves_nothing_behind(source: Source, warehouse: Any, load: Load) -> None:
    source.run("insert into people values (1, 'N', 1)")
    assert load(dry_run=True).state == "checked"
    assert source.fetch("select count(*) from pg_replication_slots where database = current_database()") == [(0,)]
    load()
    source.run("update people set age = 2")
    assert load(dry_run=True).counts.extracted == 1
    assert load().counts.updated == 1
    assert_equal(source, warehouse)


def test_columns_come_and_go_while_changes_are_waiting(source: Source, warehouse: Any, load: Load) -> None:
    source.run("insert into people select g, 'N', g from generate_series(1, 3) g")
    load()
    source.run(
        "update people set age = 5 where person_id = 1",
        "alter table people add column shoe_size integer",
        "update people set shoe_size = 42 where person_id = 2",
    )
    assert load().state == "published"
    assert warehouse.fetch("select age, _extra from raw.shop__people where person_id < 3 order by person_id") == [
        (5, None),
        (2, {"shoe_size": "42"}),
    ]
    source.run("alter table people rename column age to years", "update people set years = 7 where person_id = 3")
    refused = load()
    assert refused.state == "held"
    assert refused.refusal is not None
    assert refused.refusal["failures"][0]["expectation"] == "column_present(age)"
    assert warehouse.fetch("select age from raw.shop__people where person_id = 3") == [(3,)]


def test_a_lost_slot_is_told_and_the_table_is_read_again(source: Source, warehouse: Any, load: Load) -> None:
    source.run("insert into people select g, 'N', g from generate_series(1, 3) g")
    load()
    source.run("delete from people where person_id = 1", "update people set age = 22 where person_id = 2")
    source.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()")
    outcome = load()
    assert (outcome.state, outcome.counts.deleted, outcome.counts.updated) == ("published", 1, 1)
    assert_equal(source, warehouse)
    title = warehouse.fetch("select title from ops.incident where kind = 'stream_restarted' and closed_at is null")[0][0]
    assert "is gone from the source" in title
    source.run("insert into people values (7, 'N', 7)")
    assert load().counts.inserted == 1
    assert warehouse.fetch("select count(*) from ops.incident where kind = 'stream_restarted' and closed_at is null") == [(0,)]
    # asked for: a full refresh begins anew as well, and is no trouble
    source.run("update people set age = 70 where person_id = 7")
    assert load(full_refresh=True).counts.updated == 1
    assert warehouse.fetch("select count(*) from ops.incident where kind = 'stream_restarted' and closed_at is null") == [(0,)]


def test_a_slot_that_fills_the_disk_opens_an_incident(source: Source, warehouse: Any, load: Load, shop_server: Any) -> None:
    source.run("insert into people values (1, 'N', 1)")
    load()
    source.run("create table noise as select g, repeat(md5(g::text), 10) from generate_series(1, 20000) g")
    assert streams.watch() == {"measured": 1, "unreachable": 0}
    opened = warehouse.fetch("select severity, details ->> 'allowed' from ops.incident where kind = 'stream_retains' and closed_at is null")
    assert opened == [("critical", "at most 1 MB")]
    state = warehouse.fetch("select behind_bytes > 5000000, retained_bytes > 5000000 from ops.stream")
    assert state == [(True, True)]
    still_open = "select count(*) from ops.incident where kind = 'stream_retains' and closed_at is null"
    deadline = time.monotonic() + 60
    while warehouse.fetch(still_open) != [(0,)]:  # the server lets go of the log once it notes that nothing older is running any more
        assert time.monotonic() < deadline, "the incident stays open"
        with shop_server.admin() as connection:
            connection.execute("select pg_log_standby_snapshot()")
        load()
        assert streams.watch() == {"measured": 1, "unreachable": 0}
    assert warehouse.fetch("select behind_bytes < 1000000, behind_seconds = 0 from ops.stream") == [(True, True)]


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("alter table people replica identity default", "alter table public.people replica identity full"),
        ("drop publication customer360", "create publication customer360 for table public.people"),
        ("alter publication customer360 drop table people", "alter publication customer360 add table public.people"),
        ("alter publication customer360 set (publish = 'insert')", "alter publication customer360 set (publish ="),
        ("drop table people", "there is no table public.people"),
    ],
)
def test_what_the_source_lacks_is_said_with_its_mending(source: Source, warehouse: Any, load: Load, mistake: str, told: str) -> None:
    source.run(mistake)
    with pytest.raises(SourceDown) as refused:
        load()
    assert told in str(refused.value)


def test_a_copy_of_the_warehouse_takes_a_slot_of_its_own(
    source: Source, warehouse: Any, load: Load, pg_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run("insert into people values (1, 'N', 1)")
    load()
    with pg_server.database(template=warehouse.name, prefix="copy") as copy, monkeypatch.context() as patch:
        patch.setenv("C360_CONN_WAREHOUSE", copy.uri)
        source.run("insert into people values (2, 'N', 2)")
        assert load().counts.inserted == 1
        assert assert_equal(source, copy) == 2
    assert source.fetch("select count(*) from pg_replication_slots where database = current_database()") == [(2,)]
    assert load().counts.inserted == 1, "the first one's stream was not moved by the copy's"


def test_changes_that_commit_while_the_copy_is_made_come_once(source: Source, warehouse: Any, load: Load) -> None:
    """The slot's snapshot is the copy's: a row written in between is in the one or in the other."""
    source.run("insert into people select g, 'N', g from generate_series(1, 100) g")
    written = []

    def write(step: str, rows: int) -> None:
        if step == "land" and not written:
            written.append(1)
            source.run("update people set age = 99 where person_id = 1", "insert into people values (101, 'N', 1)")

    assert load(progress=write).counts.inserted == 100
    assert written
    following = load()
    assert (following.counts.inserted, following.counts.updated) == (1, 1)
    assert_equal(source, warehouse)


def test_a_key_other_than_the_tables_own(source: Source, warehouse: Any, checkout: Path) -> None:
    """Identity full sends whole old rows, so a contract may name any key."""
    (checkout / "contracts" / "shop.yaml").write_text(
        SHOP.replace(
            "name: person_id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true, unique: true,",
            "name: person_id, logicalType: integer, physicalType: bigint,",
        ).replace(
            "name: name, logicalType: string, required: true,",
            "name: name, logicalType: string, primaryKey: true, required: true, unique: true,",
        )
    )
    source.run("insert into people values (1, 'Ada', 1), (2, 'Bob', 2)")
    ingest_object("shop", "people")
    source.run("update people set name = 'Adele' where person_id = 1", "delete from people where person_id = 2")
    ingest_object("shop", "people")
    assert warehouse.fetch("select name, _is_deleted from raw.shop__people order by 1") == [("Ada", True), ("Adele", False), ("Bob", True)]


def test_a_row_in_quarantine_that_the_source_deletes_is_settled(source: Source, warehouse: Any, load: Load) -> None:
    source.run("insert into people values (1, 'N', 1), (2, 'Old', 900)")
    assert load().counts.quarantined == 1
    source.run("delete from people where person_id = 2", "insert into people values (3, 'N', 3)")
    assert load().state == "published"
    assert warehouse.fetch("select state, note from quarantine.row") == [("waived", "the source deleted the record")]


def test_the_source_is_down(source: Source, warehouse: Any, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    source.run("insert into people values (1, 'N', 1)")
    load()
    monkeypatch.setenv("C360_CONN_SHOP", "postgresql://nobody:x@127.0.0.1:1/nothing")
    with pytest.raises(SourceDown):
        load()
    assert streams.watch() == {"measured": 0, "unreachable": 1}
    monkeypatch.setenv("C360_CONN_SHOP", source.uri)
    source.run("update people set age = 3")
    assert load().counts.updated == 1


def test_a_transaction_that_is_open_at_the_source(source: Source, warehouse: Any, load: Load) -> None:
    """Uncommitted changes are not seen; they come whole when they are committed, however old they are then."""
    source.run("insert into people values (1, 'N', 1)")
    load()
    with psycopg.connect(source.uri, options="-c synchronous_commit=on") as open_one:
        open_one.execute("insert into people values (2, 'slow', 2)")
        source.run("insert into people values (3, 'quick', 3)")
        assert load().counts.inserted == 1
        open_one.execute("insert into people values (4, 'slow', 4)")
        assert load().state == "nothing_new"
        open_one.commit()
    assert load().counts.inserted == 2
    assert assert_equal(source, warehouse) == 4
