"""A load's profile, what it is compared with, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from customer360.contracts.model import SourceObject
from customer360.gate import history, profile, verdict
from customer360.gate.limits import HistoryLimits
from customer360.load import ledger, profiles, relations
from customer360.load.diff import Remaining


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the load looks like, and how unusual that is."""

    series: history.Series
    seen: history.Seen
    results: list[verdict.Result]


def compare(
    connection: relations.Warehouse, obj: SourceObject, load: ledger.Load, remaining: Remaining, limits: HistoryLimits
) -> Compared | None:
    """Profile what the load has left and compare it with the object's earlier loads. None for a sweep, a replay, or without rows."""
    series = _series(obj, load)
    if series is None or not remaining.rows or not limits.measures:
        return None
    table = relations.WorkTables(load.load_id).rows
    seen = history.Seen(
        at=datetime.now(UTC),
        rows=load.counts.extracted if series == "whole" else remaining.rows + remaining.bad,
        gap=profiles.seconds_since_the_load_before(connection, load),
        profile=profile.take(connection, obj, table, rows=remaining.rows),
    )
    past = [
        history.Seen(at=kept.at, rows=kept.rows, gap=kept.gap, profile=profile.read_profile(kept.figures))
        for kept in profiles.published(connection, obj, series=series, limit=limits.compare_with)
    ]
    return Compared(series=series, seen=seen, results=history.judge(seen, past, limits, series=series))


def keep(connection: relations.Warehouse, obj: SourceObject, load: ledger.Load, compared: Compared | None) -> None:
    """Keep the profile for later loads. In the transaction that lets the load pass."""
    if compared is not None:
        profiles.keep(
            connection,
            obj,
            load,
            series=compared.series,
            rows=compared.seen.rows,
            gap=compared.seen.gap,
            figures=compared.seen.profile.as_json(),
        )


def _series(obj: SourceObject, load: ledger.Load) -> history.Series | None:
    if load.kind not in ("incremental", "full"):
        return None
    if load.work.get("is_first"):
        return "first"
    reads_everything = obj.extract.cursor is None and obj.extract.stream is None and obj.extract.files is None
    return "whole" if load.kind == "full" or load.work.get("whole") or reads_everything else "incremental"
