"""Identifiers and gender."""

from __future__ import annotations

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping
from customer360.identity.standardise.text import PLACEHOLDERS, fold

_DUMMIES = frozenset({"123456789", "1234567890", "12345678", "0123456789", "987654321"})


def identifier(value: str) -> Standardised:
    """Capitals and digits without separators. One character repeated, and the digits in order, identify nobody."""
    folded = fold(value)
    compact = folded.replace(" ", "").upper()
    if len(compact) < 3 or len(set(compact)) == 1 or compact in _DUMMIES or folded in PLACEHOLDERS:
        return NOTHING
    return Standardised(compact)


def gender(value: str) -> Standardised:
    """`f`, `m` or `x`; other text has no value."""
    code = mapping("genders").get(fold(value))
    return Standardised(code) if code else NOTHING
