"""Any history of a source, loaded in any pieces, ends where loading its last state at once ends; and every load adds up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.extract import protocol
from customer360.load import convert, diff, landing, ledger, publish, quarantine
from customer360.pipeline.ingest import resolve_object
from customer360.warehouse import connections, tables
from customer360.warehouse.roles import Role
from tests.integration.load.conftest import assert_adds_up

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, tzinfo=UTC)
Version = tuple[int, int | None, bool, int]  # key, value, deleted, minute of the cursor

versions = st.tuples(st.integers(1, 6), st.none() | st.integers(0, 3), st.booleans(), st.integers(0, 8))
histories = st.lists(st.lists(versions | st.just("bad") | st.just("gone 1"), max_size=12), min_size=1, max_size=6)


def as_row(version: Version) -> protocol.Row:
    key, value, deleted, minute = version
    return (
        str(key),
        "x",
        None if value is None else str(value),
        None,
        None,
        str(deleted).lower(),
        (START + timedelta(minutes=minute)).isoformat(),
        None,
    )


def expected(history: list[list[Any]]) -> dict[int, tuple[int | None, bool]]:
    """A model in plain Python: newest cursor wins, then the later one; a told deletion buries whatever is there."""
    state: dict[int, tuple[int, int | None, bool]] = {}
    for load in history:
        tells_deletions = "gone 1" in load
        newest: dict[int, Any] = {}
        for item in load:
            if item == "gone 1":
                newest[1] = "gone"
            elif item != "bad":
                key, _, _, minute = item
                if tells_deletions or key not in newest or newest[key][3] <= minute:
                    newest[key] = item
        for key, item in newest.items():
            if item == "gone":
                if key in state:
                    minute, value, _ = state[key]
                    state[key] = (minute, value, True)
                continue
            _, value, deleted, minute = item
            if key not in state or state[key][0] <= minute:
                state[key] = (minute, value, deleted)
    return {key: (value, deleted) for key, (_, value, deleted) in state.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories)
def test_any_history_ends_in_its_newest_versions(history: list[list[Any]], contracts: Any, module_warehouse: Any) -> None:
    _, obj = resolve_object("shop", "people")
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        tables.ensure(connection, obj)
        connection.execute("truncate raw.shop__people, raw_history.shop__people")
        connection.execute("delete from quarantine.row")
        connection.execute("delete from ops.watermark")
        for items in history:
            parts: list[protocol.Part] = []
            for item in items:
                if item == "bad":
                    parts.append(protocol.Reject(raw="{broken", reason="not a JSON object", place="line 1"))
                elif item == "gone 1":
                    parts.append(protocol.Deleted(keys=[("1",)]))
                else:
                    parts.append(protocol.Rows(rows=[as_row(item)]))
            load = ledger.start(connection, obj, kind="incremental")
            load = landing.land(connection, obj, load, parts)
            with connection.transaction():
                convert.convert(connection, obj, load)
                load = diff.diff(connection, obj, load)
                load = ledger.note(connection, load, state="gated", quarantined=quarantine.turn_away(connection, obj, load, {}))
                merged = publish.merge(connection, obj, load, has_rows=True)
                load = publish.publish(connection, obj, load, merged, before_log=lambda: None)
            assert load.counts.extracted == len(items)
            assert_adds_up(load.counts)
        found = connection.execute("select person_id, age, _is_deleted from raw.shop__people").fetchall()
        assert {key: (age, deleted) for key, age, deleted in found} == expected(history)
        rejected = sum(item == "bad" for items in history for item in items)
        assert connection.execute("select count(*) from quarantine.row").fetchone() == (min(rejected, 1),)
