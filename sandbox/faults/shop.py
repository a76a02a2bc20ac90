"""Faults of the shop: a server that is down, columns that vanish, rows that make no sense.

What a fault takes away is kept in the schema `stash`, which the platform's reader cannot see, and put back by `end`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.layout import Layout
from sandbox.shop import database, schema
from sandbox.shop.database import Connection, Statements
from sandbox.world import World

_COLUMN_FAULTS = ("missing_column", "renamed_column")
# table → what a malformed row may hold, as (column, value); which, goes round
_NONSENSE: dict[str, tuple[tuple[str, Any], ...]] = {
    "customers": (
        ("email", "nobody at nowhere"),
        ("birth_date", "2999-12-31"),
        ("phone", "call me"),
        ("created_at", None),
        ("is_deleted", None),
    ),
    "addresses": (("country", "Atlantis"), ("kind", None), ("kind", "moon base"), ("postal_code", "#REF!")),
    "products": (("price", -1), ("sku", None), ("name", None), ("currency", "???")),
    "carts": (("total_amount", -5), ("status", "exploded"), ("item_count", -3), ("status", None)),
    "orders": (
        ("total_amount", -99.99),
        ("status", "teleported"),
        ("currency", "XX"),
        ("ordered_at", "2999-12-31"),
        ("order_number", None),
    ),
    "order_lines": (("quantity", -1), ("unit_price", -10), ("line_amount", None), ("quantity", None)),
    "payments": (("amount", -1), ("status", "gone"), ("method", "barter"), ("currency", None)),
    "shipments": (("status", "beamed"), ("carrier", None), ("delivered_at", "1999-01-01")),
    "returns": (("refund_amount", -20), ("quantity", 0), ("returned_at", "2999-12-31"), ("reason", "because")),
}


def begin(layout: Layout, world: World, fault: str, options: dict[str, Any]) -> dict[str, Any]:
    """Put the fault into effect; returns its state."""
    if fault == "connection_refused":
        database.server(layout).stop()
        return {}
    table = _table(options)
    with database.owner(layout) as connection:
        if fault == "malformed_rows":
            return {"rows": _spoil_rows(connection, table, int(options["rows"]))}
        _check_column(table, options)
        if fault == "renamed_column" and not options.get("to"):
            options["to"] = f"{options['field']}_new"
        _take_away(connection, fault, options)
    return {}


def end(layout: Layout, active: ActiveFault) -> None:
    """Mend what the fault broke."""
    if active.fault == "connection_refused":
        database.server(layout).start()
        return
    with database.owner(layout) as connection:
        if active.fault == "malformed_rows":
            _mend_rows(connection, str(active.options["object"]), active.state["rows"])
        else:
            _give_back(connection, active.fault, dict(active.options))


@contextmanager
def lifted(connection: Statements, faults: dict[str, ActiveFault]) -> Iterator[None]:
    """All columns are there inside, and gone again after: the shop's own software does not suffer from the fault.

    Within the caller's transaction, so a reader never sees the columns come and go.
    """
    concerned = [faults[name] for name in _COLUMN_FAULTS if name in faults]
    for fault in concerned:
        _give_back(connection, fault.fault, dict(fault.options))
    yield
    for fault in concerned:
        _take_away(connection, fault.fault, dict(fault.options))


def _table(options: dict[str, Any]) -> str:
    table = str(options["object"])
    if table not in schema.TABLES:
        raise FaultError(f"shop has no table {table!r}; tables: {', '.join(schema.TABLES)}")
    return table


def _check_column(table: str, options: dict[str, Any]) -> None:
    field = str(options["field"])
    if field not in schema.columns(table):
        raise FaultError(f"shop.{table} has no column {field!r}; columns: {', '.join(schema.columns(table))}")
    bound = {"updated_at", *schema.KEYS[table], *(column for name, columns, _ in schema.REFERENCES if name == table for column in columns)}
    if field in bound:
        raise FaultError(f"shop.{table}.{field} holds the shop together; choose another column than {', '.join(sorted(bound))}")


def _take_away(connection: Statements, fault: str, options: dict[str, Any]) -> None:
    table, field = str(options["object"]), str(options["field"])
    names = {"table": sql.Identifier("public", table), "field": sql.Identifier(field), "stash": sql.Identifier("stash", f"{table}_{field}"),
             "key": sql.SQL(", ").join(map(sql.Identifier, schema.KEYS[table]))}  # fmt: skip
    if fault == "renamed_column":
        connection.execute(sql.SQL("alter table {table} rename column {field} to {to}").format(**names, to=sql.Identifier(options["to"])))
        return
    connection.execute(sql.SQL("create table {stash} as select {key}, {field} from {table}").format(**names))
    connection.execute(sql.SQL("alter table {table} drop column {field}").format(**names))


def _give_back(connection: Statements, fault: str, options: dict[str, Any]) -> None:
    table, field = str(options["object"]), str(options["field"])
    kind = dict(schema.TABLES[table])[field]
    same_key = sql.SQL(" and ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(key)) for key in schema.KEYS[table])
    names = {"table": sql.Identifier("public", table), "field": sql.Identifier(field), "stash": sql.Identifier("stash", f"{table}_{field}"),
             "kind": sql.SQL(kind), "same_key": same_key}  # fmt: skip
    if fault == "renamed_column":
        connection.execute(sql.SQL("alter table {table} rename column {to} to {field}").format(**names, to=sql.Identifier(options["to"])))
        return
    connection.execute(sql.SQL("alter table {table} add column {field} {kind}").format(**names))
    connection.execute(sql.SQL("update {table} t set {field} = s.{field} from {stash} s where {same_key}").format(**names))
    connection.execute(sql.SQL("drop table {stash}").format(**names))
    if table == "customers" and field == "email":  # its index went with the column
        connection.execute("create index customers_by_email on public.customers (lower(email))")


def _spoil_rows(connection: Connection, table: str, rows: int) -> list[dict[str, Any]]:
    """Spoil one column of each of the newest rows; returns keys, columns and what stood there."""
    key = schema.KEYS[table]
    chosen = connection.execute(
        sql.SQL("select {key}, to_jsonb(t) from {table} t order by updated_at desc, {key} limit {rows}").format(
            key=sql.SQL(", ").join(map(sql.Identifier, key)), table=sql.Identifier("public", table), rows=sql.Literal(rows)
        )
    ).fetchall()
    spoiled = []
    for number, (*values, content) in enumerate(chosen):
        column, value = _NONSENSE[table][number % len(_NONSENSE[table])]
        _set(connection, table, values, column, value)
        spoiled.append({"key": values, "column": column, "was": content[column]})
    return spoiled


def _mend_rows(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        _set(connection, table, row["key"], row["column"], row["was"])


def _set(connection: Connection, table: str, key: list[Any], column: str, value: Any) -> None:
    """Change one value; the row's change time moves, as the shop's triggers would have it."""
    where = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(part)) for name, part in zip(schema.KEYS[table], key, strict=True)
    )
    connection.execute(
        sql.SQL(
            "update {table} t set {column} = (jsonb_populate_record(null::{table}, %s)).{column}, "
            "updated_at = greatest(t.updated_at + interval '1 ms', clock_timestamp()) where {where}"
        ).format(table=sql.Identifier("public", table), column=sql.Identifier(column), where=where),
        [Jsonb({column: value})],
    )
