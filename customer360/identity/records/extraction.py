"""Source records out of raw, by SQL made from the contracts: all of them, or those that a range of loads touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from customer360.contracts.model import Field
from customer360.identity.records.attributes import ContentReader, RecordContent
from customer360.identity.records.sources import Part, RecordSource

_BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedRecord:
    """A record as its source shows it now. `known_digest` is what identity holds of it (None: nothing, or it was deleted)."""

    record_id: str
    source: RecordSource
    first_seen_at: str
    content: RecordContent
    known_digest: bytes | None


def present_sources(connection: Connection[Any], sources: Sequence[RecordSource]) -> list[RecordSource]:
    """Sources whose own raw table exists; additions whose table does not exist yet are left out."""
    tables = {
        name
        for (name,) in connection.execute("select c.relname from pg_class c where c.relnamespace = 'raw'::regnamespace and c.relkind = 'r'")
    }
    return [
        RecordSource(
            owner=source.owner,
            additions=tuple(part for part in source.additions if part.object.table in tables),
            anchors=source.anchors,
        )
        for source in sources
        if source.owner.object.table in tables
    ]


def note_changed_keys(connection: Connection[Any], source: RecordSource, loads: Mapping[str, Sequence[int]]) -> int:
    """Fill the temporary table of the source's record keys that these loads (object → load ids) touched; returns how many.

    A row counts for the record it names now and for the one it named before the load.
    """
    keys = [source.owner.object.field(name) for name in source.owner.key]
    columns = sql.SQL(", ").join(sql.SQL("{} {}").format(_key(index), sql.SQL(field.sql_type)) for index, field in enumerate(keys))
    table = _pending(source)
    connection.execute(sql.SQL("create temporary table {} ({}) on commit drop").format(table, columns))
    selects = []
    for part in source.parts:
        touched = loads.get(part.object.full_name)
        if touched:
            selects.append(_touched(part, keys, "raw", "_load_id", touched))
            if not part.has_row_per_record:
                selects.append(_touched(part, keys, "raw_history", "_replaced_by_load_id", touched))
    if selects:
        connection.execute(sql.SQL("insert into {} {}").format(table, sql.SQL(" union ").join(selects)))
    connection.execute(sql.SQL("analyze {}").format(table))
    row = connection.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
    return int(row[0]) if row else 0


def pending_record_ids(connection: Connection[Any], source: RecordSource) -> set[str]:
    """Record ids of the keys noted by `note_changed_keys`."""
    key = _joined([_key(index) for index in range(len(source.owner.key))])
    rows = connection.execute(sql.SQL("select {} || {} from {}").format(sql.Literal(f"{source.name}:"), key, _pending(source)))
    return {record_id for (record_id,) in rows}


def extract(connection: Connection[Any], source: RecordSource, *, only_pending: bool) -> Iterator[ExtractedRecord]:
    """The source's records that are not deleted: all, or those whose keys `note_changed_keys` noted."""
    query = _records_query(source, only_pending=only_pending)
    reader = ContentReader(source)
    with connection.cursor(name="identity_extract", binary=False) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query)
        parts = len(source.parts)
        for row in cursor:
            record_id, first_seen_at, known_digest, *aggregated = row
            yield ExtractedRecord(
                record_id=record_id,
                source=source,
                first_seen_at=first_seen_at,
                content=reader.read([rows or () for rows in aggregated[:parts]], [rows or () for rows in aggregated[parts:]]),
                known_digest=known_digest,
            )


def _records_query(source: RecordSource, *, only_pending: bool) -> sql.Composed:
    pending = _pending(source) if only_pending else None
    joins: list[sql.Composable] = []
    outputs: list[sql.Composable] = [sql.SQL("part_0.rows")]
    versions: list[sql.Composable] = []
    for index, part in enumerate(source.parts):
        alias = sql.Identifier(f"part_{index}")
        if index:
            outputs.append(sql.SQL("{}.rows").format(alias))
            joins.append(sql.SQL("left join ({}) as {} using (record_key)").format(_part_query(part, source, "raw", pending), alias))
        if index or part.has_row_per_record:
            past = sql.Identifier(f"past_{index}")
            versions.append(sql.SQL("{}.rows").format(past))
            joins.append(sql.SQL("left join ({}) as {} using (record_key)").format(_part_query(part, source, "raw_history", pending), past))
        else:
            versions.append(sql.SQL("null"))
    return sql.SQL(
        """select {prefix} || record_key, part_0.first_seen_at, known.attribute_hash, {outputs}
             from ({owner}) as part_0 {joins}
             left join identity.record as known on known.record_id = {prefix} || record_key and not known.is_deleted"""
    ).format(
        prefix=sql.Literal(f"{source.name}:"),
        owner=_part_query(source.owner, source, "raw", pending),
        joins=sql.SQL(" ").join(joins),
        outputs=sql.SQL(", ").join([*outputs, *versions]),
    )


