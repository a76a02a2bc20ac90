"""A full-key sweep: what raw has alive and the source no longer holds becomes a load of deletions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse


def land_sweep(
    connection: Warehouse, obj: SourceObject, load: ledger.Load, batches: Iterable[Sequence[tuple[str | None, ...]]]
) -> ledger.Load:
    """Land a full-key sweep: the keys that raw has alive, published before the sweep began, and that the source no longer holds.

    The keys the source still holds are evidence, not rows of the load.
    """
    names = relations.comma(map(sql.Identifier, obj.key))
    types = relations.comma(sql.SQL("{} text").format(sql.Identifier(name)) for name in obj.key)
    with connection.transaction():
        work = relations.create_work_tables(connection, obj, load.load_id)
        connection.execute(sql.SQL("create temporary table c360_keys ({}) on commit drop").format(types))
        with connection.cursor() as cursor, cursor.copy(sql.SQL("copy c360_keys ({}) from stdin").format(names)) as copy:
            for batch in batches:
                for key in batch:
                    copy.write_row(key)
                reach("landing")
        connection.execute("analyze c360_keys")
        same = sql.SQL(" and ").join(
            sql.SQL("{} = {}::text").format(relations.column("k", name), relations.column("r", name)) for name in obj.key
        )
        gone = connection.execute(
            sql.SQL(
                """insert into {gone} (_row_number, {names}) select null, {keys} from {raw} r
                   where not r._is_deleted and r._published_at < (select started_at from ops.load where load_id = {load})
                     and not exists (select from c360_keys k where {same})"""
            ).format(
                gone=work.gone,
                names=names,
                keys=relations.key_columns(obj, "r"),
                raw=relations.raw(obj),
                load=sql.Literal(load.load_id),
                same=same,
            )
        ).rowcount
        reach("landing_done")
        notes = {"form": "typed", "whole": False, "key_is_unique": True, "missing": []}
        landed = ledger.note(connection, load, state="landed", work=notes, extracted=gone)
    reach("landed")
    return landed
