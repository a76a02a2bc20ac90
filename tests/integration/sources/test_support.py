"""Support → raw by the real contract over HTTP: incremental cursor exports that end, break off and go on."""

from __future__ import annotations

import pytest

from tests.integration.sources.conftest import Pipeline
from tests.integration.sources.services import START, Services, ticket, user

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.support.api._LARGEST_PAGE", 50)


def test_exports_end_where_they_say_and_go_on_from_there(pipeline: Pipeline, services: Services) -> None:
    services.add("support.users", map(user, range(1, 121)))
    services.add("support.tickets", map(ticket, range(1, 131)))
    assert pipeline.load("support.users").counts.published == 120
    assert pipeline.load("support.tickets").counts.published == 130
    assert len(services.requests) == 6, "the last page has a link too, which is not followed"
    assert pipeline.complaints() == [] and pipeline.quarantine() == []
    services.requests.clear()
    rated = {"status": "solved", "satisfaction_rating": {"score": "bad", "reason": "Slow"}, "generated_timestamp": START + 5000}
    services.change("support.tickets", ticket(5, **rated))
    services.add("support.tickets", [ticket(500, generated_timestamp=START + 5001)])
    outcome = pipeline.load("support.tickets")
    assert f"start_time={START + 130 - 15 * 60}" in services.requests[0], "watermark less lookback, in seconds"
    assert outcome.counts.published == 2 and outcome.counts.unchanged == 129
    assert pipeline.warehouse.fetch("select satisfaction_score, satisfaction_reason, tags from raw.support__tickets where id = 5") == [
        ("bad", "Slow", ["delivery"])
    ]
    assert pipeline.load("support.tickets").state == "nothing_new"


def test_a_cursor_that_expires_is_taken_up_where_it_was(pipeline: Pipeline, services: Services) -> None:
    services.add("support.tickets", map(ticket, range(1, 301)))
    services.fault("support", "expired_cursors", every=3)
    outcome = pipeline.load("support.tickets")
    assert outcome.counts.published == 300 and pipeline.raw("support.tickets") == [(300,)]
    starts = [request for request in services.requests if "start_time" in request]
    assert len(starts) > 1 and f"start_time={START + 1}" not in starts[1] and "start_time=0" not in starts[1], "not from the beginning"
    assert outcome.counts.extracted == 300 + outcome.counts.superseded


def test_agents_are_kept_and_are_no_customers(pipeline: Pipeline, services: Services) -> None:
    services.add("support.users", [user(1), user(2, role="agent"), user(3, role="friend")])
    outcome = pipeline.load("support.users")
    assert (outcome.counts.published, outcome.counts.quarantined) == (2, 1)
    from customer360.contracts.reader import load_contracts

    entity = load_contracts()["support"].object("users").entity
    assert entity is not None and entity.where == {"role": "end-user"}
