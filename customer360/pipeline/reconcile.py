"""Count the sources and hold the counts beside raw: nothing lost, nothing doubled, seen from outside the loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from customer360.contracts.model import Kind, SourceContract, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.extract import open_reader
from customer360.extract.protocol import CountingReader, SourceRefused, SourceUnavailable
from customer360.load import reconciliation
from customer360.load.reconciliation import Counted
from customer360.pipeline.load_run import object_session
from customer360.warehouse import connections

_SENT = "it tells what was sent, not what is there"
_FILES = f"{_SENT}; each file is taken in once, by its content, and the ledger counts its rows"
WHY_NOT: Mapping[Kind, str] = {
    "api": "its contract names no `count`; a sweep of its keys buries what is gone",
    "local": _FILES,
    "s3": _FILES,
    "sftp": _FILES,
    "kafka": f"{_SENT}; `customer360 streams` shows how far it is read",
    "amqp": f"{_SENT}; `customer360 streams` shows how much waits",
    "webhook": f"{_SENT}; a delivery is answered once it is landed",
}
"""Why an object that is in no table cannot be counted, and what stands in for a count."""

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
    if contract.kind != "postgresql" and obj.extract.count is None:
        return Reconciled(subject=subject, state="cannot_be_counted", why=WHY_NOT[contract.kind])
    with object_session(obj) as connection:  # no load of it runs meanwhile
        if connection is None:
            return Reconciled(subject=subject, state="loading")
        row = connection.execute(
            "select exists (select from ops.load where system = %s and object = %s and state = 'published')", [obj.system, obj.name]
        ).fetchone()
        if not row or not row[0]:
            return Reconciled(subject=subject, state="never_loaded")
        try:
            source_rows, in_flight = _count_source(contract, obj, after=reconciliation.last_watermark(connection, obj))
        except (SourceUnavailable, SourceRefused, connections.ConnectionNotConfigured) as error:
            return Reconciled(subject=subject, state="source_down", why=str(error))
        raw_rows, set_aside = reconciliation.count_raw(connection, obj)
        counted = Counted(source_rows=source_rows, in_flight=in_flight, raw_rows=raw_rows, set_aside=set_aside)
        if not dry_run:
            reconciliation.note(connection, obj, counted)
    return Reconciled(subject=subject, state="differs" if counted.missing or counted.surplus else "agrees", counted=counted)


def _count_source(contract: SourceContract, obj: SourceObject, *, after: str | None) -> tuple[int, int]:
    reader = cast(CountingReader, open_reader(contract, connections.uri(contract.connection), obj))
    try:
        return reader.count(obj, after=after)
    finally:
        reader.close()
