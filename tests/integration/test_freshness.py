"""Freshness against the ledger of a real warehouse."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customer360.observe import incidents
from customer360.observe.freshness import check
from tests.unit.extract.conftest import declare

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONTRACT = declare({"id": "id"})  # mail.events, fresh within an hour


def loaded(connection: Any, *, state: str = "published", hours_ago: float = 0.5, kind: str = "incremental") -> None:
    at = NOW - timedelta(hours=hours_ago)
    connection.execute(
        "insert into ops.load (system, object, kind, state, started_at, finished_at) values ('mail', 'events', %s, %s, %s, %s)",
        (kind, state, at, at),
    )


def states(connection: Any, now: datetime = NOW) -> list[str]:
    return [entry.state for entry in check(connection, [CONTRACT], now)]


def test_an_object_that_was_never_tried_raises_no_alarm(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        assert states(connection) == ["never_loaded"]
        assert incidents.find(connection) == []


def test_stale_opens_once_and_a_load_closes_it(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        loaded(connection, hours_ago=0.5)
        assert states(connection) == ["fresh"]
        assert states(connection, NOW + timedelta(hours=1)) == states(connection, NOW + timedelta(hours=2)) == ["stale"]
        (incident,) = incidents.find(connection)
        assert (incident.kind, incident.subject, incident.occurrences) == ("stale", "mail.events", 2)
        assert incident.details["observed"] == "2 h 30 min" and incident.details["allowed"] == "1 h"
        assert incident.details["owner_address"] == "team@example.com"
        loaded(connection, hours_ago=-2)
        assert states(connection, NOW + timedelta(hours=2)) == ["fresh"]
        assert incidents.find(connection) == []


@pytest.mark.parametrize("state", ["rejected", "held", "abandoned", "extracting"])
def test_only_a_load_that_ended_well_counts(warehouse: Any, state: str) -> None:
    with warehouse.connect() as connection:
        loaded(connection, hours_ago=3)
        loaded(connection, hours_ago=0.1, state=state)
        assert states(connection) == ["stale"]


def test_a_source_that_never_came_is_as_old_as_its_first_try(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        loaded(connection, hours_ago=0.9, state="rejected")
        assert states(connection) == ["fresh"]
        assert states(connection, NOW + timedelta(hours=1)) == ["stale"]


def test_rows_replayed_by_hand_do_not_make_a_source_fresh(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        loaded(connection, hours_ago=3)
        loaded(connection, hours_ago=0.1, kind="replay")
        assert states(connection) == ["stale"]


def test_an_object_that_left_its_contract_is_forgotten(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        loaded(connection, hours_ago=3)
        check(connection, [CONTRACT], NOW)
        assert len(incidents.find(connection)) == 1
        assert check(connection, [dataclasses.replace(CONTRACT, objects=())], NOW) == []
        assert incidents.find(connection) == []
