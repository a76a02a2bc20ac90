"""What the world file keeps of the warehouses: every message, sent or still to be sent, and what lies where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from sandbox.inventory.records import Message, Place

TABLES = """
create table message (
    number integer primary key, sent integer not null, warehouse text not null, key text not null, value text, good text,
    is_mended integer not null default 0);
create index message_by_key on message (key);
create table stock (sku text not null, warehouse text not null, level integer not null, primary key (sku, warehouse)) without rowid;
"""


def keep(connection: sqlite3.Connection, messages: Iterable[Message]) -> None:
    """Note messages that are to be sent, in this order."""
    connection.executemany(
        "insert into message (sent, warehouse, key, value, good) values (?, ?, ?, ?, ?)",
        ((m.sent, m.warehouse, m.key, m.value, m.good) for m in messages),
    )


def keep_levels(connection: sqlite3.Connection, levels: Mapping[Place, int]) -> None:
    """Note what lies where."""
    connection.executemany(
        "insert or replace into stock values (?, ?, ?)", ((sku, warehouse, level) for (sku, warehouse), level in levels.items())
    )


def levels_of(connection: sqlite3.Connection) -> dict[Place, int]:
    """What lies where."""
    return {(sku, warehouse): level for sku, warehouse, level in connection.execute("select sku, warehouse, level from stock")}
