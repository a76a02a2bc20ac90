"""Is what we hold as fresh as each contract promises? Opens and closes `stale` incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import dict_row

from customer360.contracts.model import SourceContract
from customer360.observe import incidents
from customer360.observe.messages import duration

State = Literal["fresh", "stale", "never_loaded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old one object's data is. `last_success` (UTC): when a load last ended well, with or without news."""

    system: str
    object: str
    state: State
    last_success: datetime | None
    age: timedelta | None
    allowed: timedelta


def check(connection: Connection[Any], contracts: Sequence[SourceContract], now: datetime) -> list[Freshness]:
    """What `measure` finds, told: opens and closes incidents in the caller's transaction and does not commit.

    Incidents of objects that no contract declares any more are closed.
    """
    found = measure(connection, contracts, now)
    by_system = {contract.system: contract for contract in contracts}
    for entry in found:
        _tell(connection, by_system[entry.system], entry)
    _close_undeclared(connection, {f"{entry.system}.{entry.object}" for entry in found})
    return found


def measure(connection: Connection[Any], contracts: Sequence[SourceContract], now: datetime) -> list[Freshness]:
    """Compares the last load that ended well with what the contract allows, for every object; `now` in UTC.

    A load that found nothing new counts: the source was asked and answered. An object that was tried but never loaded is
    as old as its first try; one that was never tried is reported and raises no alarm, as nothing was switched on yet.
    """
    ledger = _ledger(connection)
    found = []
    for contract in contracts:
        for obj in contract.objects:
            first_try, last_success = ledger.get((contract.system, obj.name), (None, None))
            reference = last_success or first_try
            age = now - reference if reference else None
            state: State = "never_loaded" if age is None else "stale" if age > contract.freshness else "fresh"
            entry = Freshness(
                system=contract.system, object=obj.name, state=state, last_success=last_success, age=age, allowed=contract.freshness
            )
            found.append(entry)
    return found


def _ledger(connection: Connection[Any]) -> dict[tuple[str, str], tuple[datetime, datetime | None]]:
    """First try and last success per (system, object)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            select system, object, min(started_at) as first_try, max(finished_at) filter (where state = 'published') as last_success
            from ops.load
            where kind not in ('replay', 'backfill')  -- rows mended by hand say nothing of the source
            group by system, object
            """
        )
        return {(row["system"], row["object"]): (row["first_try"], row["last_success"]) for row in cursor}


def _tell(connection: Connection[Any], contract: SourceContract, entry: Freshness) -> None:
    subject = f"{entry.system}.{entry.object}"
    if entry.state == "stale" and entry.age is not None:
        incidents.open_incident(
            connection,
            kind="stale",
            subject=subject,
            severity="critical",  # what is promised is not kept: the owner is mailed
            title=f"{subject} is stale: nothing was taken in for {duration(entry.age)}",
            details={
                "system": entry.system,
                "object": entry.object,
                "observed": duration(entry.age),
                "allowed": duration(entry.allowed),
                "last_success": entry.last_success.isoformat() if entry.last_success else "never",
                "owner": contract.owner,
                "owner_address": contract.owner_address,
            },
        )
    elif entry.state == "fresh":
        incidents.close_incident(connection, kind="stale", subject=subject, reason="data is being taken in again")


def _close_undeclared(connection: Connection[Any], declared: set[str]) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select subject from ops.incident where kind = 'stale' and closed_at is null and subject <> all(%s)", (sorted(declared),)
        )
        orphans = [row["subject"] for row in cursor]
    for subject in orphans:
        incidents.close_incident(connection, kind="stale", subject=subject, reason="no contract declares it any more")
