"""The tables of one source object (landing, raw, raw_history), made and kept up to date from its contract.

The loader owns them. Fields added to a contract become columns; a field that leaves it keeps its column and its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from customer360.contracts.model import SourceObject
from customer360.errors import UserError
from customer360.warehouse.roles import Role

LANDING, RAW, RAW_HISTORY = "landing", "raw", "raw_history"

# The platform's own columns: name -> type and constraints. Landing ends with `_extra`, the undeclared fields as JSON text.
LANDING_COLUMNS = {"_load_id": "bigint not null", "_row_number": "bigint not null"}
RAW_COLUMNS = {
    "_extra": "jsonb",
    "_load_id": "bigint not null",
    "_row_hash": "bytea not null",
    "_is_deleted": "boolean not null default false",
    "_deleted_at": "timestamptz",
    "_first_seen_at": "timestamptz not null",
    "_published_at": "timestamptz not null",
}
HISTORY_COLUMNS = {
    **{name: definition.split(" ")[0] for name, definition in RAW_COLUMNS.items()},
    "_replaced_at": "timestamptz not null",
    "_replaced_by_load_id": "bigint not null",
}

RAW_STORAGE = sql.SQL("fillfactor = 90")
"""Pages of raw keep room for the next version of their rows: an update that finds it there, and changes no column of a B-tree, writes no
index (heap-only tuples)."""

# format_type() spells these in full
_SPELLED = {
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "character varying": "varchar",
    "character": "char",
}


class TableDrift(UserError):
    """A table in the database and its contract disagree in a way that only a person can settle."""


def ensure(connection: Connection[Any], obj: SourceObject) -> None:
    """Make the object's tables, or add the columns and indexes its contract has gained, and bring the grants up to date.

    Cheap when nothing is to do. Runs in the caller's transaction, as owner of the platform or as loader. Raises TableDrift when a
    column's type or the key differs from the contract.
    """
    with connection.transaction():
        # Others stand aside until the caller commits; two loads of one object would make the same table.
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 360))", [f"tables:{obj.table}"])
        existing = _existing_columns(connection, obj)
        role_before = _take_role(connection, Role.LOADER)
        for schema, wanted in _wanted_columns(obj).items():
            if existing[schema]:
                _extend(connection, obj, schema, wanted, existing[schema])
            else:
                _create(connection, obj, schema, wanted)
        if existing[RAW]:
            _check_key(connection, obj)
        _index(connection, obj)
        _grant(connection, obj)
        _return_role(connection, role_before)


def identifier(schema: str, obj: SourceObject) -> sql.Identifier:
    """The object's table in `schema`, quoted."""
    return sql.Identifier(schema, obj.table)


def _wanted_columns(obj: SourceObject) -> dict[str, dict[str, str]]:
    typed = {field.name: field.sql_type for field in obj.fields}
    landing = LANDING_COLUMNS | dict.fromkeys(typed, "text") | {"_extra": "text"}
    return {LANDING: landing, RAW: typed | RAW_COLUMNS, RAW_HISTORY: typed | HISTORY_COLUMNS}


def _existing_columns(connection: Connection[Any], obj: SourceObject) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        """select n.nspname, a.attname, format_type(a.atttypid, a.atttypmod)
             from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = any(%s) and c.relname = %s and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped""",
        [[LANDING, RAW, RAW_HISTORY], obj.table],
    ).fetchall()
    found: dict[str, dict[str, str]] = {LANDING: {}, RAW: {}, RAW_HISTORY: {}}
    for schema, column, spelled in rows:
        found[schema][column] = _short_type(spelled)
    return found


def _short_type(spelled: str) -> str:
    name, bracket, modifier = spelled.partition("(")
    return _SPELLED.get(name, name) + bracket + modifier


def _create(connection: Connection[Any], obj: SourceObject, schema: str, wanted: dict[str, str]) -> None:
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(definition)) for name, definition in wanted.items()]
    key = sql.SQL(", ").join(map(sql.Identifier, obj.key))
    if schema == RAW:
        columns.append(sql.SQL("primary key ({})").format(key))
    table = identifier(schema, obj)
    storage = sql.SQL(" with ({})").format(RAW_STORAGE) if schema == RAW else sql.SQL("")
    connection.execute(sql.SQL("create table {} ({}){}").format(table, sql.SQL(", ").join(columns), storage))
    connection.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(f"{obj.grain}. {obj.description}".strip())))


@dataclass(frozen=True, slots=True)
class _Index:
    columns: tuple[str, ...]
    method: str = "btree"
    options: str = ""

    def is_served_by(self, method: str, columns: Sequence[str | None]) -> bool:
        """Whether an index of that method on these columns does what this one is wanted for."""
        return method == self.method and tuple(columns[: len(self.columns)]) == self.columns


