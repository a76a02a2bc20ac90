"""Keyed hashes of identifiers: equal values give equal hashes, and without the key nobody can try values out."""

from __future__ import annotations

import hashlib
import os

from customer360.errors import UserError
from customer360.platform import home

KEY_VARIABLE = "C360_HASH_KEY"
_HASH_BYTES = 16
_SHORTEST = 32


class HashKeyError(UserError):
    """The key for identifier hashes cannot be used."""


def key() -> bytes:
    """The key: `C360_HASH_KEY` (at least 32 characters), or the platform's generated secret `identifier_hash`.

    Losing it changes the hashes on edges and refusals with the next full run, and no customer id. Raises HashKeyError.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given is None:
        given = home.secret("identifier_hash")
    if len(given) < _SHORTEST:
        raise HashKeyError(f"{KEY_VARIABLE} must hold at least {_SHORTEST} characters, e.g. from `openssl rand -hex 32`")
    return hashlib.sha256(given.encode()).digest()


def keyed_hash(secret: bytes, *parts: str) -> bytes:
    """16 bytes over the parts (what kind of identifier, its value)."""
    return hashlib.blake2b("\x1f".join(parts).encode(), key=secret, digest_size=_HASH_BYTES).digest()
