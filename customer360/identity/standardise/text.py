"""Plain text: one script, one case, one kind of space."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import words

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’‘`´ʼ′](?=\w)")
# UTF-8 read as Windows-1252 or Latin-1: a lead byte, then a continuation byte as what it is there. After most leads quotes, dashes and
# dots do
# not count: 'ANDRÉ’S' and 'CAFÉ…' are what they say.
_MISREAD = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|[\u00c4-\u00f4][\u0080-\u00aa\u00ac-\u00ba\u00bc-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u201a\u201e\u2020-\u2022\u2030\u2039\u203a\u20ac]"
)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe0e\ufe0f]")


def composed(value: str) -> str:
    """NFKC text as it was meant: 'MÃ¼ller' → 'Müller', no invisible characters, no surrounding space."""
    if value.isascii():
        return value.strip()
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", _reread(value))).strip()


def _reread(value: str) -> str:
    """Text that was decoded as Windows-1252 though it was UTF-8, decoded aright; twice spoiled text too. Other text stays as it is.

    A strict UTF-8 decoder is the judge: letters that only look like a misreading hardly ever make a valid sequence.
    """
    for _ in range(2):
        if not _MISREAD.search(value):
            break
        try:
            value = b"".join(_byte(character) for character in value).decode("utf-8")
        except (UnicodeDecodeError, UnicodeEncodeError):
            break
    return value


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")  # five bytes that Windows-1252 leaves open are read as themselves


def fold(value: str) -> str:
    """Lower-case ASCII words with single spaces: `composed`, then transliteration ('Ｍüller' → 'muller', 'Иван' → 'ivan').

    An apostrophe inside a word vanishes ("O'Neil" → "oneil"); every other sign, and every picture, becomes a space.
    """
    if value.isascii():
        return _NOT_WORD.sub(" ", _APOSTROPHE.sub("", value).lower()).strip()
    whole = _APOSTROPHE.sub("", composed(value))
    pictureless = "".join(" " if unicodedata.category(character) == "So" else character for character in whole)
    return _NOT_WORD.sub(" ", _APOSTROPHE.sub("", anyascii(pictureless)).lower()).strip()


def is_placeholder(folded: str) -> bool:
    """Whether a whole folded value is what systems write where they know nothing (`data/placeholders.txt`)."""
    return folded in words("placeholders")


def text(value: str) -> Standardised:
    """Folded text; placeholders ('n/a', 'unknown') and text without a letter or digit have no value."""
    folded = fold(value)
    if not folded or is_placeholder(folded):
        return NOTHING
    return Standardised(folded)
