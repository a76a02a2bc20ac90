"""What streams need around their loads: where to read on, what a person is told of their lag, and the check of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from psycopg.rows import class_row

from customer360.contracts.model import SourceContract, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.extract import open_reader
from customer360.extract.protocol import ReadRequest, SourceRefused, SourceUnavailable, StreamReader
from customer360.load import ledger, relations, stream
from customer360.observe import incidents
from customer360.warehouse import connections
from customer360.warehouse.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """One row of ops.stream: how far a stream is landed and how far it is ahead. Times are UTC."""

    system: str
    object: str
    position: dict[str, Any]
    behind_bytes: int | None
    behind_messages: int | None
    behind_seconds: float | None
    retained_bytes: int | None
    moved_at: datetime
    measured_at: datetime


_COLUMNS = "system, object, position, behind_bytes, behind_messages, behind_seconds, retained_bytes, moved_at, measured_at"


def check_request(obj: SourceObject, *, full_refresh: bool) -> None:
    """Raises UserError where everything is asked for again of a source that tells everything once."""
    if full_refresh and obj.extract.stream == "webhook":
        raise UserError(f"{obj.full_name} is sent to us and cannot be read again; ask its sender to send again what is missing")


def placed(connection: relations.Warehouse, request: ReadRequest) -> ReadRequest:
    """The request with what a stream's reader has to know of this warehouse."""
    obj = request.object
    if obj.extract.stream is None:
        return request
    return dataclasses.replace(
        request,
        position=stream.position(connection, obj),
        consumer=stream.consumer(connection),
        is_known_message=lambda message_id: stream.is_known(connection, obj, message_id),
    )


def tell(connection: relations.Warehouse, contract: SourceContract, obj: SourceObject, *, load: ledger.Load | None = None) -> None:
    """Open or close what is to be known of a stream: that it had to begin anew, that the source keeps too much for us."""
    about = {"system": obj.system, "object": obj.name, "owner": contract.owner, "owner_address": contract.owner_address}
    restarted = load.work.get("restarted") if load is not None else None
    if load is not None and restarted:
        incidents.open_incident(
            connection,
            kind="stream_restarted",
            subject=obj.full_name,
            severity="warning",
            title=f"{obj.full_name} could not be followed on and was read from its beginning: {restarted}",
            details=about | {"load_id": load.load_id, "reason": restarted},
        )
    elif load is not None:
        incidents.close_incident(
            connection, kind="stream_restarted", subject=obj.full_name, reason=f"load {load.load_id} went on from the load before"
        )
    _tell_retained(connection, obj, about)


def _tell_retained(connection: relations.Warehouse, obj: SourceObject, about: dict[str, Any]) -> None:
    changes = obj.extract.changes
    state = _state(connection, obj)
    if changes is None or state is None or state.retained_bytes is None:
        return
    if state.retained_bytes > changes.max_retained:
        incidents.open_incident(
            connection,
            kind="stream_retains",
            subject=obj.full_name,
            severity="critical",
            title=f"{obj.full_name}: the source keeps {_megabytes(state.retained_bytes)} of its log for us",
            details=about | {"observed": _megabytes(state.retained_bytes), "allowed": f"at most {_megabytes(changes.max_retained)}"},
        )
    else:
        incidents.close_incident(
            connection, kind="stream_retains", subject=obj.full_name, reason=f"down to {_megabytes(state.retained_bytes)}"
        )


def _megabytes(amount: int) -> str:
    return f"{amount / 1024**2:,.0f} MB"


def _state(connection: relations.Warehouse, obj: SourceObject) -> StreamState | None:
    return next((state for state in states(connection) if (state.system, state.object) == (obj.system, obj.name)), None)


def states(connection: relations.Warehouse) -> list[StreamState]:
    """All streams that were read, as they were last measured."""
    with connection.cursor(row_factory=class_row(StreamState)) as cursor:
        return cursor.execute(f"select {_COLUMNS} from ops.stream order by system, object").fetchall()  # constant column list


def watch() -> dict[str, int]:
    """Measure every stream that was read, and open or close incidents; streams measured and those that could not be.

    Runs beside the loads, because a source's disk fills when loads do not run.
    """
    found = {"measured": 0, "unreachable": 0}
    with connections.connect(role=Role.LOADER, autocommit=True) as connection:
        for contract, obj in _streams():
            if stream.position(connection, obj) is None:
                continue
            try:
                _measure(connection, contract, obj)
                found["measured"] += 1
            except (SourceUnavailable, SourceRefused):
                found["unreachable"] += 1  # the loads tell
    return found


def _measure(connection: relations.Warehouse, contract: SourceContract, obj: SourceObject) -> None:
    reader = cast(StreamReader, open_reader(contract, connections.uri(contract.connection), obj))
    try:
        lag = reader.measure(placed(connection, ReadRequest(object=obj)))
    finally:
        reader.close()
    stream.measured(connection, obj, lag)
    tell(connection, contract, obj)


def _streams() -> Iterator[tuple[SourceContract, SourceObject]]:
    for contract in load_contracts().values():
        for obj in contract.objects:
            if obj.extract.stream in ("changes", "messages"):
                yield contract, obj
