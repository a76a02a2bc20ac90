"""Fields a source sends and its contract does not declare: kept in `_extra`, each name noted once."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations
from customer360.load.relations import Warehouse

LOOKED_AT = 20_000
"""Rows of a load that are looked at: a field the source has begun to send is in most of them."""


def find(connection: Warehouse, load: ledger.Load) -> dict[str, list[str]]:
    """Names of the undeclared fields in the load's rows, with the kinds of JSON value they hold."""
    rows = connection.execute(
        sql.SQL(
            """select field, array_agg(distinct jsonb_typeof(value) order by jsonb_typeof(value))
               from (select _extra from {} where _extra is not null limit {}) as looked_at, jsonb_each(_extra) as e (field, value)
               group by field order by field"""
        ).format(relations.WorkTables(load.load_id).rows, sql.Literal(LOOKED_AT))
    )
    return {str(field): list(kinds) for field, kinds in rows}


def known(connection: Warehouse, obj: SourceObject) -> set[str]:
    """Names that were noted before."""
    rows = connection.execute("select field from ops.undeclared_field where system = %s and object = %s", [obj.system, obj.name])
    return {str(field) for (field,) in rows}


def note(connection: Warehouse, obj: SourceObject, load: ledger.Load, found: Mapping[str, list[str]]) -> None:
    """Note names and kinds. A name seen today writes nothing."""
    if not found:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into ops.undeclared_field as known (system, object, field, kinds, first_load_id) values (%s, %s, %s, %s, %s)
               on conflict (system, object, field) do update
               set last_seen_at = now(), kinds = array(select distinct unnest(known.kinds || excluded.kinds) order by 1)
               where known.last_seen_at < now() - interval '1 day' or not known.kinds @> excluded.kinds""",
            [(obj.system, obj.name, field, kinds, load.load_id) for field, kinds in found.items()],
        )
