from __future__ import annotations

import pytest

from customer360.contracts.reader import load_contracts
from customer360.warehouse import tables
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

pytestmark = pytest.mark.integration


def test_tables_of_every_contract_can_be_made_twice(warehouse):
    objects = [obj for contract in load_contracts().values() for obj in contract.objects]
    assert len(objects) >= 15
    for _ in range(2):
        with connect() as connection:
            for obj in objects:
                tables.ensure(connection, obj)
    made = warehouse.fetch("select schemaname, tablename from pg_tables where schemaname in ('landing', 'raw', 'raw_history')")
    assert sorted(made) == sorted((schema, obj.table) for obj in objects for schema in ("landing", "raw", "raw_history"))


def test_a_session_keeps_its_role_and_time_zone_after_a_rollback(warehouse):
    with connect(role=Role.LOADER) as connection:
        connection.rollback()
        assert connection.execute("select current_user::text, current_setting('timezone')").fetchone() == ("c360_loader", "UTC")
