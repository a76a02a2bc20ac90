"""Kinds of evidence are kept apart: each is on record, each can be withdrawn, and cannot-link beats them all."""

from __future__ import annotations

from typing import Any

from customer360.identity.stewardship.decisions import decide, withdraw

ANNA = {"first_name": "Anna", "last_name": "Schneider", "birth_date": "1980-03-04"}
BERND = {"first_name": "Bernd", "last_name": "Maier", "birth_date": "1971-12-30"}
ACCOUNT, CONTACT = "shop.customers:1", "crm.contacts:c1"


def _kinds(identity: Any, left: str, right: str) -> set[str]:
    """Kinds of the edges between two records."""
    rows = identity.fetch("select kind from identity.edge where record_id_l = %s and record_id_r = %s", min(left, right), max(left, right))
    return {kind for (kind,) in rows}


def _decided(identity: Any, left: str, right: str, verdict: str) -> Any:
    decision = decide(identity.connection, left, right, verdict=verdict, decided_by="steward")
    identity.connection.commit()
    return decision


def test_each_kind_of_evidence_is_withdrawn_alone_and_the_last_one_splits(sources: Any, identity: Any) -> None:
    shop = {"customer_id": 1, **ANNA, "email": "anna@example.com", "crm_contact_id": "c1"}
    sources.publish("crm.contacts", [{"id": "c1", **ANNA, "email": "anna@example.com"}])
    sources.publish("shop.customers", [shop])
    identity.resolve()
    decision = _decided(identity, ACCOUNT, CONTACT, "must_link")
    identity.resolve()
    assert _kinds(identity, ACCOUNT, CONTACT) == {"declared", "exact", "probabilistic", "decided"}
    (before,) = identity.customers()

    sources.publish("shop.customers", [shop | {"crm_contact_id": None}])
    identity.resolve()
    assert _kinds(identity, ACCOUNT, CONTACT) == {"exact", "probabilistic", "decided"}
    sources.publish("shop.customers", [shop | {"crm_contact_id": None, "email": "other@example.com"}])
    identity.resolve()
    assert _kinds(identity, ACCOUNT, CONTACT) == {"probabilistic", "decided"}
    sources.publish("shop.customers", [shop | BERND | {"crm_contact_id": None, "email": "other@example.com"}])
    identity.resolve()
    assert _kinds(identity, ACCOUNT, CONTACT) == {"decided"}
    assert set(identity.customers()) == {before}, "one kind alone holds them together"

    withdraw(identity.connection, decision, withdrawn_by="steward")
    identity.connection.commit()
    identity.resolve()
    assert _kinds(identity, ACCOUNT, CONTACT) == set()
    assert len(identity.customers()) == 2
    assert identity.resolve(full=True).state == "nothing_new"


def test_cannot_link_beats_a_declared_link_an_identifier_and_the_model(sources: Any, identity: Any) -> None:
    sources.publish("crm.contacts", [{"id": "c1", **ANNA, "email": "anna@example.com"}])
    sources.publish("shop.customers", [{"customer_id": 1, **ANNA, "email": "anna@example.com", "crm_contact_id": "c1"}])
    identity.resolve()
    (together,) = identity.customers()
    apart = _decided(identity, ACCOUNT, CONTACT, "cannot_link")
    identity.resolve()
    assert identity.partition() == {frozenset({ACCOUNT}), frozenset({CONTACT})}
    assert _kinds(identity, ACCOUNT, CONTACT) == {"declared", "exact", "probabilistic"}, "the evidence stays on record"
    assert identity.fetch("select kind from identity.review_item") == [("cut",)]

    withdraw(identity.connection, apart, withdrawn_by="steward")
    identity.connection.commit()
    identity.resolve()
    assert set(identity.customers()) == {together}


def test_cannot_link_holds_against_a_chain_of_other_records(sources: Any, identity: Any) -> None:
    """Two records that are never one, each linked to a third: the third goes to one of them, whatever links it to both."""
    sources.publish("crm.contacts", [{"id": "c1", **ANNA}, {"id": "c2", **ANNA}])
    sources.publish("crm.leads", [{"id": "l1", **{k: v for k, v in ANNA.items() if k != "birth_date"}, "converted_contact_id": "c1"}])
    sources.publish(
        "shop.customers", [{"customer_id": 1, **ANNA, "crm_contact_id": "c1"}, {"customer_id": 2, **ANNA, "crm_contact_id": "c2"}]
    )
    _resolved_apart(identity, "crm.contacts:c1", "crm.contacts:c2")
    _resolved_apart(identity, "shop.customers:1", "shop.customers:2")
    assert {frozenset({"crm.contacts:c1", "shop.customers:1", "crm.leads:l1"}), frozenset({"crm.contacts:c2", "shop.customers:2"})} == (
        identity.partition()
    )
    assert identity.resolve(full=True).state == "nothing_new"


