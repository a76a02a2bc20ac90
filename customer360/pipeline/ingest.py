"""Ingest one object: a load's whole life, from the source to raw. What the command line and the DAGs both call.

Each step is one transaction that leaves its state in the ledger. A process may be killed anywhere; the next ingest finds the
open load and goes on. One process at a time loads an object; a second is told so and does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from customer360.contracts.model import SourceContract, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.load import ledger, quarantine
from customer360.pipeline.load_run import IngestRequest, LoadRun, Progress, SourceDown
from customer360.pipeline.outcome import LoadOutcome
from customer360.pipeline.sessions import object_session
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

__all__ = [
    "LoadOutcome",
    "SourceDown",
    "UnknownObject",
    "in_reference_order",
    "ingest_object",
    "ingest_system",
    "replay_quarantined",
    "resolve_object",
    "resolve_system",
    "sweep_object",
]


class UnknownObject(UserError):
    """No contract declares this system or object."""


def resolve_system(system: str) -> SourceContract:
    """The declared system. Raises UnknownObject, ContractError."""
    contracts = load_contracts()
    if system not in contracts:
        raise UnknownObject(f"no contract declares a system {system!r}; there are {', '.join(contracts)}")
    return contracts[system]


def resolve_object(system: str, object_name: str) -> tuple[SourceContract, SourceObject]:
    """The declared object. Raises UnknownObject, ContractError."""
    contract = resolve_system(system)
    try:
        return contract, contract.object(object_name)
    except KeyError:
        declared = ", ".join(obj.name for obj in contract.objects)
        raise UnknownObject(f"{system} declares no object {object_name!r}; there are {declared}") from None


def ingest_object(
    system: str,
    object: str,
    *,
    full_refresh: bool = False,
    since: str | None = None,
    dry_run: bool = False,
    run_url: str | None = None,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> LoadOutcome:
    """Load one object from its source into raw.

    An open load is finished first: a plain request then reports that load (the next run reads on), another one follows it.
    Raises SourceDown after retries, UnknownObject, ContractError, SuiteError, ConnectionNotConfigured, UserError for a bad `since`.
    """
    contract, obj = resolve_object(system, object)
    request = IngestRequest(full_refresh=full_refresh, since=since, dry_run=dry_run, run_url=run_url)
    with object_session(obj) as connection:
        if connection is None:
            return _already_running(obj)
        return LoadRun(connection, contract, obj, request, progress=progress, sleep=sleep).ingest()


def ingest_system(system: str, objects: Sequence[str] | None = None, **options: Any) -> list[LoadOutcome]:
    """Load several objects of a system, those that others refer to first; options as in `ingest_object`.

    An object whose source is down does not keep the others from loading; SourceDown is raised at the end.
    """
    contract = resolve_system(system)
    wanted = [resolve_object(system, name)[1] for name in objects] if objects else list(contract.objects)
    outcomes, down = [], []
    for obj in in_reference_order(wanted):
        try:
            outcomes.append(ingest_object(system, obj.name, **options))
        except SourceDown as error:
            down.append(str(error))
    if down:
        raise SourceDown("\n".join(dict.fromkeys(down)))
    return outcomes


def in_reference_order(objects: Sequence[SourceObject]) -> list[SourceObject]:
    """Objects that others refer to first; otherwise as given. Circles are broken where they are met."""
    by_name = {obj.full_name: obj for obj in objects}
    ordered: dict[str, SourceObject] = {}

    def add(obj: SourceObject, above: frozenset[str]) -> None:
        for f in obj.fields:
            target = f"{f.references.system}.{f.references.object}" if f.references else None
            if target in by_name and target not in above and target not in ordered:
                add(by_name[target], above | {target})
        ordered.setdefault(obj.full_name, obj)

    for obj in objects:
        add(obj, frozenset({obj.full_name}))
    return list(ordered.values())


def sweep_object(
    system: str,
    object: str,
    *,
    run_url: str | None = None,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> LoadOutcome:
    """Compare all keys of the source with raw and bury those the source no longer holds; gated like any load.

    Only rows published before the sweep began can be buried. Raises as `ingest_object` does.
    """
    contract, obj = resolve_object(system, object)
    request = IngestRequest(run_url=run_url, sweep=True)
    with object_session(obj) as connection:
        if connection is None:
            return _already_running(obj)
        return LoadRun(connection, contract, obj, request, progress=progress, sleep=sleep).ingest()


def replay_quarantined(
    quarantine_ids: Sequence[int], *, by: str, why: str, corrections: Mapping[str, str | None] | None = None
) -> list[LoadOutcome]:
    """Send open quarantine rows through their gate again, with `corrections` (field → text, None for null) over their values.

    One load per object, in no other way different from any. Raises UserError for unknown rows, fields, or an open load in the way.
    """
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        rows = [quarantine.get(connection, quarantine_id) for quarantine_id in dict.fromkeys(quarantine_ids)]
    settled = [str(row.quarantine_id) for row in rows if row.state != "open"]
    if settled:
        raise UserError(f"not open any more: {', '.join(settled)}; `customer360 quarantine show` says how they were settled")
    unreadable = [str(row.quarantine_id) for row in rows if "_raw" in row.payload]
    if unreadable:
        raise UserError(
            f"rows that could not be split into fields cannot be replayed: {', '.join(unreadable)}; mend them at the source, or waive them"
        )
    outcomes = []
    for system, name in dict.fromkeys((row.system, row.object) for row in rows):
        contract, obj = resolve_object(system, name)
        unknown = set(corrections or {}) - {f.name for f in obj.fields}
        if unknown:
            raise UserError(
                f"{obj.full_name} declares no field {', '.join(sorted(unknown))}; correct one of {', '.join(f.name for f in obj.fields)}"
            )
        ids = [row.quarantine_id for row in rows if (row.system, row.object) == (system, name)]
        with object_session(obj) as session:
            if session is None:
                raise UserError(f"{obj.full_name} is being loaded now; try again when that load has ended")
            run = LoadRun(session, contract, obj, IngestRequest())
            outcomes.append(run.replay(ids, corrections=dict(corrections or {}), by=by, why=why))
    return outcomes


def _already_running(obj: SourceObject) -> LoadOutcome:
    return LoadOutcome(load_id=None, system=obj.system, object=obj.name, state="already_running", counts=ledger.Counts())
