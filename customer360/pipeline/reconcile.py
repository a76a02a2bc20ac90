"""Count the sources and hold the counts beside raw: nothing lost, nothing doubled, seen from outside the loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from customer360.contracts.model import Kind, SourceContract, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.extract import open_reader
from customer360.extract.protocol import CountingReader, FilesCountingReader, SourceRefused, SourceUnavailable
from customer360.load import landing, reconciliation
from customer360.load.reconciliation import Counted
from customer360.load.relations import Warehouse
from customer360.pipeline import streams
from customer360.pipeline.sessions import object_session
from customer360.warehouse import connections

_SENT = "it tells what was sent, not what is there"
WHY_NOT: Mapping[Kind, str] = {
    "api": "its contract names no `count`; a sweep of its keys buries what is gone",
    "kafka": f"{_SENT}; `customer360 streams` shows how far it is read",
    "amqp": f"{_SENT}; `customer360 streams` shows how much waits",
    "webhook": f"{_SENT}; a delivery is answered once it is landed",
}
"""Why objects of a kind cannot be counted, and what stands in for a count."""

State = Literal["agrees", "differs", "cannot_be_counted", "never_loaded", "loading", "source_down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What came of one object. `counted`: None where nothing was counted; `why`: the error of a source that did not
    answer, or what its kind cannot do."""

    subject: str
    state: State
    counted: Counted | None = None
    why: str | None = None


def reconcile(system: str | None = None, object_name: str | None = None, *, dry_run: bool = False) -> list[Reconciled]:
    """Count each object that can be counted, and keep what was found. An object that is being loaded is left for the next time."""
    return [
        _reconcile(contract, obj, dry_run=dry_run)
        for contract in load_contracts().values()
        if system in (None, contract.system)
        for obj in contract.objects
        if object_name in (None, obj.name)
    ]


def _reconcile(contract: SourceContract, obj: SourceObject, *, dry_run: bool) -> Reconciled:
    subject = obj.full_name
    if contract.kind in WHY_NOT and obj.extract.count is None:
        return Reconciled(subject=subject, state="cannot_be_counted", why=WHY_NOT[contract.kind])
    with object_session(obj) as connection:  # no load of it runs meanwhile
        if connection is None:
            return Reconciled(subject=subject, state="loading")
        read_at = reconciliation.last_read_at(connection, obj)
        if read_at is None:
            return Reconciled(subject=subject, state="never_loaded")
        try:
            counted = _count(connection, contract, obj, read_at=read_at)
        except (SourceUnavailable, SourceRefused, connections.ConnectionNotConfigured) as error:
            return Reconciled(subject=subject, state="source_down", why=str(error))
        if not dry_run:
            reconciliation.note(connection, obj, counted)
    return Reconciled(subject=subject, state="differs" if counted.missing or counted.surplus else "agrees", counted=counted)


def _count(connection: Warehouse, contract: SourceContract, obj: SourceObject, *, read_at: datetime) -> Counted:
    reader = open_reader(contract, connections.uri(contract.connection), obj)
    try:
        if obj.extract.files:
            files = cast(FilesCountingReader, reader).count_files(landing.read_request(connection, obj), read_at=read_at)
            return Counted(unit="files", source_rows=files.held, in_flight=files.in_flight, raw_rows=files.taken_in, set_aside=0)
        read = landing.read_request(connection, obj, since=reconciliation.last_watermark(connection, obj), dry_run=True)
        source = cast(CountingReader, reader).count(streams.placed(connection, read))
    finally:
        reader.close()
    if obj.extract.stream is not None and reconciliation.is_something_landed(connection, obj):
        source = replace(source, in_flight=source.held, gone_in_flight=None)  # the stream is read further than raw is
    raw_rows, set_aside = reconciliation.count_raw(connection, obj)
    return Counted(
        source_rows=source.held,
        in_flight=source.in_flight,
        gone_in_flight=source.gone_in_flight,
        raw_rows=raw_rows,
        set_aside=set_aside,
    )
