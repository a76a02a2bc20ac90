"""Readers: one per kind of source system. Each imports only when it is used; see `customer360.extract.protocol`."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from customer360.contracts.model import SourceContract, SourceObject
from customer360.extract.protocol import Reader, ReaderFactory, SourceRefused

READERS: dict[str, str] = {
    "postgresql": "customer360.extract.postgres:PostgresReader",
    "api": "customer360.extract.rest:RestReader",
    "local": "customer360.extract.files:FilesReader",
    "s3": "customer360.extract.files:FilesReader",
    "sftp": "customer360.extract.files:FilesReader",
    "kafka": "customer360.extract.kafka:KafkaReader",
    "amqp": "customer360.extract.amqp:AmqpReader",
}
"""Kind of system (a contract's servers[].type, of a custom one its protocol) → module:class."""

CHANGES_READER = "customer360.extract.cdc:ChangesReader"
"""PostgreSQL tables whose changes are followed, instead of being asked for by cursor."""


def open_reader(contract: SourceContract, uri: str, obj: SourceObject | None = None) -> Reader:
    """The reader for the contract's kind of system, for the resolved connection `uri`; `obj` is the object to be read."""
    place = CHANGES_READER if obj is not None and obj.extract.changes is not None else READERS.get(contract.kind)
    if place is None:
        raise SourceRefused(f"{contract.system}: no reader for servers[].type {contract.kind!r}; there are {', '.join(sorted(READERS))}")
    module, name = place.split(":")
    return cast(ReaderFactory, getattr(import_module(module), name))(contract, uri)
