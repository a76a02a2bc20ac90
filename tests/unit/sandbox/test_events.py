"""Events follow the Segment specification, visits make sense, late ones arrive."""

from __future__ import annotations

import json
from random import Random

from sandbox import moments
from sandbox.web.events import Event, Visitor, anonymous_id, arrived, identified, session, split

NOW = 1_795_000_000 * moments.SECOND
CUSTOMER = Visitor("a-1", 42, "de-DE", "max@postfach.example", 'Max "M"', "Müller")


def visits(number: int, **options: object) -> list[Event]:
    rng = Random(9)
    return [event for _ in range(number) for event in session(CUSTOMER, rng=rng, at=NOW - moments.DAY, products=[7, 8], **options)]  # type: ignore[arg-type]


def test_every_line_is_json_with_the_specified_fields() -> None:
    for received, line in visits(200, logs_in=True):
        event = json.loads(line)
        assert {"messageId", "type", "anonymousId", "context", "timestamp", "sentAt", "receivedAt"} <= set(event)
        assert event["type"] in ("identify", "page", "track")
        assert event["receivedAt"] == moments.iso(received)
        assert event["timestamp"] <= event["sentAt"] <= event["receivedAt"]
        assert event["type"] != "track" or event["event"] in ("Product Viewed", "Product Added")


def test_a_visitor_is_unknown_until_identify_names_the_account() -> None:
    events = [json.loads(line) for _, line in session(CUSTOMER, rng=Random(1), at=NOW, products=[7], logs_in=True)]
    assert events[0]["userId"] is None
    named = next(e for e in events if e["type"] == "identify")
    assert named["userId"] == "42"
    assert named["traits"]["email"] == "max@postfach.example"
    assert all(e["userId"] == "42" for e in events[events.index(named) :])


def test_an_order_ends_in_order_completed_with_its_number_and_revenue() -> None:
    events = [json.loads(line) for _, line in session(CUSTOMER, rng=Random(1), at=NOW, products=[7], order=(500, 12.5))]
    assert events[-1]["event"] == "Order Completed"
    assert events[-1]["properties"] == {"order_id": 500, "revenue": 12.5}


def test_some_messages_come_twice_and_some_hours_late() -> None:
    events = visits(400)
    names = [json.loads(line)["messageId"] for _, line in events]
    assert 0 < len(names) - len(set(names)) < len(names) * 0.02
    assert any(at > NOW - moments.DAY + 3 * moments.HOUR for at, _ in events)


def test_what_is_on_its_way_arrives_later_with_its_own_time() -> None:
    received, on_the_way = split(visits(400), now=NOW - moments.DAY + moments.HOUR)
    assert received
    assert on_the_way
    before, (at, line) = json.loads(on_the_way[0]), arrived(on_the_way[0], NOW)
    assert at == NOW
    assert json.loads(line) == before | {"receivedAt": moments.iso(NOW)}


def test_identified_finds_the_accounts_that_were_named() -> None:
    assert identified(visits(20, logs_in=True)) == {42}
    assert identified(visits(20)) == set()


def test_some_households_share_a_browser() -> None:
    shared = sum(
        anonymous_id(1, customer_id=1, household_id=household) == anonymous_id(1, customer_id=2, household_id=household)
        for household in range(2000)
    )
    assert 40 < shared < 200
    assert anonymous_id(1, customer_id=1, household_id=None) != anonymous_id(1, customer_id=2, household_id=None)
