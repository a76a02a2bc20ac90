"""Identifiers and gender."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from types import ModuleType

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping, table
from customer360.identity.standardise.text import composed, fold, is_placeholder

_IN_A_ROW = ("01234567890123456789", "98765432109876543210")
_SPREADSHEET_ZERO = re.compile(r"(?<=\d{3})\.0$")
_BY_SIGN = {"男": "m", "女": "f"}  # transliterated they would be other words


def identifier(value: str) -> Standardised:
    """Capitals and digits without separators. One character repeated, and six or more digits in a row, identify nobody."""
    folded = fold(_SPREADSHEET_ZERO.sub("", composed(value)))
    compact = folded.replace(" ", "").upper()
    if len(compact) < 3 or len(set(compact)) == 1 or _is_in_a_row(compact) or is_placeholder(folded):
        return NOTHING
    return Standardised(compact)


def _is_in_a_row(compact: str) -> bool:
    return len(compact) >= 6 and any(compact in row for row in _IN_A_ROW)


def national_id(value: str, region: str | None = None) -> Standardised:
    """Like `identifier`. Flag `invalid`: the national ids of `region` have public check digits or ranges, and this is none of them.

    The value is kept: a mistyped number is still evidence. Which countries: `data/national_ids.csv`.
    """
    found = identifier(value)
    if found.value is None or region is None or not (kinds := _kinds(region.upper())):
        return found
    written = composed(value)
    if any(kind.is_valid(form) for kind in kinds for form in (found.value, written)):
        return found
    return Standardised(found.value, found.parts, found.flags | {"invalid"})


@cache
def _kinds(region: str) -> tuple[ModuleType, ...]:
    """The checks of a country's national ids, by python-stdnum."""
    return tuple(import_module(f"stdnum.{name}") for name in table("national_ids").get(region, ()))


def gender(value: str) -> Standardised:
    """`f`, `m` or `x`, from words, letters, titles and ISO 5218's codes (`data/genders.csv`); other text has no value."""
    code = _BY_SIGN.get(value.strip()[:1]) or mapping("genders").get(fold(value))
    return Standardised(code) if code else NOTHING
