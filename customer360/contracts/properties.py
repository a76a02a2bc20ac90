"""Small readings that every part of a contract needs: a text that must be there, and the customProperties of an entry."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from customer360.contracts.document import Document, Path_
from customer360.contracts.problems import did_you_mean

_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def text_at(document: Document, path: Path_, entry: dict[str, Any], key: str, *, fix: str) -> str | None:
    """The text at `key`; when it is missing or blank that is reported with `fix`, and None comes back."""
    value = entry.get(key)
    if isinstance(value, str) and value.strip():
        return value
    document.report((*path, key), f"{key} is missing", fix)
    return None


def duration_at(document: Document, path: Path_, entry: dict[str, Any], key: str) -> timedelta | None:
    """The time span at `key`: '15m'. None when there is none, or when it is none, which is reported."""
    text = entry.get(key)
    if text is None:
        return None
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        document.report((*path, key), f"{key} {text!r} is no time span", "write a number and s, m, h or d: 15m")
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def custom_properties(document: Document, path: Path_, entry: dict[str, Any], *, known: tuple[str, ...]) -> dict[str, tuple[Path_, Any]]:
    """The entry's customProperties by name, each with the path of its value. Unknown and doubled ones are reported."""
    found: dict[str, tuple[Path_, Any]] = {}
    for position, item in enumerate(entry.get("customProperties") or []):
        where = (*path, "customProperties", position)
        name = item.get("property") if item else None
        if name not in known:
            document.report((*where, "property"), f"unknown custom property {name!r}", did_you_mean(name, known))
        elif name in found:
            document.report(where, f"custom property {name} is given twice", "keep one of them")
        elif item.get("value") is None:
            document.report((*where, "value"), f"custom property {name} has no value", "give it one, or take the entry out")
        else:
            found[name] = (*where, "value"), item["value"]
    return found
