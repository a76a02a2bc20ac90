"""Held loads: a refused load of a stream, whose rows landing alone still has, until somebody decides.

replay  judge it anew, after its suite or contract was mended
accept  publish it though it is refused; rows that fail go to quarantine
waive   give it up: its rows are not published

What the stream brought since waits in landing, in order, and is loaded next in all three cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from customer360.errors import UserError
from customer360.load import landing, ledger, relations, stream
from customer360.observe import incidents
from customer360.pipeline.ingest import resolve_object
from customer360.pipeline.load_run import IngestRequest, LoadRun
from customer360.pipeline.outcome import LoadOutcome
from customer360.pipeline.sessions import object_session
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

Decision = Literal["replay", "accept", "waive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLoad:
    """A held load and how many rows wait behind it."""

    load: ledger.Load
    waiting: int


def listed() -> list[HeldLoad]:
    """All held loads, oldest first."""
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        found = []
        for load in ledger.list_held(connection):
            obj = resolve_object(load.system, load.object)[1]
            found.append(HeldLoad(load=load, waiting=stream.count_waiting(connection, obj)))
        return found


def settle(load_id: int, decision: Decision, *, by: str, why: str) -> LoadOutcome:
    """Carry out what somebody decided about a held load. A replay that is refused again leaves it held.

    Raises UserError for a load that is not held, or whose object is being loaded now.
    """
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        load = _held(connection, load_id)
    contract, obj = resolve_object(load.system, load.object)
    with object_session(obj) as session:
        if session is None:
            raise UserError(f"{obj.full_name} is being loaded now; try again when that load has ended")
        load = _held(session, load_id)
        run = LoadRun(session, contract, obj, IngestRequest())
        if decision != "waive":
            return run.settle(load, accepted=decision == "accept", by=by, why=why)
        with session.transaction():
            landing.discard(session, obj, load)
            given_up = ledger.settle_held(session, load, state="abandoned", by=by, why=why)
            incidents.close_incident(session, kind="load_refused", subject=obj.full_name, reason=f"load {load_id} was given up by {by}")
        return LoadOutcome(load_id=load_id, system=load.system, object=load.object, state="waived", counts=given_up.counts)


def _held(connection: relations.Warehouse, load_id: int) -> ledger.Load:
    try:
        load = ledger.find(connection, load_id)
    except KeyError:
        raise UserError(f"there is no load {load_id}; `customer360 held list` shows those that are held") from None
    if load.state != "held":
        raise UserError(f"load {load_id} is {load.state}, not held; `customer360 held list` shows those that are")
    return load
