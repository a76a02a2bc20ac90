"""The review portal's webhooks, through the platform's own service, into raw: what raw holds is what the portal holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from customer360.pipeline.ingest import ingest_object
from customer360.platform import home
from customer360.service.webhooks import application
from sandbox import documents, lifecycle
from sandbox.advance import advance
from sandbox.faults import switch
from sandbox.faults.registry import FaultError
from sandbox.reviews import outbox, records
from tests.integration.load.conftest import assert_adds_up
from tests.integration.sandbox.conftest import Running

pytestmark = pytest.mark.integration

REVIEWS = "select review_id, rating::int, text, reviewer_id from raw.reviews__reviews where not _is_deleted"


@contextmanager
def service() -> Iterator[None]:
    """The platform's webhooks service, where the portal sends to."""
    server = uvicorn.Server(uvicorn.Config(application(), host="127.0.0.1", port=home.port("webhooks"), log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(autouse=True)
def platform(running: Running, warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A warehouse of its own; the portal tells everything again."""
    monkeypatch.setenv("C360_CONN_REVIEWS", home.read_connections()["reviews"])
    with running.world() as world:
        world.connection.execute("update delivery set is_taken = 0")
    yield
    switch.switch_off(running.layout, "reviews")


def load() -> Any:
    """Everything that was delivered is in raw."""
    assert lifecycle.wait_told(timeout=30) == 0
    outcome = ingest_object("reviews", "reviews")
    if outcome.state in ("published", "nothing_new"):
        assert_adds_up(outcome.counts)
    return outcome


def standing(running: Running) -> set[tuple[Any, ...]]:
    """What the portal shows."""
    with running.world() as world:
        found = [body for _, _, body in documents.newest_first(world.connection, records.OBJECT, before=None, limit=10_000)]
    return {(b["id"], b["rating"], b["text"] or "", b["reviewer"]["id"]) for b in found if not b["withdrawn"]}


def in_raw(warehouse: Any) -> set[tuple[Any, ...]]:
    """What raw holds, as `standing` puts it."""
    return {(id_, rating, text or "", reviewer) for id_, rating, text, reviewer in warehouse.fetch(REVIEWS)}


def something_happens(running: Running) -> None:
    """Time passes until the portal shows something else: what happens is drawn, and little of it happens there."""
    before = standing(running)
    for _ in range(20):
        advance(changes_wanted=250)
        if standing(running) != before:
            return
    pytest.fail("5,000 changes, and none at the review portal")


def test_what_the_portal_tells_is_in_raw(running: Running, warehouse: Any) -> None:
    with service():
        assert load().counts.inserted >= 20
        assert in_raw(warehouse) == standing(running)
        something_happens(running)
        assert load().state == "published"
    assert in_raw(warehouse) == standing(running)
    something_happens(running)
    with running.world() as world:
        assert outbox.number_waiting(world.connection) > 0, "nobody listens, nothing is lost"
    with service():
        load()
    assert in_raw(warehouse) == standing(running)


def test_faults_show_and_end(running: Running, warehouse: Any) -> None:
    with service():
        load()
        good = standing(running)
        switch.switch_on(running.layout, "reviews", "duplicates", {})
        switch.switch_on(running.layout, "reviews", "poison", {"every": 10})
        outcome = load()
        assert outcome.counts.quarantined > 0
        assert warehouse.fetch("select distinct reasons -> 0 ->> 'reason' from quarantine.row") == [("not a JSON object",)]
        switch.switch_off(running.layout, "reviews")
        load()
        assert in_raw(warehouse) == good

        switch.switch_on(running.layout, "reviews", "garbage_column", {"object": "reviews", "field": "text"})
        load()
        assert sum(text in ("###", "NULL", "#REF!", "undefined") for _, _, text, _ in warehouse.fetch(REVIEWS)) > 20
        switch.switch_off(running.layout, "reviews")
        load()
        assert in_raw(warehouse) == good, "what came last of a moment stands"

        switch.switch_on(running.layout, "reviews", "wrong_signature", {})
        landed = warehouse.fetch("select count(*) from ops.stream_message")
        something_happens(running)
        assert lifecycle.wait_told(timeout=1) > 0
        assert warehouse.fetch("select count(*) from ops.stream_message") == landed, "nothing unsigned comes in"
        switch.switch_off(running.layout, "reviews")
        load()
        assert in_raw(warehouse) == standing(running)
    with pytest.raises(FaultError, match="objects: reviews"):
        switch.switch_on(running.layout, "reviews", "garbage_column", {"object": "stars", "field": "rating"})


def test_a_field_that_is_gone_is_refused(running: Running, warehouse: Any) -> None:
    with service():
        load()
        good = warehouse.fetch(f"{REVIEWS} order by 1")
        switch.switch_on(running.layout, "reviews", "missing_column", {"object": "reviews", "field": "rating"})
        assert load().state == "held", "it is landed and waits: nobody can be asked again"
        assert warehouse.fetch(f"{REVIEWS} order by 1") == good
