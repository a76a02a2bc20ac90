"""Plain text: one script, one case, one kind of space."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

from customer360.identity.standardise.result import NOTHING, Standardised

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´ʼ′](?=\w)")
# What systems write where they know nothing. Whole values only.
PLACEHOLDERS = frozenset(
    {
        *("na", "n a", "nan", "none", "null", "nil", "unknown", "unk", "not known", "not available", "not applicable", "not provided"),
        *("missing", "anonymous", "tbd", "tba", "undefined", "no name", "unbekannt", "inconnu", "desconocido"),
    }
)


def fold(value: str) -> str:
    """Lower-case ASCII words with single spaces: NFKC, then transliteration ('Ｍüller' → 'muller', 'Иван' → 'ivan').

    An apostrophe inside a word vanishes ("O'Neil" → "oneil"); every other sign becomes a space.
    """
    composed = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", value))
    latin = composed if composed.isascii() else anyascii(composed)
    return _NOT_WORD.sub(" ", _APOSTROPHE.sub("", latin).lower()).strip()


def text(value: str) -> Standardised:
    """Folded text; placeholders ('n/a', 'unknown') and text without a letter or digit have no value."""
    folded = fold(value)
    if not folded or folded in PLACEHOLDERS:
        return NOTHING
    return Standardised(folded)
