"""The shop's PostgreSQL cluster: made, filled in bulk, reached as its owner or as the reader the platform logs in with."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql

from customer360.platform import home
from customer360.warehouse.embedded import EmbeddedServer
from sandbox.layout import Layout
from sandbox.shop import schema

DATABASE = "shop"
READER = "c360_reader"
Connection = psycopg.Connection[tuple[Any, ...]]


class Statements(Protocol):
    """What runs statements: a connection, or something around one."""

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run one."""
        ...


def server(layout: Layout, *, port: int | None = None) -> EmbeddedServer:
    """The shop's server, at its own port unless another is given. Logical decoding is on, so that changes can be followed."""
    settings = {
        "wal_level": "logical",
        "max_wal_senders": "8",
        "max_replication_slots": "8",
        "shared_buffers": "256MB",
        "max_connections": "50",
    }
    return EmbeddedServer(layout.shop, port or home.port("shop_pg"), password=home.secret("shop_superuser"), settings=settings)


def reader_uri(port: int) -> str:
    """What the platform connects with: it may select, and follow changes, nothing else."""
    return f"postgresql://{READER}:{home.secret('shop_reader')}@127.0.0.1:{port}/{DATABASE}"


def create_database(running: EmbeddedServer) -> None:
    """An empty database `shop` and its reader; what was there before is dropped."""
    with psycopg.connect(running.uri(), autocommit=True) as connection:
        connection.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s", [DATABASE])
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE}")
        if connection.execute("select 1 from pg_roles where rolname = %s", [READER]).fetchone() is None:
            connection.execute(f"create role {READER} login replication")
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(READER), sql.Literal(home.secret("shop_reader"))))
    with psycopg.connect(running.uri(DATABASE)) as connection:
        for statement in schema.create_tables():
            connection.execute(statement)
        connection.execute(f"grant usage on schema public to {READER}")
        connection.execute(f"grant select on all tables in schema public to {READER}")
        connection.execute(f"alter default privileges in schema public grant select on tables to {READER}")
        # Rows and columns a fault took away lie here; the reader cannot see it.
        connection.execute("create schema stash")


@contextmanager
def owner(layout: Layout) -> Iterator[Connection]:
    """A connection that may change the shop, in one transaction; UTC.

    When the server is down (the fault `connection_refused` stops it), it is started at another port for as long: life in the
    shop goes on, the platform just cannot reach it.
    """
    regular = server(layout)
    status = regular.status()
    if status.running:
        with psycopg.connect(server(layout, port=status.port).uri(DATABASE), options="-c timezone=UTC") as connection:
            yield connection
        return
    hidden = server(layout, port=free_port())
    hidden.start()
    try:
        with psycopg.connect(hidden.uri(DATABASE), options="-c timezone=UTC") as connection:
            yield connection
    finally:
        hidden.stop()


def free_port() -> int:
    """A port nobody listens on now, chosen by the system."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_table(connection: Connection, table: str, rows: pa.Table) -> int:
    """Load an Arrow table whose columns are named like the shop's; returns the number of rows."""
    names = schema.columns(table)
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(rows.select(list(names)), buffer, pyarrow.csv.WriteOptions(include_header=False))
    return _copy(connection, f"copy public.{table} ({', '.join(names)}) from stdin (format csv)", [buffer.getbuffer()], rows.num_rows)


def copy_rows(connection: Connection, table: str, rows: Iterable[Sequence[Any]]) -> int:
    """Load rows of Python values in the table's column order; returns their number."""
    number = 0
    with connection.cursor() as cursor, cursor.copy(f"copy public.{table} ({', '.join(schema.columns(table))}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
            number += 1
    return number


def _copy(connection: Connection, statement: str, blocks: Iterable[Any], number: int) -> int:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in blocks:
            copy.write(block)
    return number


def finish(connection: Connection) -> None:
    """Keys, references, indexes, statistics, after the bulk load."""
    for statement in schema.finish_tables():
        connection.execute(statement)
    connection.execute("analyze")
