"""Customer ids outlive full runs, training on the same records, and sources that know nobody we know."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.identity.records.sources import record_sources
from customer360.pipeline import models
from customer360.warehouse import tables

CLUB = """
apiVersion: v3.1.0
kind: DataContract
id: club
name: Chess club
version: 1.0.0
status: active
team: {name: club, members: [{username: club@example.com, role: owner}]}
servers: [{server: club, type: local, path: "**/*.csv", format: csv}]
slaProperties:
  - {property: schedule, value: "0 5 * * *", scheduler: cron}
  - {property: freshness, value: 48, unit: h}
roles: [{role: c360_transformer, access: read}, {role: c360_privacy, access: read}]
schema:
  - name: members
    logicalType: object
    dataGranularityDescription: one row per member
    customProperties:
      - {property: entity, value: {kind: person}}
      - {property: extract, value: {cursor: updated_at, files: "*.csv", format: csv}}
    properties:
      - {name: member_id, logicalType: string, primaryKey: true, required: true, unique: true, classification: internal}
      - {name: name, logicalType: string, semanticType: full_name, classification: personal.name}
      - {name: email, logicalType: string, semanticType: email, classification: personal.contact}
      - {name: birth_date, logicalType: date, semanticType: birth_date, classification: personal.birth}
      - {name: updated_at, logicalType: timestamp, required: true, classification: internal}
"""
FIRST = ("Anna", "Bernd", "Clara", "David", "Elif", "Farid")
LAST = ("Schneider", "Maier", "Weber", "Yilmaz", "Haddad")


def _accounts(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Accounts of about half as many people, some of whose records say little."""
    people = [
        {"first_name": dice.choice(FIRST), "last_name": dice.choice(LAST), "birth_date": f"19{50 + n % 50}-0{1 + n % 9}-1{n % 7}"}
        for n in range(count // 2)
    ]
    rows = []
    for number in range(1, count + 1):
        place = dice.randrange(len(people))
        row = {"customer_id": number, **people[place], "email": f"m{place}@example.com"}
        for name in ("birth_date", "email"):
            if dice.random() < 0.3:
                row[name] = None
        rows.append(row)
    return rows


def _told(identity: Any) -> list[Any]:
    """All that is said of customers: ids, members, aliases, events."""
    return [identity.fetch(f"select t::text from identity.{table} t order by 1") for table in ("customer", "membership", "alias", "event")]


@pytest.fixture
def accounts(sources: Any, identity: Any) -> list[dict[str, Any]]:
    """Customers with a past: some were merged, some split, some retired."""
    dice = random.Random(3)
    rows = _accounts(dice, 120)
    sources.publish("shop.customers", rows)
    identity.resolve()
    for row in dice.sample(rows, 30):
        row["email"] = dice.choice(rows)["email"]
    sources.publish("shop.customers", rows)
    identity.resolve()
    sources.publish("shop.customers", delete=[{"customer_id": row["customer_id"]} for row in rows[:5]])
    identity.resolve()
    del rows[:5]
    kinds = {kind for (kind,) in identity.fetch("select distinct kind from identity.event")}
    assert {"merge", "split", "leave"} <= kinds
    assert identity.fetch("select count(*) from identity.alias") > [(0,)]
    return rows


def test_a_full_run_says_nothing_again(identity: Any, accounts: list[dict[str, Any]]) -> None:
    before = _told(identity)
    assert identity.resolve(full=True).state == "nothing_new"
    assert _told(identity) == before


def test_training_again_on_the_same_records_changes_no_id(identity: Any, sources: Any, accounts: list[dict[str, Any]]) -> None:
    identity.rules = replace(identity.rules, model=models.train())
    assert identity.resolve(accept=True).mode == "full"
    before = _told(identity)

    dice = random.Random(5)
    sources.publish("shop.customers", dice.sample(accounts, len(accounts)))  # the same rows, in another order on disk
    identity.resolve()
    again = models.train()
    assert again.version == identity.rules.model_version
    identity.rules = replace(identity.rules, model=again)
    assert identity.resolve(full=True).state == "nothing_new"
    assert _told(identity) == before


def test_a_source_of_strangers_changes_no_id(
    identity: Any, sources: Any, accounts: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers, before = identity.customers(), _told(identity)
    (tmp_path / "club.yaml").write_text(CLUB)
    monkeypatch.setenv("C360_CONTRACTS", str(tmp_path))
    contracts = load_contracts()
    members = contracts["club"].objects[0]
    tables.ensure(sources.connection, members)
    sources.objects = {**sources.objects, members.full_name: members}
    strangers = [
        {"member_id": f"m{n}", "name": f"Zoltán Kovács{n}", "email": f"z{n}@club.example", "birth_date": f"18{60 + n}-05-05"}
        for n in range(12)
    ]
    sources.publish("club.members", strangers)
    identity.rules = replace(identity.rules, sources=record_sources(contracts.values()))

    outcome = identity.resolve()

    assert outcome.mode == "full", "the contracts say something new"
    now = identity.customers()
    assert {customer: now.get(customer) for customer in customers} == customers
    assert len(now) == len(customers) + 12
    for old, new in zip(before, _told(identity), strict=True):
        assert set(old) <= set(new), "nothing that was said is unsaid"
    assert outcome.counts["customers_changed"] == 0
    assert identity.resolve(full=True).state == "nothing_new"