def _part_query(part: Part, source: RecordSource, schema: str, pending: sql.Identifier | None) -> sql.Composed:
    """Grain: one row per record key. `rows`: JSON array of [row key, time, values…]."""
    is_history = schema == "raw_history"
    key = _joined([sql.SQL("t.{}").format(sql.Identifier(name)) for name in part.key])
    row_key = _joined([sql.SQL("t.{}").format(sql.Identifier(name)) for name in part.object.key])
    at = _dated(part)
    values = [sql.SQL("t.{}::text").format(sql.Identifier(field.name)) for field in part.fields]
    order = sql.SQL("t._replaced_at desc, t._load_id desc") if is_history else sql.SQL("{} , {}").format(at, row_key)
    conditions: list[sql.Composable] = [sql.SQL("t.{} is not null").format(sql.Identifier(name)) for name in part.key]
    if not is_history:
        conditions += [sql.SQL("not t._is_deleted"), *_where(part)]
    scope: sql.Composable = sql.SQL("")
    if pending is not None:
        matches = [
            sql.SQL("t.{} = {}").format(sql.Identifier(name), _cast(_pending_key(index), source, index, part))
            for index, name in enumerate(part.key)
        ]
        scope = sql.SQL("join {} as pending on {}").format(pending, sql.SQL(" and ").join(matches))
    return sql.SQL(
        """select {key} as record_key, to_json(min(t._first_seen_at))#>>'{{}}' as first_seen_at,
                  json_agg(json_build_array({row}) order by {order}) as rows
             from {table} as t {scope} where {conditions} group by 1"""
    ).format(
        key=key,
        row=sql.SQL(", ").join([row_key, at, *values]),
        order=order,
        table=sql.Identifier(schema, part.object.table),
        scope=scope,
        conditions=sql.SQL(" and ").join(conditions),
    )


def _dated(part: Part) -> sql.Composable:
    """Since when a version of a row holds.

    A list that does not say when its records changed dates the first version of each by itself, though it may be as old as the record.
    """
    if part.cursor is None:
        return sql.SQL("t._published_at")
    at = sql.SQL("coalesce(t.{}, t._published_at)").format(sql.Identifier(part.cursor))
    if part.made_at is None:
        return at
    return sql.SQL("case when t._published_at = t._first_seen_at then least(t.{}, {}) else {} end").format(
        sql.Identifier(part.made_at), at, at
    )


def _touched(part: Part, keys: Sequence[Field], schema: str, load_column: str, loads: Sequence[int]) -> sql.Composed:
    columns = []
    for name, wanted in zip(part.key, keys, strict=True):
        column: sql.Composable = sql.SQL("t.{}").format(sql.Identifier(name))
        if part.object.field(name).sql_type != wanted.sql_type:
            # a value that the owner's key cannot take names no record of it
            text = sql.SQL("{}::text").format(column)
            column = sql.SQL("case when pg_input_is_valid({text}, {type}) then {text}::{cast} end").format(
                text=text,
                type=sql.Literal(wanted.sql_type),
                cast=sql.SQL(wanted.sql_type),
            )
        columns.append(column)
    conditions: list[sql.Composable] = [sql.SQL("t.{} is not null").format(sql.Identifier(name)) for name in part.key]
    if schema == "raw":
        # a row that left the filter shows in history, where its older version passed it
        conditions += _where(part)
    return sql.SQL("select distinct {} from {} as t where t.{} = any({}) and {}").format(
        sql.SQL(", ").join(columns),
        sql.Identifier(schema, part.object.table),
        sql.Identifier(load_column),
        sql.Literal(list(loads)),
        sql.SQL(" and ").join(conditions),
    )


def _where(part: Part) -> list[sql.Composed]:
    return [sql.SQL("t.{}::text = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in part.entity.where.items()]


def _pending(source: RecordSource) -> sql.Identifier:
    return sql.Identifier(f"pending_{source.owner.object.table}")


def _key(index: int) -> sql.Identifier:
    return sql.Identifier(f"key_{index}")


def _pending_key(index: int) -> sql.Composed:
    return sql.SQL("pending.{}").format(_key(index))


def _cast(column: sql.Composed, source: RecordSource, index: int, part: Part) -> sql.Composable:
    ours = part.object.field(part.key[index]).sql_type
    if ours == source.owner.object.field(source.owner.key[index]).sql_type:
        return column
    return sql.SQL("{}::{}").format(column, sql.SQL(ours))


def _joined(columns: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(" || ':' || ").join(sql.SQL("{}::text").format(column) for column in columns)
