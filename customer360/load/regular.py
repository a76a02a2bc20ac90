r"""Regular rows: text that is sure to be a value of the contract's type lands as that type, without a pass of its own.

Sure are plain spellings alone (whole and decimal numbers well within the type's range, ISO 8601 dates and moments, true and false);
they are a part of what `convert.fits` lets through, and PostgreSQL reads them to the same values. All other rows land as text and
are converted, or set aside, as ever. A part's column is judged by one regular expression over all its values, since a call for each
would cost more than the pass it saves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import Row

_DAY = r"[12]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"  # but for 29 February
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_ZONE = r"(?:Z|[+-](?:0\d|1[0-3])(?::?[0-5]\d)?)"
_SPELLINGS = {
    "smallint": r"-?\d{1,4}",
    "integer": r"-?\d{1,9}",
    "bigint": r"-?\d{1,18}",
    "numeric": r"-?\d{1,40}(?:\.\d{1,40})?",
    "real": r"-?\d{1,15}(?:\.\d{1,15})?",
    "double precision": r"-?\d{1,15}(?:\.\d{1,15})?",
    "boolean": r"true|false",
    "date": _DAY,
    "timestamptz": rf"{_DAY}[T ]{_CLOCK}{_ZONE}",
    "time": _CLOCK,
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}
_SIZED = re.compile(r"numeric\((\d+)(?:,\s*(\d+))?\)")


def spelling(sql_type: str) -> str | None:
    """A regular expression of the texts that are sure to be of the type; None where any text is."""
    if sql_type == "text":
        return None
    if sized := _SIZED.fullmatch(sql_type):
        whole = int(sized[1]) - int(sized[2] or 0) - 1  # one digit less than fits: what follows the point may round up
        return rf"-?\d{{1,{whole}}}(?:\.\d{{1,40}})?" if whole > 0 else "(?!)"
    return _SPELLINGS.get(sql_type, "(?!)")


@dataclass(frozen=True, slots=True)
class _Column:
    place: int
    is_regular: Callable[[str], object]
    are_regular: Callable[[str], object]


class RegularRows:
    """Tells an object's regular rows from the others."""

    def __init__(self, obj: SourceObject) -> None:
        spelled = [(place, pattern) for place, f in enumerate(obj.fields) if (pattern := spelling(f.sql_type)) is not None]
        self._columns = [
            _Column(place, re.compile(pattern, re.ASCII).fullmatch, re.compile(rf"(?:(?:{pattern})\n)*+", re.ASCII).fullmatch)
            for place, pattern in spelled
        ]

    def others(self, rows: Sequence[Row]) -> set[int]:
        """The places in `rows` of those that are not regular."""
        found: set[int] = set()
        for column in self._columns:
            place = column.place
            values = [value for row in rows if (value := row[place]) is not None]
            text = "\n".join(values)
            if not values or (text.count("\n") == len(values) - 1 and column.are_regular(text + "\n")):
                continue
            found.update(n for n, row in enumerate(rows) if (value := row[place]) is not None and not column.is_regular(value))
        return found
