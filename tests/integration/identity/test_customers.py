"""Durable ids over time: merges, splits, revivals, deletes, refusals, decisions, and what is told of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest

from customer360.identity.stewardship.decisions import decide, withdraw
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

ANNA = {"first_name": "Anna", "last_name": "Schneider"}
BERND = {"first_name": "Bernd", "last_name": "Schneider"}


def _shop(number: int, **fields: Any) -> dict[str, Any]:
    return {"customer_id": number, **fields}


def _kinds(identity: Any) -> list[str]:
    """Kinds of the events of the last run, in order."""
    return [
        kind
        for (kind,) in identity.fetch("select kind from identity.event where run_id = (select max(run_id) from identity.run) order by 1")
    ]


def test_a_merge_retires_an_id_into_an_alias_and_the_withdrawn_evidence_revives_it(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **ANNA, email="b@example.com")])
    identity.resolve()
    first, second = identity.customer_of("shop.customers:1"), identity.customer_of("shop.customers:2")
    assert first != second

    sources.publish("shop.customers", [_shop(2, **ANNA, email="a@example.com")])
    identity.resolve()
    (kept,) = identity.customers()
    gone = ({first, second} - {kept}).pop()
    assert identity.fetch("select alias_id, customer_id from identity.alias") == [(gone, kept)]
    assert identity.fetch("select count(*) from identity.customer where retired_at is not null") == [(1,)]
    reason = identity.fetch("select reason from identity.event where kind = 'merge'")[0][0]
    assert reason["edges"][0]["rule"] == "email"
    assert "example.com" not in str(reason)
    changes = identity.fetch("select customer_id, kind from identity.change where run_id = (select max(run_id) from identity.run)")
    assert sorted(changes) == sorted([(kept, "changed"), (gone, "retired")])

    sources.publish("shop.customers", [_shop(2, **ANNA, email="b@example.com")])
    identity.resolve()
    assert {first, second} == set(identity.customers())
    assert identity.customer_of("shop.customers:1") == first
    assert identity.customer_of("shop.customers:2") == second
    assert identity.fetch("select count(*) from identity.alias") == [(0,)]
    assert _kinds(identity) == ["revive", "split"]
    assert identity.fetch("select reason ->> 'because' from identity.event where kind = 'split'") == [("evidence_withdrawn",)]


def test_deleted_records_leave_and_a_customer_without_a_record_retires_and_comes_back(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **BERND, email="b@example.com")])
    identity.resolve()
    anna = identity.customer_of("shop.customers:1")

    sources.publish("shop.customers", delete=[{"customer_id": 1}])
    identity.resolve()
    assert identity.partition() == {frozenset({"shop.customers:2"})}
    assert _kinds(identity) == ["leave", "retire"]
    assert identity.fetch("select count(*) from identity.record_attribute where record_id = 'shop.customers:1'") == [(0,)]

    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com")])
    identity.resolve()
    assert identity.customer_of("shop.customers:1") == anna
    assert _kinds(identity) == ["revive"]


def test_an_identifier_that_crosses_its_limit_splits_by_itself_and_joins_again(sources: Any, identity: Any) -> None:
    rule = identity.rules.settings.identifiers["email"].model_copy(update={"records": 3, "verified_records": 3})
    identity.with_settings(identifiers={**identity.rules.settings.identifiers, "email": rule})
    sources.publish("shop.customers", [_shop(number, **ANNA, email="all@example.com") for number in (1, 2, 3)])
    identity.resolve()
    assert len(identity.customers()) == 1

    sources.publish("crm.contacts", [{"id": "c1", **ANNA, "email": "all@example.com"}])
    identity.resolve()
    assert len(identity.customers()) == 4
    refused = identity.fetch("select attribute, records, record_limit, reason, octet_length(value_hash) from identity.identifier_refusal")
    assert refused == [("email", 4, 3, "too_many_records", 16)]

    sources.publish("crm.contacts", delete=[{"id": "c1"}])
    identity.resolve()
    assert len(identity.customers()) == 1
    assert identity.fetch("select count(*) from identity.identifier_refusal") == [(0,)]


def test_a_family_on_one_verified_mailbox_stays_two_customers(sources: Any, identity: Any) -> None:
    sources.publish(
        "shop.customers", [_shop(1, **ANNA, email="f@example.com", email_verified=True), _shop(2, **BERND, email="f@example.com")]
    )
    sources.publish("crm.contacts", [{"id": "c1", **ANNA, "email": "F@example.com"}])
    sources.publish("email.subscribers", [{"subscriber_id": "s1", "email": "f@example.com"}])
    identity.resolve()
    assert identity.partition() == {
        frozenset({"shop.customers:1", "crm.contacts:c1"}),
        frozenset({"shop.customers:2"}),
        frozenset({"email.subscribers:s1"}),
    }


def test_decisions_beat_evidence_and_can_be_withdrawn(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **ANNA, email="a@example.com"), _shop(3, **BERND)])
    identity.resolve()
    assert len(identity.customers()) == 2

    apart = decide(identity.connection, "shop.customers:2", "shop.customers:1", verdict="cannot_link", decided_by="steward")
    decide(identity.connection, "shop.customers:1", "shop.customers:3", verdict="must_link", decided_by="steward")
    identity.connection.commit()
    identity.resolve()
    assert identity.partition() == {frozenset({"shop.customers:1", "shop.customers:3"}), frozenset({"shop.customers:2"})}
    assert identity.resolve(full=True).state == "nothing_new"

    withdraw(identity.connection, apart, withdrawn_by="steward")
    identity.connection.commit()
    identity.resolve()
    assert len(identity.customers()) == 1
    assert identity.fetch("select count(*) from identity.reexamine") == [(0,)]


def test_a_run_that_breaks_the_gate_changes_nothing_and_opens_one_incident(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com")])
    identity.resolve()
    before = identity.customers()
    gate = identity.rules.settings.gate.model_copy(update={"max_cluster_records": 2})
    identity.with_settings(gate=gate)
    sources.publish("shop.customers", [_shop(number, **ANNA, email="a@example.com") for number in (2, 3)])

    outcome = identity.resolve()
    assert outcome.state == "refused"
    assert [breach.limit for breach in outcome.breaches] == ["max_cluster_records"]
    identity.resolve()
    assert identity.customers() == before
    assert identity.fetch("select count(*) from identity.record") == [(1,)]
    assert identity.fetch("select kind, occurrences, closed_at is null from ops.incident") == [("identity_gate_failed", 2, True)]

    assert identity.resolve(accept=True).state == "resolved"
    assert identity.partition() == {frozenset({"shop.customers:1", "shop.customers:2", "shop.customers:3"})}
    assert identity.fetch("select closed_at is not null from ops.incident") == [(True,)]


def test_a_value_is_dated_from_when_it_last_changed(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com", email_verified=True)])
    sources.publish("shop.customers", [_shop(1, **ANNA, email="b@example.com", email_verified=False)])
    sources.publish("shop.customers", [_shop(1, **ANNA, email="b@example.com", email_verified=False, gender="f")])
    sources.publish("shop.addresses", [{"address_id": 7, "customer_id": 1, "street": "Hauptstr. 5", "city": "Bonn", "country": "DE"}])
    identity.resolve()
    rows = identity.fetch(
        "select attribute, value, is_verified, unit, extract(minute from observed_since)::int from identity.record_attribute order by attribute"
    )
    found = {row[0]: row[1:] for row in rows}
    assert found["first_name"] == ("anna", None, "", 1)
    assert found["email"] == ("b@example.com", False, "", 2)
    assert found["gender"][3] == 3
    assert found["city"] == ("bonn", None, "shop.addresses:7", 4)
    assert {found[name][2] for name in ("street", "city", "country", "house_number")} == {"shop.addresses:7"}


def test_an_address_that_moves_to_another_account_leaves_the_first(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA), _shop(2, **BERND)])
    sources.publish("shop.addresses", [{"address_id": 7, "customer_id": 1, "city": "Bonn"}])
    identity.resolve()
    sources.publish("shop.addresses", [{"address_id": 7, "customer_id": 2, "city": "Bonn"}])
    identity.resolve()
    assert identity.fetch("select record_id from identity.record_attribute where attribute = 'city'") == [("shop.customers:2",)]


def test_changes_that_mean_nothing_for_identity_touch_no_customer(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com", locale="de-DE")])
    identity.resolve()
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com", locale="de-AT")])
    assert identity.resolve().state == "nothing_new"
    offset = identity.fetch("select seq from ops.consumer_offset where consumer = 'identity'")
    assert offset == identity.fetch("select max(seq) from ops.change")


def test_other_rules_make_the_next_run_a_full_one(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, phone="+4922812345678"), _shop(2, **ANNA, phone="+4922812345678")])
    identity.resolve()
    assert len(identity.customers()) == 1
    rule = identity.rules.settings.identifiers["email"]
    identity.with_settings(identifiers={"email": rule})
    outcome = identity.resolve()
    assert outcome.mode == "full"
    assert len(identity.customers()) == 2
    assert identity.resolve().mode == "incremental"


def test_another_limit_of_what_stewards_are_asked_refreshes_the_queue_alone(sources: Any, identity: Any) -> None:
    birth = {"birth_date": "1980-03-04"}
    sources.publish("shop.customers", [_shop(1, **ANNA, **birth), _shop(2, **ANNA, **birth), _shop(3, **BERND)])
    identity.resolve()
    ((weakest,),) = identity.fetch("select min(confidence) from identity.customer")
    assert 0.9 < weakest < 1
    assert identity.fetch("select count(*) from identity.review_item") == [(0,)]

    identity.with_settings(review=identity.rules.settings.review.model_copy(update={"weak_link_below": 1.0}))
    outcome = identity.resolve()
    assert (outcome.mode, outcome.counts["records_examined"], outcome.counts["customers_changed"]) == ("incremental", 0, 0)
    assert identity.fetch("select kind from identity.review_item") == [("weak_link",)]
    assert identity.resolve().state == "nothing_new"
    assert identity.resolve(full=True).state == "nothing_new"


@pytest.mark.parametrize("moment", [0.0, 0.4, 0.9, 1.4])
def test_a_killed_run_leaves_what_was_and_the_next_does_it_all(moment: float, sources: Any, identity: Any, warehouse: Any) -> None:
    sources.publish("shop.customers", [_shop(number, **ANNA, email=f"a{number // 2}@example.com") for number in range(2, 42)])
    script = (
        "import sys\n"
        "from customer360.pipeline import resolve\n"
        "sys.path.insert(0, 'tests/integration')\n"
        "from conftest import small_model\n"
        "from dataclasses import replace\n"
        "resolve.Model.load = classmethod(lambda cls, path: small_model())\n"
        "rules = resolve.read_rules()\n"
        "print('ready', flush=True)\n"
        "resolve.resolve(rules=rules)\n"
        "print('done', flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(moment)  # kills at different steps; whichever it is, the end must be the same
    child.send_signal(signal.SIGKILL)
    child.wait()
    identity.resolve()
    assert len(identity.customers()) == 20
    assert identity.fetch("select count(*), count(distinct record_id) from identity.membership") == [(40, 40)]
    assert identity.fetch("select count(*) from identity.event where kind = 'birth'") == [(20,)]
    assert identity.resolve(full=True).state == "nothing_new"


def test_a_steward_may_decide_and_an_analyst_may_not(sources: Any, identity: Any, warehouse: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **ANNA, email="b@example.com")])
    identity.resolve()
    with connect(role=Role.STEWARD) as connection:
        decide(connection, "shop.customers:1", "shop.customers:2", verdict="must_link", decided_by="steward")
    identity.resolve()
    assert len(identity.customers()) == 1
    with connect(role=Role.ANALYST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        decide(connection, "shop.customers:1", "shop.customers:2", verdict="cannot_link", decided_by="analyst")
