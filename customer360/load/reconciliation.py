"""Counts of raw to hold beside a count of the source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.load import ledger, relations, stream
from customer360.load.relations import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Source and warehouse side by side. `in_flight`: source rows changed after the last load, which raw may not hold yet;
    `gone_in_flight`: rows deleted there since, which raw may hold still (None: as many as there are).

    Of a file set the files are counted, and `raw_rows` are those that were taken in: `unit` says which.
    """

    unit: Literal["rows", "files"] = "rows"
    source_rows: int
    in_flight: int
    raw_rows: int
    set_aside: int
    gone_in_flight: int | None = 0

    @property
    def missing(self) -> int:
        """Rows the source held at the last load that neither raw nor quarantine has."""
        return max(self.source_rows - self.in_flight - self.raw_rows - self.set_aside, 0)

    @property
    def surplus(self) -> int:
        """Rows of raw that the source did not hold at the last load: deleted there without a word and not buried here yet, or doubled."""
        return 0 if self.gone_in_flight is None else max(self.raw_rows - self.source_rows - self.gone_in_flight, 0)


def count_raw(connection: Warehouse, obj: SourceObject) -> tuple[int, int]:
    """Living rows of raw, and records in quarantine that raw does not hold."""
    living = connection.execute(sql.SQL("select count(*) from {} where not _is_deleted").format(relations.raw(obj))).fetchone()
    aside = connection.execute(
        sql.SQL(
            """select count(distinct q.record_key) from quarantine.row q
               where q.system = {system} and q.object = {object} and q.state <> 'replayed' and q.record_key is not null
                 and not exists (select from {raw} r where {key} = q.record_key)"""
        ).format(system=sql.Literal(obj.system), object=sql.Literal(obj.name), raw=relations.raw(obj), key=relations.record_key(obj, "r"))
    ).fetchone()
    return int(living[0]) if living else 0, int(aside[0]) if aside else 0


def last_watermark(connection: Warehouse, obj: SourceObject) -> str | None:
    """How far the object has been read."""
    row = connection.execute("select cursor_value from ops.watermark where system = %s and object = %s", [obj.system, obj.name]).fetchone()
    return str(row[0]) if row else None


def is_something_landed(connection: Warehouse, obj: SourceObject) -> bool:
    """Whether rows are landed that no load has published: they wait, or their load is open or held."""
    return bool(ledger.find_open(connection, obj) or ledger.find_held(connection, obj) or stream.count_waiting(connection, obj))


def last_read_at(connection: Warehouse, obj: SourceObject) -> datetime | None:
    """When a load that was published began to read the source; None where none was."""
    row = connection.execute(
        "select max(started_at) from ops.load where system = %s and object = %s and state = 'published' and kind <> 'replay'",
        [obj.system, obj.name],
    ).fetchone()
    return row[0] if row else None


def note(connection: Warehouse, obj: SourceObject, counted: Counted) -> None:
    """Keep what was found."""
    connection.execute(
        """insert into ops.reconciliation (system, object, unit, source_rows, in_flight, raw_rows, set_aside, missing, surplus)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            obj.system,
            obj.name,
            counted.unit,
            counted.source_rows,
            counted.in_flight,
            counted.raw_rows,
            counted.set_aside,
            counted.missing,
            counted.surplus,
        ],
    )
