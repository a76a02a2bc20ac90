"""The key and the indexes of raw where a first load is large: made after its rows; where its table becomes raw's, while it is judged.

Building them takes as long as the gate does, and neither needs the other: on two cores the load waits for one of them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psycopg
from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations
from customer360.load.relations import Warehouse, WorkTables

AFTER_LOAD_ROWS = 50_000
"""From this many rows on a first load builds raw's indexes after its rows: nobody reads an empty table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index as its table has it. `what`: method, columns and conditions; `constraint`: its definition, if it is one's."""

    name: str
    is_unique: bool
    what: str
    constraint: str | None

    def is_like(self, other: Index) -> bool:
        """Whether they are the same but for names and constraints."""
        return (self.is_unique, self.what) == (other.is_unique, other.what)


def of(connection: Warehouse, table: sql.Identifier) -> list[Index]:
    """The table's indexes, by name."""
    found = connection.execute(
        """select i.relname, x.indisunique, pg_get_indexdef(x.indexrelid), pg_get_constraintdef(c.oid)
           from pg_index x join pg_class i on i.oid = x.indexrelid
           left join pg_constraint c on c.conindid = x.indexrelid and c.conrelid = x.indrelid
           where x.indrelid = to_regclass(%s) and x.indisvalid order by 1""",
        [table.as_string(connection)],
    ).fetchall()
    return [Index(name=name, is_unique=unique, what=made.partition(" USING ")[2], constraint=rule) for name, unique, made, rule in found]


def are_made_after(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> bool:
    """Whether a first load builds raw's indexes once its rows are there: it is large, and nothing hangs on raw's table or its key.

    Views, references and functions would, and neither could be taken away.
    """
    if load.counts.extracted < AFTER_LOAD_ROWS:
        return False
    row = connection.execute(
        """select exists (select from pg_depend where deptype = 'n' and (
                              (refclassid = 'pg_class'::regclass and refobjid = %(t)s::regclass)
                              or (refclassid = 'pg_constraint'::regclass
                                  and refobjid in (select oid from pg_constraint where conrelid = %(t)s::regclass))))""",
        {"t": f"raw.{obj.table}"},
    ).fetchone()
    return not (row and row[0])


def drop(connection: Warehouse, obj: SourceObject, indexes: Iterable[Index]) -> None:
    """Take indexes away from raw."""
    for index in indexes:
        if index.constraint is None:
            connection.execute(sql.SQL("drop index {}").format(sql.Identifier("raw", index.name)))
        else:
            connection.execute(sql.SQL("alter table {} drop constraint {}").format(relations.raw(obj), sql.Identifier(index.name)))


def make(connection: Warehouse, obj: SourceObject, indexes: Iterable[Index]) -> None:
    """Give raw indexes that it has not, from those that were made early where there are such; each of them serves once."""
    table = relations.raw(obj)
    early = of(connection, table)
    for index in indexes:
        name, made = sql.Identifier(index.name), next((one for one in early if one.is_like(index)), None)
        if made is None:
            connection.execute(_create(index, name, table))
        else:
            early.remove(made)
        if index.constraint is not None:
            kind = sql.SQL("primary key" if index.constraint.startswith("PRIMARY KEY") else "unique")
            using = sql.Identifier(made.name if made else index.name)
            connection.execute(sql.SQL("alter table {} add constraint {} {} using index {}").format(table, name, kind, using))
        elif made is not None:
            connection.execute(sql.SQL("alter index {} rename to {}").format(sql.Identifier("raw", made.name), name))


@contextmanager
def made_early(connection: Warehouse, obj: SourceObject, load: ledger.Load, *, connect: Callable[[], Warehouse | None]) -> Iterator[None]:
    """Within, raw's indexes are built on the load's table, if it is to become raw's. What is not built at the end is made by `make`.

    `connect` opens a session for it, where there is one to be had.
    """
    work = WorkTables(load.load_id)
    missing: list[Index] = []
    if load.work.get("is_first") and load.work.get("to_become_raw") and are_made_after(connection, obj, load):
        column = sql.SQL("_load_id bigint not null default {}").format(sql.Literal(load.load_id))  # as raw has it; no row is written
        connection.execute(sql.SQL("alter table {} add column if not exists {}").format(work.rows, column))
        there = of(connection, work.rows)
        missing = [index for index in of(connection, relations.raw(obj)) if not any(index.is_like(one) for one in there)]
    beside = connect() if missing else None
    if beside is None:
        yield
        return
    given_up = Event()
    builder = Thread(target=_build, args=(beside, work, missing, given_up), name="indexes")
    builder.start()
    try:
        yield
    except BaseException:
        given_up.set()
        beside.cancel()
        raise
    finally:
        builder.join()
        beside.close()


def _build(connection: Warehouse, work: WorkTables, indexes: list[Index], given_up: Event) -> None:
    """One that cannot be built, because of a doubled key or a column that raw alone has, is left to `make`, which tells of it."""
    for number, index in enumerate(indexes):
        if given_up.is_set():
            return
        with suppress(psycopg.Error):
            connection.execute(_create(index, sql.Identifier(f"{work.rows_name}_index_{number}"), work.rows))


def _create(index: Index, name: sql.Identifier, table: sql.Identifier) -> sql.Composed:
    unique = sql.SQL("unique " if index.is_unique else "")
    return sql.SQL("create {}index {} on {} using {}").format(unique, name, table, sql.SQL(index.what))
