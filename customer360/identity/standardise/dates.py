"""Birth dates and birth years."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping
from customer360.identity.standardise.text import fold

EARLIEST_YEAR, LATEST_YEAR = 1000, 2035  # people of history are customers of archives; nobody is born after the software
_CENTURY_PIVOT = 30  # two-digit years up to 30 are 20xx
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_COMPACT_DAY_FIRST = re.compile(r"^(\d{2})(\d{2})(\d{4})$")
_YEAR_FIRST = re.compile(r"^(\d{4})[-/. ]+(\d{1,2})[-/. ]+(\d{1,2})$")
_YEAR_LAST = re.compile(r"^(\d{1,2})[-/. ]+(\d{1,2})[-/. ]+(\d{4}|\d{2})$")
_YEAR_MONTH = re.compile(r"^(\d{4})[-/. ]?(\d{2})$")
_MONTH_YEAR = re.compile(r"^(\d{1,2})[-/.](\d{4})$")
_YEAR = re.compile(r"^(\d{4})(?:\.0)?$")
_MONTH_FIRST_REGIONS = frozenset({"US", "PH", "FM", "MH", "PW"})


def birth_date(value: str, region: str | None = None) -> Standardised:
    """ISO date, or `YYYY-MM`, `YYYY` where no more is known (flag `partial`). Impossible dates have no value.

    1981-30-05 can only be 30 May: read so and flagged `swapped_day_month`. 03/04/1980 is 3 April (in a month-first `region`,
    4 March), flagged `ambiguous_day_month`. Parts: `year`, `month`, `day`.
    """
    plain = _TIME.sub("", unicodedata.normalize("NFKC", value).strip())
    month_first = region in _MONTH_FIRST_REGIONS
    if (match := _YEAR_FIRST.match(plain) or _COMPACT.match(plain)) and (found := _date(int(match[1]), int(match[2]), int(match[3]))):
        return found
    if match := _YEAR_LAST.match(plain) or _COMPACT_DAY_FIRST.match(plain):
        day, month = int(match[1]), int(match[2])
        if month_first:
            day, month = month, day
        return _ambiguous(_date(_full_year(match[3]), month, day, swap_is_odd=False) or NOTHING, day, month)
    if match := _YEAR_MONTH.match(plain):
        return _partial(int(match[1]), int(match[2]))
    if match := _MONTH_YEAR.match(plain):
        return _partial(int(match[2]), int(match[1]))
    if _YEAR.match(plain):
        return birth_year(plain)
    return _worded(plain)


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year <= _CENTURY_PIVOT else 1900)


def _ambiguous(found: Standardised, day: int, month: int) -> Standardised:
    if found.value is not None and day <= 12 and month <= 12 and day != month:
        return Standardised(found.value, found.parts, found.flags | {"ambiguous_day_month"})
    return found


def _date(year: int, month: int, day: int, *, swap_is_odd: bool = True) -> Standardised | None:
    """The date, with day and month swapped if only that is possible; None if neither is."""
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    for this_month, this_day, swapped in ((month, day, False), (day, month, True)):
        try:
            found = date(year, this_month, this_day)
        except ValueError:
            continue
        iso = found.isoformat()
        flags = frozenset({"swapped_day_month"}) if swapped and swap_is_odd else frozenset()
        return Standardised(iso, {"year": iso[:4], "month": iso[5:7], "day": iso[8:]}, flags)
    return None


def _partial(year: int, month: int) -> Standardised:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR or not 0 <= month <= 12:
        return NOTHING
    if month == 0:
        return birth_year(f"{year:04d}")
    return Standardised(f"{year:04d}-{month:02d}", {"year": f"{year:04d}", "month": f"{month:02d}"}, frozenset({"partial"}))


def _worded(plain: str) -> Standardised:
    """'3 May 1980', 'May 3rd, 1980', 'May 1980'."""
    months = mapping("months")
    year = month = day = None
    for token in fold(plain).split():
        number = re.sub(r"(st|nd|rd|th)$", "", token)
        if token.isalpha() and token in months:
            month = int(months[token])
        elif number.isdigit() and len(number) == 4:
            year = int(number)
        elif number.isdigit() and len(number) <= 2:
            day = int(number)
        elif token not in {"de", "of", "del"}:
            return NOTHING
    if year is None or month is None:
        return NOTHING
    if day is None:
        return _partial(year, month)
    return _date(year, month, day, swap_is_odd=True) or NOTHING


def birth_year(value: str) -> Standardised:
    """Four digits, flag `partial`; a whole date gives its year."""
    plain = unicodedata.normalize("NFKC", value).strip()
    if match := _YEAR.match(plain):
        year = int(match[1])
        if EARLIEST_YEAR <= year <= LATEST_YEAR:
            return Standardised(f"{year:04d}", {"year": f"{year:04d}"}, frozenset({"partial"}))
        return NOTHING
    whole = birth_date(plain) if not plain.isdigit() or len(plain) > 4 else NOTHING
    return birth_year(whole.parts["year"]) if whole.value else NOTHING
