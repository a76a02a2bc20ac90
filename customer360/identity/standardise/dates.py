"""Birth dates and birth years."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping
from customer360.identity.standardise.text import composed, fold

EARLIEST_YEAR, LATEST_YEAR = 1000, 2035  # people of history are customers of archives; nobody is born after the software
# What forms and clerks put where they know no date.
PLACEHOLDER_DATES = frozenset({"1111-11-11", "1800-01-01", "1900-01-01", "1901-01-01", "1970-01-01"})
_CENTURY_PIVOT = 26  # two-digit years up to 26 are 20xx
_TIME = re.compile(r"(?<=\d)[T ]\d{1,2}[:.]\d{2}\b.*$")
_ABOUT = re.compile(r"^(?:circa|about|abt|around|etwa|um|vers|ca|c|~)[. ]*(?=\d)", re.IGNORECASE)
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:\.0)?$")
_COMPACT_DAY_FIRST = re.compile(r"^(\d{2})(\d{2})(\d{4})$")
_YEAR_FIRST = re.compile(r"^(\d{4})[-/. ]+(\d{1,2}|[x?]{2})[-/. ]+(\d{1,2}|[x?]{2})\.?$", re.IGNORECASE)
_YEAR_LAST = re.compile(r"^(\d{1,2})[-/. ]+(\d{1,2})[-/. ]+(\d{4}|\d{2})$")
_YEAR_MONTH = re.compile(r"^(\d{4})[-/. ]?(\d{2})$")
_MONTH_YEAR = re.compile(r"^(\d{1,2})[-/. ](\d{4})$")
_YEAR = re.compile(r"^(\d{4})(?:\.0)?$")
_SERIAL = re.compile(r"^(\d{5})(?:\.0+)?$")
_EPOCH = re.compile(r"^(-?\d{9,10}|-?\d{12,13})(?:\.0+)?$")
_EAST_ASIAN = re.compile(
    r"^(?:(明治|大正|昭和|平成|令和)(\d{1,2}|元)|(\d{4}))\s*[年년]\s*(?:(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日일])?)?$"
)
_ERA_BEGINS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}  # the year before the era's first
_SERIAL_ZERO, _EPOCH_ZERO = date(1899, 12, 30), date(1970, 1, 1)
_MONTH_FIRST_REGIONS = frozenset({"US", "PH", "FM", "MH", "PW"})
_SAYS_NOTHING = frozenset({"de", "of", "del", "the", "le", "den", "der", "am", "g", "r", "y", "il", "el", "born", "geboren", "ne", "nee"})


def month_first(values: Iterable[str]) -> bool | None:
    """Whether a column writes the month before the day (03/25/1980), told by the values that can only be read one way; None: none tells."""
    first = second = 0
    for value in values:
        if match := _YEAR_LAST.match(_TIME.sub("", value.strip())):
            first += int(match[1]) > 12 >= int(match[2])
            second += int(match[2]) > 12 >= int(match[1])
    return None if first == second else second > first


def birth_date(value: str, region: str | None = None, *, month_first: bool | None = None) -> Standardised:
    """ISO date, or `YYYY-MM`, `YYYY` where no more is known (flag `partial`). Impossible dates have no value.

    Reads ISO, day or month first, month names in some twenty languages, East Asian dates and eras, spreadsheet serials and Unix times
    (both flagged
    `serial`). 1981-30-05 can only be 30 May: read so and flagged `swapped_day_month`. 03/04/1980 is 3 April, or 4 March where
    `month_first` (what
    its column does) or a month-first `region` says so; flagged `ambiguous_day_month`. 1900-01-01 and its like are flagged `placeholder`.
    Parts: `year`, `month`, `day`.
    """
    found = _read(_ABOUT.sub("", _TIME.sub("", composed(value))), region in _MONTH_FIRST_REGIONS if month_first is None else month_first)
    if found.value in PLACEHOLDER_DATES:
        return Standardised(found.value, found.parts, found.flags | {"placeholder"})
    return found


def _read(plain: str, month_first: bool) -> Standardised:
    if (match := _YEAR_FIRST.match(plain) or _COMPACT.match(plain)) and (found := _year_first(match)):
        return found
    if match := _YEAR_LAST.match(plain) or _COMPACT_DAY_FIRST.match(plain):
        return _year_last(match, month_first)
    if match := _YEAR_MONTH.match(plain):
        return _partial(int(match[1]), int(match[2]))
    if match := _MONTH_YEAR.match(plain):
        return _partial(int(match[2]), int(match[1]))
    if _YEAR.match(plain):
        return birth_year(plain)
    return _counted(plain) or _east_asian(plain) or _worded(plain)


def _year_first(match: re.Match[str]) -> Standardised | None:
    """Year, month, day; 00 or XX: not known."""
    year, month, day = (int(part) if part.isdigit() else 0 for part in match.groups())
    return _date(year, month, day) if month and day else _partial(year, month)


def _year_last(match: re.Match[str], month_first: bool) -> Standardised:
    day, month = int(match[1]), int(match[2])
    if not day or not month:
        return _partial(_full_year(match[3]), day or month)
    if month_first:
        day, month = month, day
    found = _date(_full_year(match[3]), month, day, swap_is_odd=False) or NOTHING
    if found.value is not None and day <= 12 and month <= 12 and day != month:
        return Standardised(found.value, found.parts, found.flags | {"ambiguous_day_month"})
    return found


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year <= _CENTURY_PIVOT else 1900)


def _date(year: int, month: int, day: int, *, swap_is_odd: bool = True) -> Standardised | None:
    """The date, with day and month swapped if only that is possible; None if neither is."""
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    for this_month, this_day, swapped in ((month, day, False), (day, month, True)):
        try:
            found = date(year, this_month, this_day)
        except ValueError:
            continue
        return _of(found, {"swapped_day_month"} if swapped and swap_is_odd else ())
    return None


def _of(found: date, flags: Iterable[str] = ()) -> Standardised:
    iso = found.isoformat()
    return Standardised(iso, {"year": iso[:4], "month": iso[5:7], "day": iso[8:]}, frozenset(flags))


def _partial(year: int, month: int) -> Standardised:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR or not 0 <= month <= 12:
        return NOTHING
    if month == 0:
        return birth_year(f"{year:04d}")
    return Standardised(f"{year:04d}-{month:02d}", {"year": f"{year:04d}", "month": f"{month:02d}"}, frozenset({"partial"}))


def _counted(plain: str) -> Standardised | None:
    """Days since a spreadsheet's beginning (five digits), seconds or milliseconds since 1970 (nine digits and more).

    A compact date with a digit too many begins like a year of ours: that is no Unix time.
    """
    if match := _SERIAL.match(plain):
        found = _SERIAL_ZERO + timedelta(days=int(match[1]))
    elif (match := _EPOCH.match(plain)) and not (len(match[1]) == 9 and match[1].startswith(("18", "19", "20"))):
        seconds = int(match[1]) // (1000 if len(match[1].lstrip("-")) >= 12 else 1)
        found = _EPOCH_ZERO + timedelta(days=seconds // 86_400)
    else:
        return None
    return _of(found, {"serial"}) if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None


def _east_asian(plain: str) -> Standardised | None:
    """'1980年5月3日', '1980년 5월 3일', '昭和55年5月3日'."""
    if not (match := _EAST_ASIAN.match(plain)):
        return None
    year = int(match[3]) if match[3] else _ERA_BEGINS[match[1]] + (1 if match[2] == "元" else int(match[2]))
    if not match[5]:
        return _partial(year, int(match[4] or 0))
    return _date(year, int(match[4]), int(match[5])) or NOTHING


def _worded(plain: str) -> Standardised:
    """'3 May 1980', 'May 3rd, 1980', 'May 1980', '1er mai 1980'; a year of two digits stands last."""
    months = mapping("months")
    year = month = day = None
    for token in fold(plain).split():
        number = re.sub(r"(?<=\d)(st|nd|rd|th|er|e|o|a)$", "", token)
        if token in months and token.isalpha():
            month = int(months[token])
        elif number.isdigit() and len(number) == 4:
            year = int(number)
        elif number.isdigit() and len(number) <= 2:
            day, year = (int(number), year) if day is None else (day, year if year is not None else _full_year(f"{int(number):02d}"))
        elif token not in _SAYS_NOTHING:
            return NOTHING
    if year is None or month is None:
        return NOTHING
    if day is None:
        return _partial(year, month)
    return _date(year, month, day, swap_is_odd=True) or NOTHING


def birth_year(value: str) -> Standardised:
    """Four digits, flag `partial`; a whole date gives its year."""
    plain = composed(value)
    if match := _YEAR.match(plain):
        year = int(match[1])
        if EARLIEST_YEAR <= year <= LATEST_YEAR:
            return Standardised(f"{year:04d}", {"year": f"{year:04d}"}, frozenset({"partial"}))
        return NOTHING
    whole = birth_date(plain) if not plain.isdigit() or len(plain) > 5 else NOTHING
    return birth_year(whole.parts["year"]) if whole.value else NOTHING
