"""Addresses, postal codes, cities, regions, countries."""

from __future__ import annotations

import re

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping
from customer360.identity.standardise.text import composed, fold, is_placeholder, text

_NUMBER = (
    r"\d+(?:(?:[a-z]| [a-df-mo-rt-vx-z])(?![a-z]))?(?: (?:bis|ter|quater)(?= |$))?(?:[ -]\d+(?:[a-z](?![a-z]))?)?"  # '12 n' begins a north
)
_LEADING_NUMBER = re.compile(rf"^(?:(?:no|nr|number|numero) )?({_NUMBER}|[a-z]\d+) (?=\D|\d+(?:st|nd|rd|th)\b)")
_TRAILING_NUMBER = re.compile(rf"\s(?:(?:no|nr|number|numero|num|n) )?({_NUMBER})$")
_ORDINAL_AFTER = re.compile(r"^(?:st|nd|rd|th)\b")
_UNIT_WORDS = "apartment|unit|flat|suite|room|level|floor|shop|appartement|piso|puerta|interno|wohnung|lejlighed|kvartira"
_UNIT = re.compile(rf"(?:^| )(?:{_UNIT_WORDS}) (\d+[a-z]?|[a-z]\d*)(?= |$)")
_PO_BOX = re.compile(
    r"(?:^|.* )(?:(?:p o|po|gpo|post office|private|locked|p) (?:box|bag)|pobox|postfach|boite postale|b p|bp"
    r"|apartado(?: de correos| postal)?|casella postale|postbus|postboks|caixa postal|skrytka pocztowa|a ya) (\d+)(?= |$)"
)
_US_PLUS_FOUR = re.compile(r"^(\d{5})\d{4}$")
_ZIP_REGIONS = frozenset({"US", "PR"})


def street(value: str) -> Standardised:
    """Street line with its kind and unit words written out ('Aston Cres.' → 'aston crescent', 'Hauptstr. 5' → 'hauptstrasse 5').

    Parts: `name`, the street without its kind; where the line holds them `house_number` (before or behind the name: '12a', '12-14'), `unit`
    ('Apt 4B' → '4b') and `po_box`.
    """
    words_of = _expanded(value)
    if not words_of:
        return NOTHING
    line = " ".join(words_of)
    if box := _PO_BOX.match(line):
        return Standardised(line, {"name": "po box", "po_box": box[1], "house_number": box[1]})
    unit = _UNIT.search(line)
    rest = " ".join((line[: unit.start()] + " " + line[unit.end() :]).split()) if unit else line
    number, name = _split_number(rest)
    kinds = frozenset(mapping("street_kinds").values())
    core = [word for word in name.split() if word not in kinds]
    parts = {"name": " ".join(core) or name or line}
    if number:
        parts["house_number"] = number
    if unit:
        parts["unit"] = unit[1]
    return Standardised(line, parts)


def _expanded(value: str) -> list[str]:
    base = text(value.replace("#", " apt ")).value
    if base is None:
        return []
    kinds, leading, units, directions = (mapping(name) for name in ("street_kinds", "leading_street_kinds", "unit_kinds", "directions"))
    found = base.split()
    for index, word in enumerate(found):
        is_last = index == len(found) - 1
        # "st" opens "St Pauls Court" and closes "Short St": only after a name is it a street
        if index and word in kinds and not found[index - 1].isdigit():
            found[index] = kinds[word]
        elif word in units and not is_last and _names_a_unit(found[index + 1]):
            found[index] = units[word]
        elif not index and not is_last and word in leading:
            found[index] = leading[word]
        elif word in directions and not is_last and index <= 1 and (index == 0 or found[0][:1].isdigit()):
            found[index] = directions[word]
        elif is_last or found[index + 1][0].isdigit():
            found[index] = re.sub(r"(?<=[a-z]{3})str$", "strasse", word)
    return found


def _names_a_unit(word: str) -> bool:
    return word[0].isdigit() or len(word) == 1 or word[1:].isdigit()


def _split_number(line: str) -> tuple[str, str]:
    leading = _LEADING_NUMBER.match(line)
    if leading and not _ORDINAL_AFTER.match(line[leading.end() :]):
        return _joined(leading[1]), line[leading.end() :]
    if match := _TRAILING_NUMBER.search(line):
        return _joined(match[1]), line[: match.start()]
    return "", line


def _joined(number: str) -> str:
    """'12 a' → '12a', '12 14' and '12/14' → '12-14'."""
    compact = re.sub(r"(?<=\d) ?(bis|ter|quater|[a-z])(?![a-z])", r"\1", number)
    return re.sub(r"^0+(?=\d)", "", re.sub(r"[ /]+", "-", compact))


def address(value: str) -> Standardised:
    """One address line; parts as for `street`."""
    return street(value)


def house_number(value: str) -> Standardised:
    """'No. 12 A' → '12a', '12/14' → '12-14'; zero and text without a digit are no number."""
    plain = re.sub(r"\.0$", "", composed(value))
    folded = re.sub(r"^(?:(?:no|nr|num|numero|number|unit|flat|apt|house|hausnr|n) )+(?=\d)", "", fold(plain))
    compact = _joined(folded)
    if not any(character.isdigit() for character in compact) or compact == "0":
        return NOTHING
    return Standardised(compact)


def city(value: str) -> Standardised:
    """City, town or place, with its first word written out ('St. Louis' → 'saint louis')."""
    found = text(value)
    if found.value is None:
        return found
    first, space, rest = found.value.partition(" ")
    whole = mapping("place_openings").get(first) if rest else None
    return Standardised(f"{whole}{space}{rest}") if whole else found


def region(value: str) -> Standardised:
    """State, province or county; the states of `data/regions.csv` by their abbreviation ('New South Wales' → 'nsw'), others as text."""
    found = text(value)
    code = mapping("regions").get(found.value or "")
    return Standardised(code) if code else found


def postal_code(value: str, region: str | None = None) -> Standardised:
    """Capitals and digits without separators; ZIP+4 → ZIP. One character repeated ('00000', 'XXXXX') is no code. Parts: `area`.

    In the USA a spreadsheet's lost leading zeros are put back ('2134' → '02134').
    """
    folded = fold(re.sub(r"\.0$", "", composed(value)))
    compact = _US_PLUS_FOUR.sub(r"\1", folded.replace(" ", "").upper())
    if region in _ZIP_REGIONS and compact.isdigit() and 3 <= len(compact) < 5:
        compact = compact.zfill(5)
    if not 3 <= len(compact) <= 10 or len(set(compact)) == 1 or is_placeholder(folded) or not any(map(str.isdigit, compact)):
        return NOTHING
    area = compact[:-3] if compact[0].isalpha() and len(compact) >= 5 else compact[: max(2, len(compact) - 2)]
    return Standardised(compact, {"area": area})


def country(value: str) -> Standardised:
    """ISO 3166-1 alpha-2 from a code (two or three letters) or a name in the languages of `data/countries.csv`; else no value."""
    code = mapping("countries").get(fold(value))
    return Standardised(code) if code else NOTHING
