"""How a stream is read: the changes of a PostgreSQL table."""

from __future__ import annotations

import re
from typing import Any

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.model import Changes

MAX_RETAINED = 10 * 1024**3
"""Bytes of its log that a source may keep for us before an incident opens, where the contract says nothing."""

_SIZE = re.compile(r"(\d{1,6})\s*(MB|GB|TB)")
_UNITS = {"MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


def check_changes(document: Document, path: Path_, value: dict[str, Any], kind: str) -> Changes | None:
    """Check an object's `changes: {publication, max_retained}`; None where there is none, or the reasons were reported."""
    if value.get("changes") is None:
        return None
    where, changes = (*path, "changes"), value["changes"]
    if kind and kind != "postgresql":
        document.report(where, f"changes cannot be followed on a {kind} server", "take it out, or write type: postgresql")
        return None
    if not document.check_keys(where, changes, words.CHANGES_KEYS):
        return None
    if value.get("cursor") is not None:  # a lookback needs one
        document.report(
            (*path, "cursor"), "a cursor has no meaning where changes are followed: they come in order", "take cursor and lookback out"
        )
    if isinstance(value.get("deletes"), dict) and value["deletes"].get("snapshot"):
        document.report((*path, "deletes", "snapshot"), "changes tell deletions themselves", "take it out")
    publication = changes.get("publication")
    if not (isinstance(publication, str) and words.IDENTIFIER.fullmatch(publication)):
        document.report((*where, "publication"), f"publication {publication!r} names none", "write publication: customer360")
        return None
    return Changes(publication=publication, max_retained=_size(document, (*where, "max_retained"), changes.get("max_retained")))


def _size(document: Document, path: Path_, value: Any) -> int:
    if value is None:
        return MAX_RETAINED
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        document.report(path, f"{path[-1]} {value!r} is no amount of bytes", "write a number and MB, GB or TB: 10GB")
        return MAX_RETAINED
    return int(match[1]) * _UNITS[match[2]]
