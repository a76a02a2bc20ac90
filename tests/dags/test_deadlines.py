"""A missed deadline looks at the data: one incident while it is stale, none for a run that was only slow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


def test_a_missed_deadline_tells_of_stale_data_once(plugins: Path, warehouse: Any, c360_home: Path) -> None:
    from customer360_airflow import deadlines

    stale = "select subject, severity, occurrences, closed_at is null from ops.incident where kind = 'stale'"
    with warehouse.connect() as connection:
        connection.execute(
            """insert into ops.load (system, object, kind, state, started_at, finished_at)
               values ('crm', 'contacts', 'incremental', 'published', now(), now())"""
        )
        assert "1 fresh" in asyncio.run(deadlines.look(system="crm"))
        assert warehouse.fetch(stale) == [], "late, but another run took the data in"
        connection.execute("update ops.load set started_at = now() - interval '9 days', finished_at = now() - interval '9 days'")
        for _ in range(2):
            assert "1 stale" in asyncio.run(deadlines.look(system="crm"))
        assert warehouse.fetch(stale) == [("crm.contacts", "critical", 2, True)]
        connection.execute("update ops.load set finished_at = now()")
        asyncio.run(deadlines.look(system="crm"))
        assert warehouse.fetch(stale) == [("crm.contacts", "critical", 2, False)]
