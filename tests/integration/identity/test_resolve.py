"""One run after the other over raw rows: who is joined, who is not, and what is written."""

from __future__ import annotations

from typing import Any

ANNA = {"first_name": "Anna", "last_name": "Schneider", "birth_date": "1980-03-04"}


def test_declared_links_exact_identifiers_and_scores_join_one_person(sources: Any, identity: Any) -> None:
    sources.publish("crm.contacts", [{"id": "003A", **ANNA, "email": "anna@example.com"}])
    sources.publish("shop.customers", [{"customer_id": 1, **ANNA, "email": "a.schneider@example.org", "crm_contact_id": "003A"}])
    sources.publish("shop.customers", [{"customer_id": 2, "first_name": "Bernd", "last_name": "Maier", "email": "bernd@example.com"}])
    sources.publish("email.subscribers", [{"subscriber_id": "s1", "email": "Anna@Example.com"}])
    sources.publish("crm.leads", [{"id": "00QB", "first_name": "Anna", "last_name": "Schneider", "city": "Bonn"}])
    sources.publish("web.events", [{"message_id": "m1", "type": "identify", "user_id": "1", "traits_first_name": "Anna"}])

    outcome = identity.resolve()

    assert outcome.state == "resolved"
    assert identity.partition() == {
        frozenset({"crm.contacts:003A", "shop.customers:1", "email.subscribers:s1", "web.events:1"}),
        frozenset({"shop.customers:2"}),
        frozenset({"crm.leads:00QB"}),
    }
    kinds = identity.fetch("select kind, rule from identity.edge order by 1, 2")
    assert ("declared", "shop.customers.crm_contact_id") in kinds
    assert ("declared", "web.events.user_id") in kinds
    assert ("exact", "email") in kinds
    assert ("probabilistic", "model") in kinds


def test_a_second_run_changes_nothing(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [{"customer_id": 1, **ANNA, "email": "a@example.com"}, {"customer_id": 2, "email": "a@example.com"}])
    identity.resolve()
    before = _everything(identity)

    assert identity.resolve().state == "nothing_new"
    assert identity.resolve(full=True).state == "nothing_new"
    assert _everything(identity) == before


def _everything(identity: Any) -> dict[str, list[Any]]:
    tables = (
        "run",
        "record",
        "record_attribute",
        "record_link",
        "edge",
        "identifier_refusal",
        "customer",
        "membership",
        "alias",
        "event",
        "change",
        "review_item",
        "steward_action",
    )
    return {name: sorted(identity.fetch(f"select t.xmin::text, t::text from identity.{name} t")) for name in tables}
