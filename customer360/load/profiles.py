"""Profiles of an object's loads, kept with the ledger. What is in them is the gate's business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from customer360.contracts.model import SourceObject
from customer360.load import ledger
from customer360.load.relations import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProfile:
    """One row of ops.load_profile; `at` is UTC."""

    at: datetime
    rows: int
    gap: float | None
    figures: dict[str, Any]


def keep(
    connection: Warehouse, obj: SourceObject, load: ledger.Load, *, series: str, rows: int, gap: float | None, figures: dict[str, Any]
) -> None:
    """Write a load's profile; one of an earlier attempt at the load is replaced."""
    connection.execute(
        """insert into ops.load_profile (load_id, system, object, series, rows, gap, figures) values (%s, %s, %s, %s, %s, %s, %s)
           on conflict (load_id) do update
           set series = excluded.series, rows = excluded.rows, gap = excluded.gap, figures = excluded.figures, at = excluded.at""",
        [load.load_id, obj.system, obj.name, series, rows, gap, Jsonb(figures)],
    )


def published(connection: Warehouse, obj: SourceObject, *, series: str, limit: int) -> list[KeptProfile]:
    """Profiles of the object's last published loads of a series, newest first."""
    with connection.cursor(row_factory=class_row(KeptProfile)) as cursor:
        return cursor.execute(
            """select p.at, p.rows, p.gap, p.figures from ops.load_profile p join ops.load l using (load_id)
               where p.system = %s and p.object = %s and p.series = %s and l.state = 'published' order by p.load_id desc limit %s""",
            [obj.system, obj.name, series, limit],
        ).fetchall()


def seconds_since_the_load_before(connection: Warehouse, load: ledger.Load) -> float | None:
    """Between the start of this load and that of the object's last published one, whether it found anything or not."""
    row = connection.execute(
        """select extract(epoch from mine.started_at - before.started_at)::double precision
           from ops.load mine, lateral (
               select started_at from ops.load l
               where l.system = mine.system and l.object = mine.object and l.state = 'published' and l.load_id < mine.load_id
                 and l.kind in ('incremental', 'full')
               order by l.load_id desc limit 1) before
           where mine.load_id = %s""",
        [load.load_id],
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else None
