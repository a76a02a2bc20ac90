"""Faults of shop, web and mail tool, while time goes on; and what is left when they are over."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from sandbox import lifecycle
from sandbox.advance import advance
from sandbox.faults import switch
from sandbox.faults.registry import FaultError
from tests.integration.sandbox.conftest import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def mended(running: Running) -> Iterator[None]:
    yield
    for system in ("shop", "web", "email"):
        switch.switch_off(running.layout, system)


def test_a_shop_that_is_down_refuses_connections_while_life_goes_on(running: Running) -> None:
    before = running.shop("select count(*) from orders")[0][0]
    switch.switch_on(running.layout, "shop", "connection_refused", {})
    with pytest.raises(psycopg.OperationalError, match="refused"):
        running.shop("select 1")
    advance(changes_wanted=30)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        running.shop("select 1")
    assert lifecycle.start().running, "a start does not mend what was broken on purpose"
    with pytest.raises(psycopg.OperationalError, match="refused"):
        running.shop("select 1")
    switch.switch_off(running.layout, "shop", "connection_refused")
    assert running.shop("select count(*) from orders")[0][0] > before


def test_a_dropped_column_comes_back_with_its_values(running: Running) -> None:
    query = "select customer_id, loyalty_id from customers order by 1"
    before = dict(running.shop(query))
    assert sum(value is not None for value in before.values()) > 20
    switch.switch_on(running.layout, "shop", "missing_column", {"object": "customers", "field": "loyalty_id"})
    with pytest.raises(psycopg.errors.UndefinedColumn):
        running.shop(query)
    advance(changes_wanted=20)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        running.shop(query)
    switch.switch_off(running.layout, "shop")
    after = dict(running.shop(query))
    assert {number: after[number] for number in before} == before


def test_a_renamed_column(running: Running) -> None:
    switch.switch_on(running.layout, "shop", "renamed_column", {"object": "orders", "field": "status", "to": "state"})
    assert running.shop("select count(state) from orders")[0][0] > 0
    advance(changes_wanted=5)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        running.shop("select status from orders")
    switch.switch_off(running.layout, "shop", "renamed_column")
    assert running.shop("select count(status) from orders")[0][0] > 0


@pytest.mark.parametrize(
    "table", ["customers", "addresses", "products", "carts", "orders", "order_lines", "payments", "shipments", "returns"]
)
def test_malformed_rows_of_every_table_show_as_changed_and_are_mended(running: Running, table: str) -> None:
    query = f"select (to_jsonb(t) - 'updated_at')::text from {table} t order by 1"
    before = running.shop(query)
    times = Counter(running.shop(f"select updated_at from {table}"))
    switch.switch_on(running.layout, "shop", "malformed_rows", {"object": table, "rows": 6})
    spoiled = running.shop(query)
    assert len(set(before) - set(spoiled)) == 6
    moved = (
        Counter(running.shop(f"select updated_at from {table}")) - times
    )  # not "later than all": others let this world run ahead of the clock
    assert moved.total() == 6, "the spoiled rows show as changed"
    switch.switch_off(running.layout, "shop")
    assert running.shop(query) == before


def test_columns_that_hold_the_shop_together_cannot_be_taken(running: Running) -> None:
    for table, field in (("orders", "customer_id"), ("orders", "order_id"), ("orders", "updated_at")):
        with pytest.raises(FaultError, match="holds the shop together"):
            switch.switch_on(running.layout, "shop", "missing_column", {"object": table, "field": field})


def test_truncated_event_files_show_at_once_and_are_replaced_by_whole_ones(running: Running) -> None:
    folder = running.layout.web / "events"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    switch.switch_on(running.layout, "web", "truncated_gz", {})
    at_once = {path.name for path in folder.iterdir()} - set(before)
    assert len(at_once) == 1
    advance(changes_wanted=20)
    new = {path.name: path for path in folder.iterdir() if path.name not in before and not path.name.endswith("again.jsonl.gz")}
    assert len(new) >= 2
    for path in new.values():
        with pytest.raises(EOFError):
            gzip.decompress(path.read_bytes())
    switch.switch_off(running.layout, "web")
    lines = [gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n") for path in new.values()]
    assert all(lines)
    newest_before = before[max(before)]
    resent = folder / next(iter(at_once))
    assert gzip.decompress(resent.read_bytes()) == gzip.decompress(newest_before)
    assert resent.read_bytes() != newest_before, "a reader that takes each content once must see it"
    assert not [path for path in (running.layout.root / "stash").rglob("*") if path.is_file()]


def test_duplicated_event_files(running: Running) -> None:
    switch.switch_on(running.layout, "web", "duplicated_files", {})
    files = [path for path in (running.layout.web / "events").iterdir() if "-copy" in path.name]
    assert len(files) == 1
    assert files[0].read_bytes() == files[0].with_name(files[0].name.replace("-copy", "")).read_bytes()


def test_a_list_without_a_column_and_its_mended_export(running: Running) -> None:
    folder = running.layout.email / "subscribers"
    switch.switch_on(running.layout, "email", "missing_column", {"object": "subscribers", "field": "email"})
    newest = max(folder.glob("*.csv"))
    with newest.open(newline="", encoding="utf-8") as handle:
        broken = list(csv.DictReader(handle))
    assert broken
    assert all("email" not in row for row in broken)
    switch.switch_off(running.layout, "email")
    with newest.open(newline="", encoding="utf-8") as handle:
        mended = list(csv.DictReader(handle))
    assert [row["subscriber_id"] for row in mended] == [row["subscriber_id"] for row in broken]
    assert all("@" in row["email"] for row in mended)
    with pytest.raises(FaultError, match="identifies the rows"):
        switch.switch_on(running.layout, "email", "missing_column", {"object": "subscribers", "field": "subscriber_id"})


def test_a_fault_shows_in_the_newest_file_although_the_world_ran_ahead_of_the_clock(running: Running) -> None:
    early = datetime.now(UTC) - timedelta(days=30)
    switch.switch_on(running.layout, "email", "missing_column", {"object": "subscribers", "field": "email"}, now=early)
    assert "email" not in max((running.layout.email / "subscribers").glob("*.csv")).read_text(encoding="utf-8").splitlines()[0].split(",")


def test_engagement_can_be_broken_too(running: Running) -> None:
    folder = running.layout.email / "engagement"
    switch.switch_on(running.layout, "email", "malformed_rows", {"object": "engagement", "every": 3})
    with max(folder.glob("*.csv")).open(newline="", encoding="utf-8") as handle:
        kinds = {row["event_type"] for row in csv.DictReader(handle)}
    assert "telepathy" in kinds
