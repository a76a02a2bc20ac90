"""How a stream is read: the changes of a PostgreSQL table, deliveries of a webhook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.model import Changes
from customer360.contracts.properties import duration_at

MAX_RETAINED = 10 * 1024**3
"""Bytes of its log that a source may keep for us before an incident opens, where the contract says nothing."""

MAX_BYTES = 1_000_000
"""The largest body of a webhook where the contract says nothing."""

_LARGEST_BODY = 50_000_000
_TOLERANCE_SECONDS = 300.0
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_SIZE = re.compile(r"(\d{1,6})\s*(MB|GB|TB)")
_UNITS = {"MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """How deliveries of a webhook system are signed and named. Secrets stand in the connection."""

    form: Literal["timestamped", "plain"]
    header: str
    tolerance_seconds: float
    prefix: str
    encoding: Literal["hex", "base64"]
    timestamp_header: str | None
    delivery_header: str | None
    delivery_field: str | None
    max_bytes: int


def check_webhook(document: Document, path: Path_, custom: dict[str, tuple[Path_, Any]]) -> Webhook | None:
    """Check the custom properties of a webhook server: `signature`, `delivery`, `max_bytes`."""
    reported = len(document.problems)
    if "signature" not in custom:
        document.report(path, "a webhook says no signature", "add signature: {form: timestamped, header: <name>}, or form: plain")
        return None
    where, signature = custom["signature"]
    if not document.check_keys(where, signature, words.SIGNATURE_KEYS):
        return None
    tolerance = _check_signature(document, where, signature)
    delivery_path, delivery = custom.get("delivery", (path, {}))
    if not document.check_keys(delivery_path, delivery, words.DELIVERY_KEYS):
        return None
    if len(delivery) > 1:
        document.report(delivery_path, "delivery is named twice", "keep header or field")
    _check_header(document, (*delivery_path, "header"), delivery.get("header"), required=False)
    size_path, size = custom.get("max_bytes", (path, MAX_BYTES))
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _LARGEST_BODY:
        document.report(size_path, f"max_bytes {size!r} is no number of bytes up to {_LARGEST_BODY:,}", "write value: 1000000")
    if len(document.problems) > reported:
        return None
    return Webhook(
        form=signature["form"],
        header=signature["header"],
        tolerance_seconds=tolerance,
        prefix=str(signature.get("prefix", "")),
        encoding=signature.get("encoding", "hex"),
        timestamp_header=signature.get("timestamp_header"),
        delivery_header=delivery.get("header"),
        delivery_field=str(delivery["field"]) if "field" in delivery else None,
        max_bytes=size,
    )


def _check_signature(document: Document, path: Path_, signature: dict[str, Any]) -> float:
    """Report what is wrong with it; how old a delivery may be, in seconds."""
    document.check_word((*path, "form"), signature.get("form"), words.SIGNATURE_FORMS)
    for key in ("header", "timestamp_header"):
        _check_header(document, (*path, key), signature.get(key), required=key == "header")
    document.check_word((*path, "encoding"), signature.get("encoding", "hex"), words.SIGNATURE_ENCODINGS)
    if signature.get("form") == "timestamped":
        for key in ("prefix", "encoding", "timestamp_header"):
            if key in signature:
                document.report((*path, key), f"{key} has no meaning where the header is t=…,v1=…", "take it out, or write form: plain")
    tolerance = duration_at(document, path, signature, "tolerance")
    return tolerance.total_seconds() if tolerance else _TOLERANCE_SECONDS


def _check_header(document: Document, path: Path_, value: Any, *, required: bool) -> None:
    if value is None and not required:
        return
    if not (isinstance(value, str) and _HEADER.fullmatch(value)):
        document.report(path, f"{path[-1]} {value!r} names no HTTP header", f"write {path[-1]}: X-Signature")


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
