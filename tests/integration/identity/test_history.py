"""Random histories of inserts, updates, deletes and decisions: an incremental run ends where a full run would.

Two identities of the same sources are compared: the living one, run after each step incrementally, and what a full run makes of it.
A full run after the incremental one must find nothing to change, edge by edge and customer by customer. Limits are low, so that values
cross them both ways; the full run works in small parts, so that it must find out what belongs together.

HYPOTHESIS_PROFILE=explore takes new histories, C360_HISTORIES of them (default 40).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from customer360.identity.clusters import components
from customer360.identity.clusters import parts as full_run
from customer360.identity.clusters.pieces import pieces, pieces_around
from customer360.identity.settings import IdentifierRule
from customer360.identity.stewardship.decisions import decide, withdraw

FIRST = ["Anna", "Anne", "Bernd", "Carla", "Anna", "Dora", ""]
LAST = ["Schneider", "Maier", "Schnaider", "Weber", "Yilmaz"]
BIRTHS = ["1980-03-04", "1980-04-03", "1992-11-30", "1975-08-21", None]
CITIES = ["Bonn", "Ulm", None]
MAILS = ["family@example.com", "anna@example.com", "b@example.org", "info@example.com", "d@example.net", None, None]
PHONES = ["+4922812345", "+4922812346", "+4973112345", None, None]
ACCOUNTS = range(1, 17)
EXPLORED = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
FIXED = range(4)
SEEDS = random.SystemRandom().sample(range(10**6), int(os.environ.get("C360_HISTORIES", "40"))) if EXPLORED else FIXED


def _rule(**changes: Any) -> IdentifierRule:
    given = {"records": 3, "verified_records": 4, "people": 2, "agreement": "silent", "probability": 0.99, "verified_probability": 0.998}
    return IdentifierRule(**(given | changes))


def _account(dice: random.Random, key: int) -> dict[str, Any]:
    return {
        "customer_id": key, "first_name": dice.choice(FIRST) or None, "last_name": dice.choice(LAST), "birth_date": dice.choice(BIRTHS),
        "email": dice.choice(MAILS), "phone": dice.choice(PHONES), "email_verified": dice.choice([True, False, None]),
        "crm_contact_id": dice.choice([None, None, "c1", "c2", "c3"]), "loyalty_id": dice.choice([None, None, None, "L4711", "L4712"]),
    }  # fmt: skip


def _step(  # noqa: C901  # one branch per kind of happening
    dice: random.Random, sources: Any, identity: Any, known: dict[str, set[Any]], decisions: list[Any]
) -> str:
    """One thing that happens to the sources or at a steward's desk; says what."""
    person = {"first_name": dice.choice(FIRST) or None, "last_name": dice.choice(LAST)}
    choice = dice.random()
    if choice < 0.35:
        key = dice.choice(ACCOUNTS)
        known["shop.customers"].add(key)
        sources.publish("shop.customers", [_account(dice, key)])
    elif choice < 0.5:
        key = dice.choice(["c1", "c2", "c3", "c4", "c5"])
        known["crm.contacts"].add(key)
        row = {"id": key, **person, "birth_date": dice.choice(BIRTHS), "email": dice.choice(MAILS), "mailing_city": dice.choice(CITIES)}
        sources.publish("crm.contacts", [row])
    elif choice < 0.6:
        key = dice.choice(["s1", "s2", "s3", "s4"])
        known["email.subscribers"].add(key)
        sources.publish(
            "email.subscribers", [{"subscriber_id": key, "email": dice.choice(MAILS[:5]), "double_opt_in": dice.choice([True, None])}]
        )
    elif choice < 0.65:
        sources.publish(
            "shop.addresses", [{"address_id": dice.randrange(1, 5), "customer_id": dice.choice(ACCOUNTS), "city": dice.choice(CITIES)}]
        )
    elif choice < 0.7:
        row = {"message_id": f"m{dice.randrange(6)}", "type": dice.choice(["identify", "page"]), "user_id": str(dice.choice(ACCOUNTS))}
        sources.publish("web.events", [{**row, "traits_email": dice.choice(MAILS)}])
    elif choice < 0.78:
        name = dice.choice([name for name, keys in known.items() if keys] or ["shop.customers"])
        if known[name]:
            key = known[name].pop()
            sources.publish(name, delete=[{sources.objects[name].key[0]: key}])
    elif choice < 0.93:
        records = [record for (record,) in identity.fetch("select record_id from identity.record order by 1")]
        if len(records) > 1:
            left, right = dice.sample(records, 2)
            verdict = dice.choice(["must_link", "cannot_link"])
            decisions.append(decide(identity.connection, left, right, verdict=verdict, decided_by="test"))
            identity.connection.commit()
            return verdict
    elif decisions:
        withdraw(identity.connection, decisions.pop(dice.randrange(len(decisions))), withdrawn_by="test")
        identity.connection.commit()
        return "withdrawn"
    return "source"


@pytest.mark.parametrize("seed", [*SEEDS[:2], *(pytest.param(seed, marks=pytest.mark.broad) for seed in SEEDS[2:])])
def test_incremental_runs_end_where_a_full_run_does(seed: int, sources: Any, identity: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_run, "RECORDS_AT_ONCE", 5)
    if seed % 2:  # components that are taken apart for their size
        monkeypatch.setattr(full_run, "LARGEST_PIECE", 3)
        monkeypatch.setattr(full_run, "pieces", partial(pieces, largest=3))
        monkeypatch.setattr(components, "pieces_around", partial(pieces_around, largest=3))
    identity.with_settings(identifiers={"email": _rule(), "phone": _rule(agreement="full_name"), "external_id": _rule()})
    dice = random.Random(seed)
    known: dict[str, set[Any]] = {name: set() for name in ("shop.customers", "crm.contacts", "email.subscribers")}
    decisions: list[Any] = []
    happened: Counter[str] = Counter()
    asked: set[str] = set()
    refused: set[Any] = set()
    most_customers = 0
    for _ in range(24):
        for _ in range(dice.randrange(1, 5)):
            happened[_step(dice, sources, identity, known, decisions)] += 1
        outcome = identity.resolve()
        assert outcome.state != "refused"
        edges, customers, questions, refusals = _edges(identity), identity.customers(), _questions(identity), _refusals(identity)
        again = identity.resolve(full=True)
        assert _edges(identity) == edges
        assert identity.customers() == customers
        assert _questions(identity) == questions
        assert _refusals(identity) == refusals
        assert again.state == "nothing_new", again.counts
        _invariants(identity)
        asked |= {question[2] for question in questions}
        happened["limit crossed"] += len(refusals - refused)
        happened["limit kept again"] += len(refused - refusals)
        refused, most_customers = refusals, max(most_customers, len(customers))
    if seed in FIXED:  # what these histories are known to hold
        kinds = {kind for (kind,) in identity.fetch("select distinct kind from identity.event")}
        assert {"birth", "merge", "split", "leave", "join"} <= kinds
        assert {"grey_zone", "cut"} <= asked
        assert min(happened[name] for name in ("must_link", "cannot_link", "withdrawn", "limit crossed", "limit kept again")) > 0, happened
        assert most_customers > 5


def _refusals(identity: Any) -> set[Any]:
    return set(identity.fetch("select attribute, value_hash, records, record_limit, reason from identity.identifier_refusal"))


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
