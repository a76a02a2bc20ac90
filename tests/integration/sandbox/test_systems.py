"""The four systems are what the contracts say, sound in themselves, and the truth knows every record of a person."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from customer360.contracts.reader import load_contracts
from customer360.platform import home
from sandbox import moments, truth
from sandbox.world import World
from tests.integration.sandbox.conftest import CUSTOMERS, Running, query_all

pytestmark = pytest.mark.integration


def events_of(running: Running) -> list[dict[str, Any]]:
    files = sorted((running.layout.web / "events").glob("*.jsonl.gz"))
    return [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")]


def subscribers_of(running: Running) -> list[dict[str, str]]:
    newest = max((running.layout.email / "subscribers").glob("*.csv"))
    with newest.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def record_ids(running: Running) -> Counter[str]:
    """The ids of all records of persons that the systems hold now."""
    found = [f"shop.customers:{row[0]}" for row in running.shop("select customer_id from customers")]
    with running.crm() as client:
        found += [f"crm.contacts:{r['Id']}" for r in query_all(client, "SELECT Id FROM Contact")]
        found += [f"crm.leads:{r['Id']}" for r in query_all(client, "SELECT Id FROM Lead")]
    found += [f"email.subscribers:{row['subscriber_id']}" for row in subscribers_of(running)]
    found += {f"web.events:{e['userId']}" for e in events_of(running) if e["type"] == "identify"}
    with World(running.layout.world, read_only=True) as world:
        persons = "object in ('billing.customers', 'support.users', 'marketing.leads', 'surveys.respondents', 'reviews.reviewers')"
        for name, id_, body in world.connection.execute(f"select object, id, body from document where {persons}"):
            if json.loads(body).get("role") in (None, "end-user"):
                found.append(f"{name.replace('reviewers', 'reviews')}:{id_}")
    return Counter(found)


def test_the_shop_has_the_declared_columns(running: Running) -> None:
    for item in load_contracts()["shop"].objects:
        columns = dict(
            running.shop(
                "select column_name::text, data_type::text from information_schema.columns where table_name = %s", item.source_name
            )
        )
        assert set(columns) == {field.source_name for field in item.fields}, item.name
        kinds = {"string": "text", "boolean": "boolean", "date": "date", "timestamp": "timestamp with time zone", "number": "numeric"}
        for field in item.fields:
            expected = ("integer", "bigint") if field.logical_type == "integer" else (kinds[field.logical_type],)
            assert columns[field.source_name] in expected, f"{item.name}.{field.name}"
        if item.extract.cursor:
            indexed = running.shop(
                "select count(*) from pg_indexes where tablename = %s and indexdef like '%%(updated_at)'", item.source_name
            )
            assert indexed == [(1,)]


def test_the_crm_has_the_declared_fields(running: Running) -> None:
    with running.crm() as client:
        for item in load_contracts()["crm"].objects:
            fields = [field.source_name for field in item.fields]
            records = query_all(client, f"SELECT {', '.join(fields)} FROM {item.source_name} ORDER BY SystemModstamp, Id")
            assert len(records) > 20
            assert all(list(record) == ["attributes", *fields] for record in records)
            empty = [name for name in fields if all(record[name] is None for record in records)]
            assert not empty, f"{item.name}: never filled"


def test_the_events_have_the_declared_fields(running: Running) -> None:
    events = events_of(running)
    assert len(events) > 500
    for field in load_contracts()["web"].objects[0].fields:
        values = []
        for event in events:
            value: Any = event
            for step in field.source_name.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            values.append(value)
        assert any(value is not None for value in values), field.source_name
        if field.required:
            assert all(value is not None for value in values), field.source_name


def test_the_exports_have_the_declared_columns(running: Running) -> None:
    for item in load_contracts()["email"].objects:
        files = sorted((running.layout.email / item.name).glob("*.csv"))
        assert files
        for path in files:
            with path.open(newline="", encoding="utf-8") as handle:
                header, *rows = filter(None, csv.reader(handle))  # a mended file ends in blank lines
            assert header == [field.source_name for field in item.fields]
            assert rows
            assert all(len(row) == len(header) for row in rows)


def test_the_reader_can_select_and_nothing_else(running: Running) -> None:
    with psycopg.connect(home.read_connections()["shop"]) as connection:
        assert connection.execute("show wal_level").fetchone() == ("logical",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update customers set email = null")
    with psycopg.connect(home.read_connections()["shop"]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("create table mine (id int)")


def test_references_are_enforced_by_the_shop(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    number = owner.execute("select count(*) from pg_constraint where contype = 'f' and convalidated").fetchone()
    assert number == (10,)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        owner.execute("update orders set customer_id = -1 where order_id = (select min(order_id) from orders)")
    owner.rollback()


def test_links_between_systems_point_at_records_of_the_same_person(running: Running) -> None:
    person = {row["record_id"]: row["person_id"] for row in truth.read(running.layout.truth)}
    links = running.shop("select customer_id, crm_contact_id from customers where crm_contact_id is not null")
    assert len(links) > 20
    assert all(person[f"shop.customers:{customer}"] == person[f"crm.contacts:{contact}"] for customer, contact in links)
    with running.crm() as client:
        leads = query_all(client, "SELECT Id, ConvertedContactId FROM Lead WHERE ConvertedContactId != null")
        assert len(leads) > 5
        assert all(person[f"crm.leads:{lead['Id']}"] == person[f"crm.contacts:{lead['ConvertedContactId']}"] for lead in leads)
        loyal = query_all(client, "SELECT Id, Loyalty_Id__c FROM Contact WHERE Loyalty_Id__c != null")
    cards = {(c["Loyalty_Id__c"], person[f"crm.contacts:{c['Id']}"]) for c in loyal}
    cards |= {
        (card, person[f"shop.customers:{number}"])
        for number, card in running.shop("select customer_id, loyalty_id from customers where loyalty_id is not null")
    }
    assert len(cards) > 50
    assert len({card for card, _ in cards}) == len(cards), "a card belongs to one person"


def test_events_name_orders_of_the_account_that_placed_them(running: Running) -> None:
    orders = {row[0]: (str(row[1]), float(row[2])) for row in running.shop("select order_id, customer_id, total_amount from orders")}
    completed = [e for e in events_of(running) if e.get("event") == "Order Completed"]
    assert len(completed) > 5
    assert all(orders[e["properties"]["order_id"]] == (e["userId"], e["properties"]["revenue"]) for e in completed)


def test_the_truth_holds_every_record_once_and_no_other(running: Running) -> None:
    rows = truth.read(running.layout.truth)
    held = record_ids(running)
    assert max(held.values()) == 1
    assert Counter(row["record_id"] for row in rows) == held
    persons = {row["person_id"] for row in rows}
    assert len(persons) > CUSTOMERS * 0.9
    several = Counter(row["person_id"] for row in rows)
    assert sum(number > 1 for number in several.values()) > CUSTOMERS / 2
    assert {row["locale"] for row in rows} >= {"de-DE", "en-US", "ja-JP"}


def test_what_shows_nobody_has_a_person_of_its_own(running: Running) -> None:
    nobody = [row for row in truth.read(running.layout.truth) if row["person_id"].startswith("x")]
    assert {"shop.customers"} <= {row["record_id"].split(":")[0] for row in nobody} <= {"shop.customers", "crm.contacts"}
    assert len({row["person_id"] for row in nobody}) == len(nobody)
    assert all(row["household_id"] == "" for row in nobody)


def test_verified_addresses_are_unique_and_look_like_addresses(running: Running) -> None:
    verified = [row[0] for row in running.shop("select email from customers where email_verified")]
    assert len(verified) > 150
    assert len({email.lower() for email in verified}) == len(verified)
    assert all(email.count("@") == 1 and " " not in email for email in verified)


def test_nothing_is_from_the_future(running: Running) -> None:
    with running.world() as world:  # quick advances and mended faults, a moment each, may have put this world a little ahead of the clock
        latest = max(datetime.now(UTC), moments.to_datetime(int(world.read_meta()["now"]))) + timedelta(minutes=1)
    for table in ("customers", "addresses", "products", "carts", "orders", "order_lines", "payments", "shipments", "returns"):
        assert running.shop(f"select count(*) from {table} where updated_at > %s", latest) == [(0,)]
    assert running.shop("select count(*) from customers where updated_at < created_at") == [(0,)]
