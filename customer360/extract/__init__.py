"""Readers: one per kind of source system. Each imports only when it is used; see `customer360.extract.protocol`."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from customer360.contracts.model import SourceContract
from customer360.extract.protocol import Reader, ReaderFactory, SourceRefused

READERS: dict[str, str] = {
    "postgresql": "customer360.extract.postgres:PostgresReader",
    "api": "customer360.extract.rest:RestReader",
    "local": "customer360.extract.files:FilesReader",
    "s3": "customer360.extract.files:FilesReader",
    "sftp": "customer360.extract.files:FilesReader",
}
"""Kind of system (a contract's servers[].type) → module:class."""


def open_reader(contract: SourceContract, uri: str) -> Reader:
    """The reader for the contract's kind of system, for the resolved connection `uri`."""
    place = READERS.get(contract.kind)
    if place is None:
        raise SourceRefused(f"{contract.system}: no reader for servers[].type {contract.kind!r}; there are {', '.join(sorted(READERS))}")
    module, name = place.split(":")
    return cast(ReaderFactory, getattr(import_module(module), name))(contract, uri)
