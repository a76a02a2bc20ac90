"""Read a PostgreSQL source: one `COPY … TO STDOUT` per object, passed on without being parsed.

Where every column already has the contract's type (or one that widens to it without loss) the stream is binary and typed,
and the gate has no type to check. Otherwise it is text, and a value that does not fit goes to quarantine instead of failing
the source's query. One repeatable-read transaction per read, so that a read is one moment of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from customer360.contracts.model import Field, SourceContract, SourceObject
from customer360.extract.protocol import CopyBytes, MissingFields, Part, ReadRequest, RowsCounted, SourceRefused, SourceUnavailable

CHUNK_BYTES = 1 << 18
KEYS_PER_BATCH = 20_000
SESSION = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=iso_8601 -c extra_float_digits=1 -c statement_timeout=0"

_WIDENS_TO = {
    "smallint": {"smallint"},
    "integer": {"smallint", "integer"},
    "bigint": {"smallint", "integer", "bigint"},
    "real": {"real"},
    "double precision": {"real", "double precision"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp with time zone": {"timestamp with time zone", "timestamp without time zone"},
    "jsonb": {"jsonb"},
    "uuid": {"uuid"},
}
_SPELLINGS = {
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
}
_INTEGER_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_NUMERIC = re.compile(r"numeric(?:\((\d+)(?:,\s*(-?\d+))?\))?$")


def widens_without_loss(source_type: str, contract_type: str) -> bool:
    """Whether every value of `source_type` (as `format_type` spells it) is a value of `contract_type`.

    Text takes anything. A timestamp without time zone is read as UTC.
    """
    source = _SPELLINGS.get(source_type, source_type)
    target = _SPELLINGS.get(contract_type.lower(), contract_type.lower())
    if target == "text":
        return True
    numeric = _NUMERIC.match(target)
    if numeric is None:
        return source in _WIDENS_TO.get(target, set())
    if numeric[1] is None:
        return _NUMERIC.match(source) is not None or source in _INTEGER_DIGITS
    scale = int(numeric[2] or 0)
    whole_digits = int(numeric[1]) - scale
    if source in _INTEGER_DIGITS:
        return _INTEGER_DIGITS[source] <= whole_digits
    own = _NUMERIC.match(source)
    if own is None or own[1] is None:
        return False
    own_scale = int(own[2] or 0)
    return own_scale <= scale and int(own[1]) - own_scale <= whole_digits


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What the source's own catalogue says about one table."""

    types: dict[str, str]  # column → format_type
    unique_keys: tuple[frozenset[str], ...]