def _resolved_apart(identity: Any, left: str, right: str) -> None:
    identity.resolve()
    _decided(identity, left, right, "cannot_link")
    identity.resolve()
    assert identity.customer_of(left) != identity.customer_of(right)


def test_where_a_choice_must_be_made_a_steward_is_believed_before_a_source(sources: Any, identity: Any) -> None:
    """The contact is linked by a source to one account and by a steward to the other; a steward says too that the accounts are two people."""
    sources.publish("crm.contacts", [{"id": "c1", **BERND}])
    sources.publish("shop.customers", [{"customer_id": 1, **ANNA, "crm_contact_id": "c1"}, {"customer_id": 2, "first_name": "Bernd"}])
    identity.resolve()
    assert identity.customer_of(CONTACT) == identity.customer_of(ACCOUNT)
    _decided(identity, ACCOUNT, "shop.customers:2", "cannot_link")
    _decided(identity, CONTACT, "shop.customers:2", "must_link")
    identity.resolve()
    assert identity.partition() == {frozenset({ACCOUNT}), frozenset({CONTACT, "shop.customers:2"})}
    assert identity.resolve(full=True).state == "nothing_new"


def test_a_value_crosses_its_limit_both_ways_and_the_ids_come_back(sources: Any, identity: Any) -> None:
    rule = identity.rules.settings.identifiers["email"].model_copy(update={"records": 3, "verified_records": 3})
    identity.with_settings(identifiers={"email": rule})
    names = [{"first_name": "Anna", "last_name": "Schneider"}, {"first_name": "Anna"}, {"last_name": "Schneider"}]
    sources.publish("shop.customers", [{"customer_id": n, **name, "email": f"own{n}@example.com"} for n, name in enumerate(names)])
    identity.resolve()
    own = [identity.customer_of(f"shop.customers:{n}") for n in range(3)]
    assert len(set(own)) == 3

    shared = [{"customer_id": n, **name, "email": "all@example.com"} for n, name in enumerate(names)]
    sources.publish("shop.customers", shared)
    identity.resolve()
    (together,) = identity.customers()
    retired = set(own) - {together}
    assert set(identity.fetch("select alias_id, customer_id from identity.alias")) == {(one, together) for one in retired}

    sources.publish("email.subscribers", [{"subscriber_id": "s1", "email": "all@example.com"}])
    identity.resolve()
    assert [identity.customer_of(f"shop.customers:{n}") for n in range(3)] == own, "each has the id it had before they were joined"
    assert identity.fetch("select attribute, records, record_limit, reason from identity.identifier_refusal") == [
        ("email", 4, 3, "too_many_records")
    ]
    assert identity.fetch("select count(*) from identity.edge where kind = 'exact'") == [(0,)]
    assert identity.fetch("select count(*) from identity.alias") == [(0,)]

    sources.publish("email.subscribers", delete=[{"subscriber_id": "s1"}])
    identity.resolve()
    assert set(identity.customers()) == {together}
    assert set(identity.fetch("select alias_id, customer_id from identity.alias")) == {(one, together) for one in retired}
    assert identity.fetch("select count(*) from identity.identifier_refusal") == [(0,)]
    assert identity.resolve(full=True).state == "nothing_new"


def test_a_name_in_characters_does_not_contradict_one_in_letters(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [{"customer_id": 1, "first_name": "里佳", "last_name": "星野", "email": "rika@example.com"}])
    sources.publish("crm.contacts", [{"id": "c1", "first_name": "Rika", "last_name": "Hoshino", "email": "rika@example.com"}])
    identity.resolve()
    assert identity.partition() == {frozenset({ACCOUNT, CONTACT})}
    assert identity.fetch("select evidence ->> 'agreement' from identity.edge where kind = 'exact'") == [("silent",)]