def _wanted_indexes(obj: SourceObject) -> dict[str, list[_Index]]:
    """The indexes beside raw's key: what a load brought, and in raw_history every version of a row or a record.

    Rows that name a record by other fields than their own key (events by user, addresses by customer) are fetched by those fields.
    """
    wanted = {
        # Appended load after load, so a block range index is enough, and costs COPY nothing.
        LANDING: [_Index(("_load_id",), "brin", " with (autosummarize = on)")],
        # Each update changes the column, and a block range index is the one kind that lets the row stay in its page. Changes are
        # scattered, so the ranges are small.
        RAW: [_Index(("_load_id",), "brin", " with (pages_per_range = 4, autosummarize = on)")],
        RAW_HISTORY: [_Index(obj.key)],
    }
    named_by = obj.entity.key if obj.entity is not None else obj.key
    if named_by != obj.key:
        # a row that names another record than before is found by the load that replaced it
        wanted[RAW_HISTORY].append(_Index(("_replaced_by_load_id",)))
        by_record = _Index(named_by)
        if not by_record.is_served_by("btree", obj.key):
            wanted[RAW].append(by_record)
            wanted[RAW_HISTORY].append(by_record)
    return wanted


def _index(connection: Connection[Any], obj: SourceObject) -> None:
    """Make the indexes that are missing. One that begins with the wanted columns serves as well, whoever made it."""
    rows = connection.execute(
        """select n.nspname, m.amname, array(select a.attname from unnest(i.indkey) with ordinality as k(attnum, position)
                                               left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                                              where k.position <= i.indnkeyatts order by k.position)
             from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
             join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
            where n.nspname = any(%s) and c.relname = %s and i.indisvalid and i.indpred is null""",
        [[LANDING, RAW, RAW_HISTORY], obj.table],
    ).fetchall()
    for schema, wanted in _wanted_indexes(obj).items():
        for index in wanted:
            if not any(found_in == schema and index.is_served_by(method, columns) for found_in, method, columns in rows):
                names = sql.SQL(", ").join(map(sql.Identifier, index.columns))
                connection.execute(
                    sql.SQL("create index on {} using {} ({}){}").format(
                        identifier(schema, obj), sql.SQL(index.method), names, sql.SQL(index.options)
                    )
                )


def _extend(connection: Connection[Any], obj: SourceObject, schema: str, wanted: dict[str, str], existing: dict[str, str]) -> None:
    for name, definition in wanted.items():
        declared = definition.split(" ")[0] if name.startswith("_") else definition
        if name not in existing:
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(identifier(schema, obj), sql.Identifier(name), sql.SQL(definition))
            )
        elif existing[name] != declared and not (schema == LANDING and not name.startswith("_")):
            # a landing may be typed where the source is
            raise TableDrift(
                f"{schema}.{obj.table}.{name} is {existing[name]}, its contract says {declared}; "
                "change the contract back, or convert the column: "
                f"alter table {schema}.{obj.table} alter column {name} type {declared} using …"
            )


def _check_key(connection: Connection[Any], obj: SourceObject) -> None:
    rows = connection.execute(
        """select a.attname from pg_index i
             join unnest(i.indkey) with ordinality as k(attnum, position) on true
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where i.indrelid = to_regclass(%s) and i.indisprimary order by k.position""",
        [f"raw.{obj.table}"],
    ).fetchall()
    key = tuple(name for (name,) in rows)
    if key and key != obj.key:  # none: a first load adds it after loading
        raise TableDrift(
            f"raw.{obj.table} has the key ({', '.join(key)}), its contract says ({', '.join(obj.key)}); "
            "change the contract back, or rebuild the table: drop it and load in full"
        )


def _grant(connection: Connection[Any], obj: SourceObject) -> None:
    """Readers named in the contract see every column; the steward sees what is not personal. `_extra` counts as personal."""
    open_columns = [field.name for field in obj.fields if not field.is_personal] + [name for name in RAW_COLUMNS if name != "_extra"]
    steward = [] if Role.STEWARD in obj.readers else open_columns
    for schema in (RAW, RAW_HISTORY):
        table = identifier(schema, obj)
        for role in _without_table_grant(connection, f"{schema}.{obj.table}", obj.readers):
            connection.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(role)))
        ungranted = _without_column_grant(connection, f"{schema}.{obj.table}", Role.STEWARD, steward)
        if ungranted:
            columns = sql.SQL(", ").join(map(sql.Identifier, ungranted))
            connection.execute(sql.SQL("grant select ({}) on {} to {}").format(columns, table, sql.Identifier(Role.STEWARD.value)))


# A grant writes to the catalogue even when it changes nothing, and collides with another at the same moment: look first.
def _without_table_grant(connection: Connection[Any], table: str, roles: Sequence[str]) -> list[str]:
    rows = connection.execute(
        "select role from unnest(%s::text[]) as role where not has_table_privilege(role, %s, 'select')", [list(roles), table]
    )
    return [role for (role,) in rows]


def _without_column_grant(connection: Connection[Any], table: str, role: str, columns: Sequence[str]) -> list[str]:
    rows = connection.execute(
        "select name from unnest(%s::text[]) as name where not has_column_privilege(%s, %s, name, 'select')", [list(columns), role, table]
    )
    return [name for (name,) in rows]


def _take_role(connection: Connection[Any], role: Role) -> str:
    row = connection.execute("select current_setting('role')").fetchone()
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role.value)))
    return str(row[0]) if row else "none"


def _return_role(connection: Connection[Any], role: str) -> None:
    connection.execute(sql.SQL("set local role {}").format(sql.SQL("none") if role == "none" else sql.Identifier(role)))
