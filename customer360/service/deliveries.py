"""One webhook delivery: who may send it, what it is called, what rows it brings, and how it gets into landing."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from customer360.contracts.model import SourceContract, SourceObject
from customer360.contracts.streams import Webhook
from customer360.errors import UserError
from customer360.extract import json_documents
from customer360.extract.protocol import Part, Reject, Rows
from customer360.load import landing
from customer360.load.relations import Warehouse
from customer360.service.signatures import Refused, Signature
from customer360.warehouse import connections, tables
from customer360.warehouse.roles import Role

CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What one source object accepts."""

    obj: SourceObject
    webhook: Webhook
    secrets: Sequence[str] = field(repr=False)

    @property
    def signature(self) -> Signature:
        """How its deliveries are signed."""
        rules = self.webhook
        return Signature(
            form=rules.form,
            header=rules.header,
            tolerance=timedelta(seconds=rules.tolerance_seconds),
            prefix=rules.prefix,
            encoding=rules.encoding,
            timestamp_header=rules.timestamp_header,
        )

    def delivery_id(self, headers: Mapping[str, str], body: bytes, parsed: Any) -> str:
        """What the sender calls the delivery, or a hash of its content. Raises Refused where the declared name is missing."""
        rules = self.webhook
        if rules.delivery_header is not None:
            given = headers.get(rules.delivery_header.lower())
            if not given:
                raise Refused(f"the header {rules.delivery_header} is missing")
            return f"id:{given[:500]}"
        if rules.delivery_field is not None and isinstance(parsed, dict):
            found = parsed.get(rules.delivery_field)
            if isinstance(found, str | int):
                return f"id:{str(found)[:500]}"
        return f"sha256:{hashlib.sha256(body).hexdigest()}"


def parts(obj: SourceObject, parsed: Any, body: bytes, *, name: str) -> list[Part]:
    """The rows of a delivery: one document, or a list of them. What is no document is kept as it is, for quarantine."""
    documents = parsed if isinstance(parsed, list) else [parsed]
    make = json_documents.row_maker(obj)
    found: list[Part] = []
    for number, document in enumerate(documents, start=1):
        place = f"delivery {name}" if len(documents) == 1 else f"delivery {name} document {number}"
        if not isinstance(document, dict):
            raw = body.decode(errors="backslashreplace") if document is None else json_documents.safe_text(document)
            found.append(Reject(raw=raw.replace("\0", "\\x00"), reason="not a JSON object", place=place))
        elif (reason := json_documents.unstorable(document)) is not None:
            found.append(Reject(raw=json_documents.safe_text(document), reason=reason, place=place))
        else:
            found.append(Rows(rows=[make(document)]))
    return found


def parse(body: bytes) -> Any:
    """The JSON value in a body; None where there is none."""
    try:
        return json_documents.parse_page(body)
    except json_documents.NotADocument:
        return None


def receivers(contracts: Mapping[str, SourceContract]) -> dict[tuple[str, str], Receiver]:
    """All objects that are sent to us. Raises ConnectionNotConfigured, UserError for a contract without a secret."""
    found = {}
    for contract in contracts.values():
        webhook = contract.server.get("webhook")
        if contract.kind != "webhook" or not isinstance(webhook, Webhook):
            continue
        secrets = _secrets(contract, connections.uri(contract.connection))
        for obj in contract.objects:
            found[contract.system, obj.name] = Receiver(obj=obj, webhook=webhook, secrets=secrets)
    return found


def _secrets(contract: SourceContract, uri: str) -> list[str]:
    """`webhook://:SECRET@receiver?previous=OLD`: the password and every `previous`, so that secrets can be rotated."""
    address = urlsplit(uri)
    secrets = [unquote(address.password or ""), *parse_qs(address.query).get("previous", [])]
    usable = [secret for secret in secrets if len(secret) >= 16]
    if not usable or len(usable) != len(secrets):
        variable = connections.environment_variable(contract.connection)
        raise UserError(
            f"{contract.system}: each secret needs 16 characters; set {variable}='webhook://:SECRET@receiver?previous=OLD-SECRET'"
        )
    return usable


class Landing:
    """Writes deliveries to the warehouse, over a few connections that are kept."""

    def __init__(self, receivers: Mapping[tuple[str, str], Receiver]) -> None:
        self._receivers = receivers
        self._idle: queue.LifoQueue[Warehouse | None] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(None)

    def prepare(self) -> None:
        """Make the tables that deliveries land in. Raises psycopg.OperationalError while the warehouse is down."""
        with self._connection() as connection:
            for receiver in self._receivers.values():
                tables.ensure(connection, receiver.obj)

    def land(self, obj: SourceObject, delivery: Sequence[Part], *, name: str) -> Literal["received", "known"]:
        """Durable in landing when this returns; `known` if it was before."""
        with self._connection() as connection:
            return "received" if landing.land_delivery(connection, obj, delivery, name=name) else "known"

    def close(self) -> None:
        """Give the connections back."""
        with suppress(queue.Empty):
            while True:
                connection = self._idle.get_nowait()
                if connection is not None:
                    connection.close()

    @contextmanager
    def _connection(self) -> Iterator[Warehouse]:
        connection = self._idle.get()
        try:
            if connection is None or connection.closed:
                connection = connections.connect(role=Role.LOADER, autocommit=True)
                connection.execute("set synchronous_commit = on")  # whatever the server's default: what is answered for is on disk
            yield connection
        except psycopg.OperationalError:
            if connection is not None:
                connection.close()  # a restart of the server breaks all of them; each is made anew when it is used
            raise
        finally:
            self._idle.put(connection)
