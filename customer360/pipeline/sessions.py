"""The loader's sessions in the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

TURN_WAIT_SECONDS = 5.0
_SESSION = (
    "set client_connection_check_interval = '500ms'",  # a killed process must not keep the object's lock through a long statement
    "set work_mem = '64MB'",
    "set maintenance_work_mem = '256MB'",
)


@contextmanager
def object_session(obj: SourceObject) -> Iterator[relations.Warehouse | None]:
    """A warehouse session that holds the object's lock; None if another process has it."""
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        _prepare(connection)
        if not ledger.take_turn(connection, obj, wait_seconds=TURN_WAIT_SECONDS):
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                ledger.give_turn(connection, obj)


def second_session() -> relations.Warehouse | None:
    """A session beside the one that holds the object's lock; None where there is none to be had: it is wanted for speed alone."""
    with suppress(psycopg.OperationalError), ExitStack() as on_failure:
        connection = on_failure.enter_context(connections.connect(role=Role.LOADER, autocommit=True))
        _prepare(connection)
        on_failure.pop_all()
        return connection
    return None


def _prepare(connection: relations.Warehouse) -> None:
    for setting in _SESSION:
        connection.execute(setting)
