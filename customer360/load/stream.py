"""Streams in landing: how far each is landed, which deliveries are known, and rows that wait for a load.

A message is in landing if and only if the stored position has passed it, because both are written in one transaction. What
the source believes of us (a slot's position, a consumer group's offsets) only saves it work.

Rows wait in landing with `_load_id` 0: webhooks write them when a delivery comes in, and a stream's rows are landed so while
a load of the object is held. The next load takes them over before it reads anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import Lag, StreamPosition
from customer360.load import relations
from customer360.load.relations import Warehouse

WAITING = 0
"""`_load_id` of rows that no load has taken over yet."""

MOST_TAKEN = 1_000_000
"""Waiting rows that one load takes over."""


def consumer(connection: Warehouse) -> str:
    """What this warehouse is called at its sources: `c360_` and eight hexadecimal digits. A restored copy is called otherwise."""
    row = connection.execute(
        """select 'c360_' || substr(md5(system_identifier || ':' || (select oid from pg_database where datname = current_database())), 1, 8)
           from pg_control_system()"""
    ).fetchone()
    return str(row[0]) if row else "c360"


def position(connection: Warehouse, obj: SourceObject) -> dict[str, Any] | None:
    """Where the next read begins; None for a stream that this warehouse has not read."""
    row = connection.execute(
        "select position from ops.stream where system = %s and object = %s and consumer = %s",
        [obj.system, obj.name, consumer(connection)],
    ).fetchone()
    return dict(row[0]) if row else None


def store(connection: Warehouse, obj: SourceObject, load_id: int | None, reached: StreamPosition) -> None:
    """Note where a read ended. In the landing transaction."""
    connection.execute(
        """insert into ops.stream as s (system, object, consumer, position, load_id, behind_bytes, behind_messages, behind_seconds,
                                        retained_bytes)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (system, object) do update
           set consumer = excluded.consumer, position = excluded.position, load_id = excluded.load_id, moved_at = clock_timestamp(),
               behind_bytes = excluded.behind_bytes, behind_messages = excluded.behind_messages,
               behind_seconds = excluded.behind_seconds, retained_bytes = excluded.retained_bytes, measured_at = clock_timestamp()""",
        [
            obj.system,
            obj.name,
            consumer(connection),
            Jsonb(dict(reached.position)),
            load_id,
            reached.lag.behind_bytes,
            reached.lag.behind_messages,
            reached.lag.behind_seconds,
            reached.lag.retained_bytes,
        ],
    )


def measured(connection: Warehouse, obj: SourceObject, lag: Lag) -> None:
    """Note how far the stream is ahead, without having read it."""
    connection.execute(
        """update ops.stream set behind_bytes = %s, behind_messages = %s, retained_bytes = %s, measured_at = clock_timestamp(),
                  behind_seconds = coalesce(%s, behind_seconds)
           where system = %s and object = %s""",
        [lag.behind_bytes, lag.behind_messages, lag.retained_bytes, lag.behind_seconds, obj.system, obj.name],
    )


def forget(connection: Warehouse, load_id: int) -> None:
    """What this load landed of a stream is lost or refused as a whole: the next read begins anew. In the caller's transaction."""
    connection.execute("delete from ops.stream where load_id = %s", [load_id])


def is_known(connection: Warehouse, obj: SourceObject, message_id: str) -> bool:
    """Whether a delivery of that name was landed."""
    row = connection.execute(
        "select exists (select from ops.stream_message where system = %s and object = %s and message_id = %s)",
        [obj.system, obj.name, message_id],
    ).fetchone()
    return bool(row and row[0])


def remember(connection: Warehouse, obj: SourceObject, message_ids: Sequence[str]) -> int:
    """Note deliveries as landed; how many were not known before. In the landing transaction."""
    return connection.execute(
        "insert into ops.stream_message (system, object, message_id) select %s, %s, unnest(%s::text[]) on conflict do nothing",
        [obj.system, obj.name, list(message_ids)],
    ).rowcount


def count_waiting(connection: Warehouse, obj: SourceObject, *, waiting: int = WAITING) -> int:
    """Rows that no load has taken over yet."""
    row = connection.execute(sql.SQL("select count(*) from {} where _load_id = %s").format(relations.landing(obj)), [waiting]).fetchone()
    return int(row[0]) if row else 0


def last_waiting(connection: Warehouse, obj: SourceObject) -> int:
    """The greatest number among the waiting rows; 0 if none waits."""
    row = connection.execute(
        sql.SQL("select coalesce(max(_row_number), 0) from {} where _load_id = %s").format(relations.landing(obj)), [WAITING]
    ).fetchone()
    return int(row[0]) if row else 0


def take_over(
    connection: Warehouse, obj: SourceObject, load_id: int, *, keep: bool = False, waiting: int = WAITING, most: int = MOST_TAKEN
) -> int:
    """Give waiting rows to a load, numbered from 1 in their order; how many. In the landing transaction.

    With `keep` the load gets copies and the rows go on waiting: a dry run.
    """
    table = relations.landing(obj)
    oldest = sql.SQL(
        "select ctid as place, row_number() over (order by _row_number) as number from {} where _load_id = {} order by _row_number limit {}"
    ).format(table, sql.Literal(waiting), sql.Literal(most))
    if keep:
        columns = relations.comma(relations.field_columns(obj, "l"))
        names = relations.comma(relations.field_columns(obj, None))
        statement = sql.SQL(
            "insert into {table} (_load_id, _row_number, {names})"
            " select {load}, w.number, {columns} from ({oldest}) w join {table} l on l.ctid = w.place"
        ).format(table=table, names=names, load=sql.Literal(load_id), columns=columns, oldest=oldest)
    else:
        statement = sql.SQL("update {} l set _load_id = {}, _row_number = w.number from ({}) w where l.ctid = w.place").format(
            table, sql.Literal(load_id), oldest
        )
    return connection.execute(statement).rowcount
