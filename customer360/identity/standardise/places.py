"""Addresses, postal codes, cities, regions, countries."""

from __future__ import annotations

import re
import unicodedata

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping
from customer360.identity.standardise.text import fold, text

_LEADING_NUMBER = re.compile(r"^(\d+[a-z]?(?:[ /-]\d+[a-z]?)?|[a-z]\d+)\s+(?=\D)")
_TRAILING_NUMBER = re.compile(r"\s(\d+(?:\s?[a-z])?(?:[ /-]\d+[a-z]?)?)$")
_US_PLUS_FOUR = re.compile(r"^(\d{5})[- ]?\d{4}$")


def street(value: str) -> Standardised:
    """Street name with its kind written out ('Aston Cres.' → 'aston crescent', 'Hauptstr.' → 'hauptstrasse').

    Parts: `house_number`, where the line holds one; `name`, the street without its kind.
    """
    words_of = _expanded(value)
    if not words_of:
        return NOTHING
    line = " ".join(words_of)
    number, name = _split_number(line)
    kinds = frozenset(mapping("street_kinds").values())
    core = [word for word in name.split() if word not in kinds]
    parts = {"name": " ".join(core) or name}
    if number:
        parts["house_number"] = number
    return Standardised(line, parts)


def _expanded(value: str) -> list[str]:
    base = text(value).value
    if base is None:
        return []
    kinds, found = mapping("street_kinds"), base.split()
    for index, word in enumerate(found):
        # "st" opens "St Pauls Court" and closes "Short St": only after a name is it a street
        if index and word in kinds:
            found[index] = kinds[word]
        elif index == len(found) - 1 or found[index + 1].isdigit():
            found[index] = re.sub(r"(?<=[a-z]{3})str$", "strasse", word)
    return found


def _split_number(line: str) -> tuple[str, str]:
    if match := _LEADING_NUMBER.match(line):
        return match[1].replace(" ", ""), line[match.end() :]
    if match := _TRAILING_NUMBER.search(line):
        return match[1].replace(" ", ""), line[: match.start()]
    return "", line


def address(value: str) -> Standardised:
    """One address line; parts as for `street`."""
    return street(value)


def house_number(value: str) -> Standardised:
    """'No. 12 A' → '12a'; zero and text without a digit are no number."""
    folded = fold(value)
    folded = re.sub(r"^(no|nr|number|unit|flat|apt|house)\s+", "", folded)
    compact = re.sub(r"(?<=\d) (?=[a-z]\b)", "", folded)
    compact = re.sub(r"^0+(?=\d)", "", compact).replace(" ", "-")
    if not any(character.isdigit() for character in compact) or compact == "0":
        return NOTHING
    return Standardised(compact)


def city(value: str) -> Standardised:
    """City, town or place."""
    return text(value)


def region(value: str) -> Standardised:
    """State, province or county, as text."""
    return text(value)


def postal_code(value: str) -> Standardised:
    """Capitals and digits without separators; ZIP+4 → ZIP. One character repeated ('00000', 'XXXXX') is no code. Parts: `area`."""
    plain = unicodedata.normalize("NFKC", value).strip()
    if match := _US_PLUS_FOUR.match(plain):
        plain = match[1]
    plain = re.sub(r"\.0$", "", plain)
    compact = fold(plain).replace(" ", "").upper()
    if len(compact) < 3 or len(compact) > 10 or len(set(compact)) == 1 or not any(character.isdigit() for character in compact):
        return NOTHING
    area = compact[:-3] if compact[0].isalpha() and len(compact) >= 5 else compact[: max(2, len(compact) - 2)]
    return Standardised(compact, {"area": area})


def country(value: str) -> Standardised:
    """ISO 3166-1 alpha-2 from a code (two or three letters) or a name in the languages of `data/countries.csv`; else no value."""
    code = mapping("countries").get(fold(value))
    return Standardised(code) if code else NOTHING
