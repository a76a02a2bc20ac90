"""Random histories of inserts, updates, deletes and decisions: an incremental run ends where a full run would.

Two identities of the same sources are compared: the living one, run after each step incrementally, and what a full run makes of it.
A full run after the incremental one must find nothing to change, edge by edge and customer by customer.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from customer360.identity import components
from customer360.identity.decisions import decide, withdraw
from customer360.identity.pieces import pieces, pieces_around
from customer360.identity.settings import IdentifierRule

FIRST = ["Anna", "Anne", "Bernd", "Carla", "Anna", ""]
LAST = ["Schneider", "Maier", "Schnaider"]
BIRTHS = ["1980-03-04", "1980-04-03", "1992-11-30", None]
CITIES = ["Bonn", "Ulm", None]
MAILS = ["family@example.com", "anna@example.com", "b@example.org", "info@example.com", None, None]
PHONES = ["+4922812345", "+4922812346", None, None]


def _rule(**changes: Any) -> IdentifierRule:
    given = {"records": 3, "verified_records": 4, "people": 2, "agreement": "silent", "probability": 0.99, "verified_probability": 0.998}
    return IdentifierRule(**(given | changes))


def _step(  # noqa: C901  # one branch per kind of happening
    dice: random.Random, sources: Any, identity: Any, known: dict[str, set[Any]], decisions: list[Any]
) -> None:
    """One thing that happens to the sources or at a steward's desk."""
    person = {"first_name": dice.choice(FIRST) or None, "last_name": dice.choice(LAST)}
    choice = dice.random()
    if choice < 0.35:
        key = dice.randrange(1, 9)
        known["shop.customers"].add(key)
        row = {
            "customer_id": key, **person, "birth_date": dice.choice(BIRTHS), "email": dice.choice(MAILS), "phone": dice.choice(PHONES),
            "email_verified": dice.choice([True, False, None]), "crm_contact_id": dice.choice([None, None, "c1", "c2"]),
        }  # fmt: skip
        sources.publish("shop.customers", [row])
    elif choice < 0.55:
        key = dice.choice(["c1", "c2", "c3", "c4"])
        known["crm.contacts"].add(key)
        row = {"id": key, **person, "birth_date": dice.choice(BIRTHS), "email": dice.choice(MAILS), "mailing_city": dice.choice(CITIES)}
        sources.publish("crm.contacts", [row])
    elif choice < 0.65:
        key = dice.choice(["s1", "s2", "s3"])
        known["email.subscribers"].add(key)
        sources.publish(
            "email.subscribers", [{"subscriber_id": key, "email": dice.choice(MAILS[:4]), "double_opt_in": dice.choice([True, None])}]
        )
    elif choice < 0.7:
        sources.publish(
            "shop.addresses", [{"address_id": dice.randrange(1, 5), "customer_id": dice.randrange(1, 9), "city": dice.choice(CITIES)}]
        )
    elif choice < 0.75:
        number = dice.randrange(1, 9)
        row = {"message_id": f"m{dice.randrange(6)}", "type": dice.choice(["identify", "page"]), "user_id": str(number)}
        sources.publish("web.events", [{**row, "traits_email": dice.choice(MAILS)}])
    elif choice < 0.88:
        name = dice.choice([name for name, keys in known.items() if keys] or ["shop.customers"])
        if known[name]:
            key = known[name].pop()
            sources.publish(name, delete=[{sources.objects[name].key[0]: key}])
    elif choice < 0.96:
        records = [record for (record,) in identity.fetch("select record_id from identity.record order by 1")]
        if len(records) > 1:
            left, right = dice.sample(records, 2)
            decisions.append(decide(identity.connection, left, right, verdict=dice.choice(["must_link", "cannot_link"]), decided_by="test"))
            identity.connection.commit()
    elif decisions:
        withdraw(identity.connection, decisions.pop(dice.randrange(len(decisions))), withdrawn_by="test")
        identity.connection.commit()


@pytest.mark.parametrize("seed", range(4))
def test_incremental_runs_end_where_a_full_run_does(seed: int, sources: Any, identity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:  # components that are taken apart for their size
        monkeypatch.setattr(components, "pieces", partial(pieces, largest=3))
        monkeypatch.setattr(components, "pieces_around", partial(pieces_around, largest=3))
    identity.with_settings(identifiers={"email": _rule(), "phone": _rule(agreement="full_name"), "external_id": _rule()})
    dice = random.Random(seed)
    known: dict[str, set[Any]] = {name: set() for name in ("shop.customers", "crm.contacts", "email.subscribers")}
    decisions: list[Any] = []
    kinds: set[str] = set()
    asked: set[str] = set()
    for _ in range(24):
        for _ in range(dice.randrange(1, 5)):
            _step(dice, sources, identity, known, decisions)
        outcome = identity.resolve()
        assert outcome.state != "refused"
        edges, customers, questions = _edges(identity), identity.customers(), _questions(identity)
        again = identity.resolve(full=True)
        assert _edges(identity) == edges
        assert identity.customers() == customers
        assert _questions(identity) == questions
        asked |= {question[2] for question in questions}
        assert again.state == "nothing_new", again.counts
        _invariants(identity)
        kinds |= {kind for (kind,) in identity.fetch("select distinct kind from identity.event")}
    assert {"birth", "merge", "split", "leave"} <= kinds
    assert {"grey_zone", "cut"} <= asked


def _edges(identity: Any) -> list[Any]:
    return identity.fetch("select record_id_l, record_id_r, kind, rule, identifier, probability from identity.edge order by 1, 2, 3, 4, 5")


def _questions(identity: Any) -> list[Any]:
    """What stewards are asked, reopened decisions with it."""
    return identity.fetch(
        "select record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability, pairs, records_at_stake, records_concerned "
        "from identity.review_item "
        "union all select d.record_id_l, d.record_id_r, 'reopened', null, null, null, null, null, null "
        "from identity.decision_reopening join identity.decision d using (decision_id) order by 1, 2, 3"
    )


def _invariants(identity: Any) -> None:
    assert not identity.fetch(
        "select record_id from identity.record r where is_deleted = exists "
        "(select from identity.membership m where m.record_id = r.record_id and valid_to is null)"
    ), "every living record has one customer, no deleted one has any"
    assert not identity.fetch(
        "select customer_id from identity.customer c where (retired_at is null) <> exists "
        "(select from identity.membership m where m.customer_id = c.customer_id and valid_to is null)"
    ), "living customers have records, retired ones none"
    assert not identity.fetch(
        "select alias_id from identity.alias a join identity.customer c on c.customer_id = a.customer_id "
        "join identity.customer old on old.customer_id = a.alias_id where c.retired_at is not null or old.retired_at is null"
    ), "aliases are retired ids that mean living customers"
    assert not identity.fetch(
        "select d.decision_id from identity.decision d join identity.membership l on l.record_id = d.record_id_l and l.valid_to is null "
        "join identity.membership r on r.record_id = d.record_id_r and r.valid_to is null "
        "where d.verdict = 'cannot_link' and d.withdrawn_at is null and l.customer_id = r.customer_id"
    ), "cannot-link beats everything"
