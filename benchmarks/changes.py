"""What happens to a crowd between two runs: people come, change and go, in the tables of raw."""

from __future__ import annotations

from typing import Any

import numpy as np
from psycopg import Connection, sql
from psycopg.rows import dict_row

from benchmarks.crowd import Raw, Row, mistyped
from customer360.warehouse.connections import connect

# of 1,000 changed records
_CHANGED_ACCOUNTS, _CHANGED_CONTACTS, _MOVED = 0.25, 0.15, 0.1
_NEW_ACCOUNTS, _NEW_CONTACTS = 0.2, 0.15
_GONE_ACCOUNTS, _GONE_SUBSCRIBERS = 0.1, 0.05


def change(records: int, random: np.random.Generator) -> None:
    """Change so many records in one load per object, and commit."""
    with connect() as connection:
        connection.autocommit = False
        raw = Raw(connection)
        accounts = _some(connection, "shop.customers", int(records * (_CHANGED_ACCOUNTS + _GONE_ACCOUNTS)), random)
        gone = [row["customer_id"] for row in accounts[: int(records * _GONE_ACCOUNTS)]]
        changed = [_edited(row, random) for row in accounts[len(gone) :]]
        strangers = _some(connection, "shop.customers", int(records * (_NEW_ACCOUNTS + _NEW_CONTACTS)), random)
        new = int(records * _NEW_ACCOUNTS)
        raw.load("shop.customers", [*changed, *_new_accounts(connection, strangers[:new], random)], deleted=gone)
        contacts = [_edited(row, random) for row in _some(connection, "crm.contacts", int(records * _CHANGED_CONTACTS), random)]
        raw.load("crm.contacts", [*contacts, *_as_contacts(strangers[new:], random)])
        moved = _some(connection, "shop.addresses", int(records * _MOVED), random)
        raw.load("shop.addresses", [row | {"house_number": str(int(random.integers(1, 150)))} for row in moved])
        leaving = _some(connection, "email.subscribers", int(records * _GONE_SUBSCRIBERS), random)
        raw.load("email.subscribers", [], deleted=[row["subscriber_id"] for row in leaving])
        connection.commit()


def _some(connection: Connection[Any], name: str, count: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Living rows of an object, drawn at random, their declared fields."""
    obj = Raw(connection).objects[name]
    fields = sql.SQL(", ").join(sql.Identifier(field.name) for field in obj.fields)
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            sql.SQL("select {} from {} tablesample bernoulli (least(100, {} * 300.0 / {})) repeatable ({}) where not _is_deleted").format(
                fields,
                sql.Identifier("raw", obj.table),
                sql.Literal(count),
                sql.Literal(_rows(connection, obj.table)),
                sql.Literal(int(random.integers(1_000_000))),
            )
        )
        found = cursor.fetchall()
    chosen = random.permutation(len(found))[:count]
    return [found[place] for place in chosen]


def _rows(connection: Connection[Any], table: str) -> int:
    row = connection.execute("select greatest(reltuples, 1)::bigint from pg_class where oid = %s::regclass", [f'raw."{table}"']).fetchone()
    return int(row[0]) if row else 1


def _edited(row: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """A name spelled otherwise, another mailbox, another phone, or a birth date that became known."""
    kind = int(random.integers(3))
    if kind == 0:
        return row | {"last_name": mistyped(row["last_name"], random)}
    if kind == 1:
        return row | {"email": f"{str(row['first_name'] or 'x').lower()}{int(random.integers(1_000_000))}@example.org"}
    return row | {"phone": f"+4917{int(random.integers(10_000_000, 99_999_999))}"}


def _new_accounts(connection: Connection[Any], rows: list[dict[str, Any]], random: np.random.Generator) -> list[Row]:
    """Half of them a second account of somebody, half somebody new with names of two."""
    last = connection.execute("select coalesce(max(customer_id), 0) from raw.shop__customers").fetchone()
    number = int(last[0]) if last else 0
    made = []
    for place, row in enumerate(rows):
        fresh = row | {"customer_id": number + place + 1, "crm_contact_id": None}
        if place % 2:
            other = rows[int(random.integers(len(rows)))]
            mail = f"new{number + place}@example.org"
            fresh |= {"last_name": other["last_name"], "birth_date": other["birth_date"], "email": mail, "phone": None, "loyalty_id": None}
        made.append(fresh)
    return made


def _as_contacts(rows: list[dict[str, Any]], random: np.random.Generator) -> list[Row]:
    """Sales meets people that the shop knows already."""
    kept = ("first_name", "last_name", "birth_date", "email", "phone", "loyalty_id")
    base = int(random.integers(10_000_000, 90_000_000))
    return [{"id": f"004{base + place}", **{name: row[name] for name in kept}} for place, row in enumerate(rows)]
