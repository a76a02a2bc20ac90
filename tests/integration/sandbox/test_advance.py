"""Time passes in all systems alike, for everybody who shows in them, and the truth keeps up."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.extract.protocol import ReadRequest, Rows
from customer360.extract.rest import RestReader
from customer360.platform import home
from sandbox import build, changes, documents, moments, truth
from sandbox.advance import advance
from sandbox.layout import Layout
from sandbox.passage import Passage
from sandbox.shop import database, schema
from sandbox.world import World
from tests.integration.sandbox.conftest import NOW, Running
from tests.integration.sandbox.test_systems import record_ids

pytestmark = pytest.mark.integration


def changed_shortly_before(running: Running, moment: datetime) -> set[tuple[Any, ...]]:
    """Versions of rows: table, key, when they changed."""
    found: set[tuple[Any, ...]] = set()
    for table, key in schema.KEYS.items():
        query = f"select '{table}', row({', '.join(key)})::text, updated_at from {table} where updated_at > %s and updated_at <= %s"
        found.update(running.shop(query, moment - timedelta(minutes=9), moment))
    return found


def test_everything_new_lies_between_the_last_advance_and_now(running: Running) -> None:
    with running.world() as world:
        low = moments.to_datetime(world.read_meta()["now"])
    newest = {table: running.shop(f"select max(updated_at) from {table}")[0][0] for table in schema.TABLES}
    already = changed_shortly_before(running, low)
    done = advance(changes_wanted=1_000)  # among which the rare changes are sure to be
    assert low < done.now <= datetime.now(UTC)
    assert sum(done.changes.values()) == 1_000
    assert {"order", "progress_order", "new_household", "move", "deletion", "unsubscription", "correction"} <= set(done.changes)
    changed = 0
    for table in schema.TABLES:
        rows = running.shop(f"select updated_at from {table} where updated_at > %s", newest[table])
        assert all(row[0] <= done.now for row in rows)
        changed += len(rows)
    assert changed > 1_000
    assert changed_shortly_before(running, low) - already, "some rows were committed late"


def test_the_truth_still_holds_every_record_once(running: Running) -> None:
    before = truth.read(running.layout.truth)
    done = advance(changes_wanted=150)
    rows = truth.read(running.layout.truth)
    assert rows[: len(before)] == before, "known records keep their person"
    assert len(rows) == len(before) + done.new_records
    assert done.new_records > 10
    held = record_ids(running)
    assert max(held.values()) == 1
    assert {row["record_id"] for row in rows} == set(held)


def test_deleted_and_unsubscribed_stay_and_say_so(running: Running) -> None:
    def deleted() -> int:
        return int(running.shop("select count(*) from customers where is_deleted")[0][0])

    before = deleted()
    for _ in range(20):  # who deletes an account is drawn, and may have none
        advance(changes_wanted=500)
        if deleted() > before:
            break
    assert deleted() > before
    newest = max((running.layout.email / "subscribers").glob("*.csv"))
    with newest.open(newline="", encoding="utf-8") as handle:
        gone = {row["subscriber_id"] for row in csv.DictReader(handle) if row["status"] == "unsubscribed"}
    with max((running.layout.email / "engagement").glob("*.csv")).open(newline="", encoding="utf-8") as handle:
        told = {row["subscriber_id"] for row in csv.DictReader(handle) if row["event_type"] == "unsubscribed"}
    assert told
    assert told <= gone


def test_orders_stay_sound(running: Running) -> None:
    advance(changes_wanted=200)
    wrong = running.shop(
        "select count(*) from orders o join (select order_id, sum(line_amount) lines from order_lines group by 1) l using (order_id) "
        "where subtotal_amount <> lines or total_amount <> subtotal_amount + shipping_amount - discount_amount"
    )
    assert wrong == [(0,)]
    assert running.shop("select count(*) from orders o where not exists (select 1 from order_lines l where l.order_id = o.order_id)") == [
        (0,)
    ]
    assert running.shop("select count(*) from shipments where delivered_at < shipped_at") == [(0,)]
    assert running.shop("select count(*) from orders where updated_at < ordered_at") == [(0,)]


def test_nothing_is_changed_before_it_is_made_nor_after_it_is_gone(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the same record is met in one advance, and though each change is drawn to lie before the last one."""
    drawn = count(1)
    monkeypatch.setattr(Passage, "moment", lambda p: max(p.low + 1, p.now - next(drawn) * ((p.now - p.low) // 10_000)))
    for change in (changes.deletion, changes.correction, changes.new_mail_address, changes.conversion):
        monkeypatch.setitem(changes.FREQUENCIES, change, 30)
    advance(changes_wanted=1_000)
    for table in schema.TABLES:
        if "created_at" in schema.columns(table):
            assert running.shop(f"select count(*) from {table} where updated_at < created_at") == [(0,)], table
    with running.world() as world:
        for name in ("Contact", "Lead"):
            wrong = world.connection.execute(f"select count(*) from {name} where SystemModstamp < CreatedDate").fetchone()
            assert wrong == (0,), name
        told: dict[str, str] = {}
        for _, _, event in documents.newest_first(world.connection, "billing.events", before=None, limit=1_000_000):
            if event["type"].startswith("customer."):
                told.setdefault(event["data"]["object"]["id"], event["type"])
        for id_, last in told.items():
            body = documents.get(world.connection, "billing.customers", id_)
            assert body is not None and bool(body.get("deleted")) == (last == "customer.deleted"), id_
    assert len(told) > 20


@pytest.mark.parametrize("name", ["customers", "invoices", "charges"])
def test_what_billing_listed_and_told_since_is_what_it_lists_now(running: Running, name: str) -> None:
    """Though nothing happened for a while before the list was given out, and what happens next is drawn to lie in that while."""
    contract = load_contracts()["billing"]
    obj = contract.object(name)
    places = [at for at, field in enumerate(obj.fields) if field.name not in (obj.extract.cursor, "is_deleted")]
    cursor, flag = obj.place(str(obj.extract.cursor)), obj.place("is_deleted")

    def told(since: str | None) -> list[tuple[str | None, ...]]:
        reader = RestReader(contract, home.read_connections()["billing"])
        rows = [row for part in reader.read(ReadRequest(object=obj, since=since)) if isinstance(part, Rows) for row in part.rows]
        reader.close()
        return [tuple(row) for row in rows]

    def shown(rows: list[tuple[str | None, ...]]) -> dict[str | None, tuple[str | None, ...]]:
        """What is living, by key; of each the last told of the greatest cursor."""
        last: dict[str | None, tuple[str | None, ...]] = {}
        for row in rows:
            if row[0] not in last or moment(row) >= moment(last[row[0]]):
                last[row[0]] = row
        return {key: tuple(row[at] for at in places) for key, row in last.items() if row[flag] != "true"}

    def moment(row: tuple[str | None, ...]) -> datetime:
        return datetime.fromisoformat(str(row[cursor]))

    before = told(None)
    advance(changes_wanted=600)
    events = told(max(map(moment, before)).isoformat())
    assert len(events) > 10
    assert shown(before + events) == shown(told(None))


def test_late_events_keep_the_time_at_which_they_happened(running: Running) -> None:
    found = 0
    for number in (600, 60, 60):
        done = advance(changes_wanted=number)
        for name in done.files:
            if name.endswith("Z-0000.jsonl.gz"):
                for line in gzip.decompress((running.layout.web / "events" / name).read_bytes()).decode().removesuffix("\n").split("\n"):
                    event = json.loads(line)
                    assert event["receivedAt"] <= moments.iso(moments.to_micros(done.now))
                    found += event["timestamp"][:16] < event["receivedAt"][:16] and event["timestamp"] < moments.iso(
                        moments.to_micros(done.now - timedelta(hours=1))
                    )
    assert found > 0


def test_event_ids_of_the_mail_tool_are_never_given_twice(running: Running) -> None:
    advance(changes_wanted=30)
    seen = set()  # a file that was sent again holds the same events
    for path in (running.layout.email / "engagement").glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as handle:
            seen |= {tuple(row.values()) for row in csv.DictReader(handle)}
    assert len(seen) > 100
    assert len({row[0] for row in seen}) == len(seen)


def test_numbers_that_make_no_sense_are_refused(running: Running) -> None:
    for options in ({"changes_wanted": 0}, {"hours": 0.0}, {"hours": -3.0}, {"changes_wanted": 10**9}):
        with pytest.raises(UserError):
            advance(**options)  # type: ignore[arg-type]


def digest(layout: Layout) -> dict[str, str]:
    """What every system holds, in short."""
    found = {}
    with database.owner(layout) as connection:
        for table in schema.TABLES:
            rows = connection.execute(f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t").fetchone()
            found[table] = str(rows)
    with World(layout.world) as world:
        for name in ("Contact", "Lead", "Account", "subscriber", "person", "record", "in_transit"):
            found[name] = hashlib.sha256(repr(world.connection.execute(f"select * from {name} order by 1").fetchall()).encode()).hexdigest()
    for folder in (layout.web, layout.email, layout.truth.parent):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            found[str(path.relative_to(layout.root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_the_same_seed_and_moments_give_the_same_world(make_home: Callable[[], Any]) -> None:
    worlds = []
    for seed in (11, 11, 12):
        with make_home() as layout:
            build.create(120, seed=seed, now=NOW)
            advance(changes_wanted=80, now=NOW + timedelta(hours=2))
            advance(changes_wanted=40, now=NOW + timedelta(hours=3), seed=5)
            worlds.append(digest(layout))
    assert len(worlds[0]) > 30
    assert worlds[0] == worlds[1]
    assert worlds[0]["customers"] != worlds[2]["customers"]


def test_an_existing_world_is_left_alone_unless_a_fresh_one_is_wanted(make_home: Callable[[], Any]) -> None:
    with make_home() as layout:
        first = build.create(60, seed=3, now=NOW)
        assert first.fresh
        advance(changes_wanted=10, now=NOW + timedelta(hours=1))
        held = digest(layout)
        again = build.create(999, seed=4, now=NOW)
        assert (again.fresh, again.customers, again.seed) == (False, 60, 3)
        assert digest(layout) == held
        renewed = build.create(60, seed=3, now=NOW, fresh=True)
        assert renewed.rows == first.rows
        assert digest(layout) != held


def test_a_world_made_half_is_made_anew(make_home: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with make_home() as layout:
        with monkeypatch.context() as patch:
            patch.setattr(truth, "write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
            with pytest.raises(OSError, match="disk full"):
                build.create(60, seed=3, now=NOW)
        assert not build.exists(layout)
        assert build.create(60, seed=3, now=NOW).fresh
        with database.owner(layout) as connection:
            assert isinstance(connection, psycopg.Connection)
            assert connection.execute("select count(*) from customers").fetchone() != (0,)
        assert Path(layout.truth).exists()