class PostgresReader:
    """Reader of a `postgresql` system. `uri`: libpq connection URI of a user that may select."""

    def __init__(self, contract: SourceContract, uri: str) -> None:
        self._contract = contract
        self._uri = uri
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """One `COPY` part, after a `MissingFields` part where the table lacks a declared column."""
        obj = request.object
        catalogue = self._catalogue(obj)
        missing = frozenset(f.name for f in obj.fields if f.source_name not in catalogue.types)
        if missing:
            yield MissingFields(fields=missing, place=f"table {self._schema}.{obj.source_name}")
        present = [f for f in obj.fields if f.name not in missing]
        undeclared = sorted(set(catalogue.types) - {f.source_name for f in obj.fields})
        typed = all(widens_without_loss(catalogue.types[f.source_name], f.sql_type) for f in present)
        columns = [_column(f, catalogue.types[f.source_name], typed=typed) for f in present]
        names = [f.name for f in present]
        if undeclared:
            columns.append(self._extra(undeclared, typed=typed))
            names.append("_extra")
        query = sql.SQL("select {} from {}{}").format(sql.SQL(", ").join(columns), self._table(obj), self._since(request, catalogue))
        key = frozenset(obj.field(name).source_name for name in obj.key)
        yield CopyBytes(
            columns=tuple(names),
            format="binary" if typed else "text",
            typed=typed,
            key_is_unique=typed and any(unique <= key for unique in catalogue.unique_keys),
            chunks=self._copy(query, binary=typed),
        )

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """All keys of the table, as text."""
        columns = [sql.SQL("{}::text").format(sql.Identifier(obj.field(name).source_name)) for name in obj.key]
        query = sql.SQL("copy (select {} from {}) to stdout").format(sql.SQL(", ").join(columns), self._table(obj))
        connection = self._connect()
        batch: list[tuple[str | None, ...]] = []
        try:
            with connection.cursor() as cursor, cursor.copy(query) as copy:
                for row in copy.rows():
                    batch.append(row)
                    if len(batch) >= KEYS_PER_BATCH:
                        yield batch
                        batch = []
        except psycopg.Error as error:
            raise self._judge(error) from None
        if batch:
            yield batch

    def count(self, request: ReadRequest) -> RowsCounted:
        """Living rows, those with a cursor beyond `since`, and the deleted beyond it, in one query: one moment of the source."""
        obj, after = request.object, request.since
        types = self._catalogue(obj).types
        flag, cursor = obj.extract.deletes.flag, obj.extract.cursor
        is_alive: sql.Composable = sql.SQL("true")
        if flag is not None and obj.field(flag).source_name in types:
            is_alive = sql.SQL("not coalesce({}::text in ('true', 't'), false)").format(sql.Identifier(obj.field(flag).source_name))
        is_later: sql.Composable = sql.SQL("true")
        is_gone_later: sql.Composable = sql.SQL("false")
        if cursor is not None and after is not None and (column := obj.field(cursor).source_name) in types:
            is_later = sql.SQL("coalesce({} > {}, true)").format(sql.Identifier(column), _bound(after, types[column]))
            is_gone_later = sql.SQL("not {} and {}").format(is_alive, is_later)
        query = sql.SQL(
            "select count(*) filter (where {0}), count(*) filter (where {0} and {1}), count(*) filter (where {2}) from {3}"
        ).format(is_alive, is_later, is_gone_later, self._table(obj))
        try:
            row = self._connect().execute(query).fetchone()
        except psycopg.Error as error:
            raise self._judge(error) from None
        held, in_flight, gone = row or (0, 0, 0)
        return RowsCounted(held=int(held), in_flight=int(in_flight), gone_in_flight=int(gone))

    def acknowledge(self) -> None:
        """Nothing: a table can be read again."""

    def close(self) -> None:
        """End the session with the source."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    @property
    def _schema(self) -> str:
        return str(self._contract.server.get("schema") or "public")

    def _table(self, obj: SourceObject) -> sql.Identifier:
        return sql.Identifier(self._schema, obj.source_name)

    def _extra(self, columns: Sequence[str], *, typed: bool) -> sql.Composable:
        """The undeclared columns that hold something, as one JSON object; null where none does."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        value = sql.SQL("nullif((select jsonb_strip_nulls(to_jsonb(x)) from (select {}) x), '{{}}'::jsonb)").format(names)
        return value if typed else sql.SQL("({})::text").format(value)

    def _since(self, request: ReadRequest, catalogue: _Catalogue) -> sql.Composable:
        """Rows without a cursor are always read: they have to come to light in quarantine."""
        cursor = request.object.extract.cursor
        if cursor is None or request.since is None or request.full:
            return sql.SQL("")
        column = request.object.field(cursor).source_name
        if column not in catalogue.types:
            return sql.SQL("")
        bound = _bound(request.since, catalogue.types[column])
        return sql.SQL(" where ({0} >= {1} or {0} is null)").format(sql.Identifier(column), bound)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None:
            try:
                connection = psycopg.connect(self._uri, options=SESSION, connect_timeout=10, application_name="customer360")
            except psycopg.Error as error:
                raise self._judge(error) from None
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection = connection
        return self._connection

    def _catalogue(self, obj: SourceObject) -> _Catalogue:
        try:
            connection = self._connect()
            found = connection.execute("select to_regclass(%s)::oid", [f'"{self._schema}"."{obj.source_name}"']).fetchone()
            if found is None or found[0] is None:
                raise SourceRefused(
                    f"{obj.full_name}: there is no table {self._schema}.{obj.source_name}, or the user may not see it; "
                    f"mend physicalName in the contract or grant the user access"
                )
            types = connection.execute(
                """select attname, format_type(atttypid, atttypmod) from pg_attribute
                   where attrelid = %s and attnum > 0 and not attisdropped""",
                [found[0]],
            ).fetchall()
            unique = connection.execute(
                """select array_agg(a.attname::text) from pg_index i, unnest(i.indkey::int2[]) with ordinality k(attnum, position)
                   join pg_attribute a on a.attnum = k.attnum
                   where i.indrelid = %(t)s and a.attrelid = %(t)s and i.indisunique and i.indisvalid and i.indimmediate
                     and i.indpred is null and i.indexprs is null and k.position <= i.indnkeyatts
                   group by i.indexrelid""",
                {"t": found[0]},
            ).fetchall()
        except psycopg.Error as error:
            raise self._judge(error) from None
        return _Catalogue({str(name): str(kind) for name, kind in types}, tuple(frozenset(columns) for (columns,) in unique))

    def _copy(self, query: sql.Composable, *, binary: bool) -> Iterator[bytes]:
        statement = sql.SQL("copy ({}) to stdout{}").format(query, sql.SQL(" (format binary)" if binary else ""))
        try:
            with self._connect().cursor() as cursor, cursor.copy(statement) as copy:
                pending: list[
                    bytes | bytearray | memoryview
                ] = []  # libpq hands over row by row; fewer, larger pieces are cheaper to pass on
                size = 0
                for piece in copy:
                    pending.append(piece)
                    size += len(piece)
                    if size >= CHUNK_BYTES:
                        yield b"".join(pending)
                        pending.clear()
                        size = 0
                yield b"".join(pending)
        except psycopg.Error as error:
            raise self._judge(error) from None

    def _judge(self, error: psycopg.Error) -> SourceUnavailable | SourceRefused:
        """Down, or never going to work? Says which by SQLSTATE; the server's own text may hold values and is left out."""
        self.close()
        state = error.sqlstate or ""
        name = self._contract.system
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return SourceRefused(f"{name}: the source user may not select from a declared table; grant it (SQLSTATE {state})")
        if state[:2] in {"28", "3D"} or "password authentication failed" in str(error) or 'database "' in str(error):
            return SourceRefused(f"{name}: the source refuses the connection (user, password or database); mend C360_CONN_{name.upper()}")
        if state[:2] in {"42", "22"}:
            return SourceRefused(f"{name}: the source cannot answer the query made from the contract (SQLSTATE {state})")
        return SourceUnavailable(
            f"{name}: the source database cannot be reached or cut the connection" + (f" (SQLSTATE {state})" if state else "")
        )


def _bound(value: str, source_type: str) -> sql.Composable:
    """A cursor value as the source's column compares with it; a timestamp without time zone is read as UTC."""
    bound: sql.Composable = sql.Literal(value)
    return sql.SQL("{}::timestamptz at time zone 'UTC'").format(bound) if source_type == "timestamp without time zone" else bound


def _column(field: Field, source_type: str, *, typed: bool) -> sql.Composable:
    column = sql.Identifier(field.source_name)
    if not typed:
        return sql.SQL("{}::text").format(column)
    if source_type == "timestamp without time zone" and field.sql_type.lower() != "text":
        return sql.SQL("({} at time zone 'UTC')").format(column)
    return sql.SQL("{}::{}").format(column, sql.SQL(field.sql_type))
