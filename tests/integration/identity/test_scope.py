"""The cost of an incremental run follows the change: what it reads is counted by the database itself."""

from __future__ import annotations

import time
from typing import Any

PEOPLE = 400
OWN_CONNECTIONS = 2  # of the fixtures `sources` and `identity`


def _read_whole(identity: Any) -> dict[str, int]:
    """Rows that sequential scans have read so far, per table that grows with the population."""
    rows = identity.fetch(
        """select schemaname || '.' || relname, seq_tup_read from pg_stat_user_tables
            where schemaname in ('identity', 'raw', 'raw_history')"""
    )
    return dict(rows)


def _settled(identity: Any) -> dict[str, int]:
    """The counts once the run's server process has handed its own in, which it does when it ends."""
    deadline = time.monotonic() + 10
    while identity.fetch("select count(*) from pg_stat_activity where datname = current_database()") > [(OWN_CONNECTIONS,)]:
        assert time.monotonic() < deadline, "the run's session has not ended"
        time.sleep(0.05)
    return _read_whole(identity)


def test_an_incremental_run_reads_no_table_whole(sources: Any, identity: Any) -> None:
    sources.publish(
        "shop.customers",
        [
            {"customer_id": n, "first_name": f"Anna{n}", "last_name": f"Schneider{n}", "email": f"{n // 2}@example.com"}
            for n in range(PEOPLE)
        ],
    )
    sources.publish("shop.addresses", [{"address_id": n, "customer_id": n, "city": "Bonn"} for n in range(PEOPLE)])
    identity.resolve()
    assert _settled(identity)["identity.record"] >= PEOPLE, "a full run reads all, and the database counts it"
    sources.publish("shop.customers", [{"customer_id": 5, "first_name": "Anna5", "last_name": "Maier", "email": "9@example.com"}])
    sources.publish("shop.addresses", [{"address_id": 7, "customer_id": 8, "city": "Ulm"}])
    before = _settled(identity)

    assert identity.resolve().mode == "incremental"

    after = _settled(identity)
    read = {table: after[table] - before.get(table, 0) for table in after if after[table] - before.get(table, 0) > 20}
    assert not read
