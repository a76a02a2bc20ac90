"""Maintenance removes what nobody needs, and nothing else: each case has a row that must go and a neighbour that must stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.pipeline import maintenance
from customer360.warehouse import tables

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


@pytest.fixture
def connection(warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("C360_ARCHIVE_URL", "off")  # with one, history waits until it is archived: see load/test_backfill.py
    with warehouse.connect() as opened:
        tables.ensure(opened, load_contracts()["shop"].object("products"))
        yield opened


def load(connection: Any, state: str, *, days_ago: int) -> int:
    return int(
        connection.execute(
            "insert into ops.load (system, object, kind, state, finished_at) values ('shop', 'products', 'incremental', %s, now() - %s * interval '1 day')"
            " returning load_id",
            (state, days_ago),
        ).fetchone()[0]
    )


def test_landed_rows_go_when_their_load_has_long_ended(connection: Any) -> None:
    old, recent, held = (
        load(connection, "rejected", days_ago=9),
        load(connection, "rejected", days_ago=2),
        load(connection, "held", days_ago=9),
    )
    for number in (old, recent, held):
        connection.execute("insert into landing.shop__products (_load_id, _row_number) values (%s, 1)", (number,))
    assert maintenance.clean()["landing.shop__products"] == 1
    left = connection.execute("select _load_id from landing.shop__products order by 1").fetchall()
    assert left == [(recent,), (held,)], "a held load's landing is the only copy of its rows"


def test_history_goes_by_age(connection: Any) -> None:
    names = [
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = 'raw_history.shop__products'::regclass and attnum > 0 and attnotnull"
        )
    ]
    filler = {
        "_load_id": "1",
        "_row_hash": "''",
        "_is_deleted": "false",
        "_first_seen_at": "now()",
        "_published_at": "now()",
        "_replaced_by_load_id": "2",
    }
    columns = [name for name in names if name != "_replaced_at"]
    for age in (3, 1):
        values = ", ".join(filler.get(name, "'1'") for name in columns)
        connection.execute(
            f"insert into raw_history.shop__products ({', '.join(columns)}, _replaced_at) values ({values}, now() - interval '{age} days')"
        )
    assert maintenance.clean(maintenance.Keep(history=2 * DAY)) == {"raw_history.shop__products": 1}


def test_a_ledger_row_stays_while_anything_names_it_and_the_last_one_always(connection: Any) -> None:
    forgotten, watermarked, last = (load(connection, "published", days_ago=days) for days in (300, 299, 298))
    connection.execute(
        "insert into ops.watermark (system, object, cursor_value, load_id) values ('shop', 'products', '1', %s)", (watermarked,)
    )
    connection.execute(
        "insert into ops.gate_result (load_id, expectation, severity, level, success, at) values (%s, 'e', 'info', 'load', true, now() - interval '300 days')",
        (forgotten,),
    )
    assert maintenance.clean() == {"ops.gate_result": 1, "ops.load": 1}
    assert connection.execute("select load_id from ops.load order by 1").fetchall() == [(watermarked,), (last,)]
    assert maintenance.clean() == {}


def test_the_change_log_keeps_what_any_consumer_has_still_to_read(connection: Any) -> None:
    number = load(connection, "published", days_ago=1)
    for _ in range(3):
        connection.execute(
            "insert into ops.change (load_id, system, object, rows, at) values (%s, 'shop', 'products', 1, now() - interval '60 days')",
            (number,),
        )
    assert "ops.change" not in maintenance.clean(), "nobody has read it yet"
    first, second, third = (row[0] for row in connection.execute("select seq from ops.change order by 1").fetchall())
    connection.execute(
        "insert into ops.consumer_offset (log, consumer, seq) values ('ops.change', 'dbt', %s), ('ops.change', 'identity', %s)",
        (third, first),
    )
    assert maintenance.clean()["ops.change"] == 1
    assert connection.execute("select seq from ops.change order by 1").fetchall() == [(second,), (third,)]


def test_an_open_quarantine_row_and_an_open_incident_stay_however_old(connection: Any) -> None:
    number = load(connection, "published", days_ago=1)
    for state, settled in (("open", None), ("waived", "400 days")):
        connection.execute(
            "insert into quarantine.row (load_id, system, object, row_hash, payload, reasons, state, opened_at, settled_at)"
            " values (%s, 'shop', 'products', %s, '{}', '[]', %s, now() - interval '500 days', now() - %s::interval)",
            (number, state.encode(), state, settled),
        )
    for subject, closed in (("open", None), ("over", "400 days")):
        connection.execute(
            "insert into ops.incident (kind, subject, severity, title, closed_at) values ('stale', %s, 'warning', 't', now() - %s::interval)",
            (subject, closed),
        )
    removed = maintenance.clean()
    assert (removed["quarantine.row"], removed["ops.incident"]) == (1, 1)
    assert connection.execute("select state from quarantine.row").fetchall() == [("open",)]
    assert connection.execute("select subject from ops.incident").fetchall() == [("open",)]


def test_names_of_files_that_nobody_sees_any_more_go(connection: Any) -> None:
    for path, days_ago in (("old.csv", 200), ("seen.csv", 100)):
        connection.execute(
            "insert into ops.source_file_name (system, object, path, version, content_hash, seen_at)"
            " values ('email', 'engagement', %s, '1', '', now() - %s * interval '1 day')",
            (path, days_ago),
        )
    assert maintenance.clean() == {"ops.source_file_name": 1}
    assert connection.execute("select path from ops.source_file_name").fetchall() == [("seen.csv",)]
