"""Which comparison each standard column gets, in Splink's own terms.

A catalogue: every entry names the columns it needs and its levels from best to worst. What the frame lacks is left out; nothing
here knows a data set. Level conditions use functions that every Splink backend has (`jaro_winkler_similarity`, `levenshtein`,
`damerau_levenshtein`, `array_has_any`-style overlap through `list_has_any`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

Level = dict[str, Any]


def comparisons(columns: Collection[str], *, running: Collection[str] = ()) -> list[dict[str, Any]]:
    """Splink comparison dictionaries, without m and u, for a frame with these columns.

    `running`: columns of running numbers. Those are an edit apart for strangers too, so only equal ones tell anything.
    """
    present = set(columns)
    built: list[dict[str, Any]] = []
    for build in (_first_name, _last_name, _middle_name, _birth, _email, _phone):
        if comparison := build(present):
            built.append(comparison)
    for column in ("national_id", "external_id"):
        if comparison := _plain(column) if column in running else _code(column, present):
            built.append(comparison)
    built += _places(present)
    for column in ("organisation", "occupation", "birth_place"):
        if column in present:
            built.append(_words(column, present))
    for column in sorted(filter(is_text, present)):
        built += [_plain(column)] if column in running else _text(column, present)
    built += [_plain(column) for column in ("gender", "country") if column in present]
    return built


def _comparison(name: str, levels: list[Level]) -> dict[str, Any]:
    return {"output_column_name": name, "comparison_levels": levels}


def _null(condition: str) -> Level:
    return {"sql_condition": condition, "label_for_charts": "missing", "is_null_level": True}


def _null_of(column: str) -> Level:
    return _null(f"{column}_l is null or {column}_r is null")


def _level(label: str, condition: str) -> Level:
    return {"sql_condition": condition, "label_for_charts": label}


def _exact(column: str) -> Level:
    return {
        "sql_condition": f"{column}_l = {column}_r",
        "label_for_charts": "exact",
        "tf_adjustment_column": column,
        "tf_adjustment_weight": 1.0,
    }


def _any(column: str, present: Collection[str]) -> list[Level]:
    """A shared value other than the first, where some record has several."""
    return [_level("shared", f"list_has_any({column}_any_l, {column}_any_r)")] if f"{column}_any" in present else []


ELSE: Level = {"sql_condition": "ELSE", "label_for_charts": "different"}


def _similar(column: str, at_least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= {at_least}"


def _edits(column: str, at_most: int) -> str:
    """At most one edit (two neighbours swapped is one), or at most so many insertions, deletions and replacements.

    Damerau's distance costs five times Levenshtein's: it is only asked where Levenshtein leaves room for a swap.
    """
    distance = f"levenshtein({column}_l, {column}_r)"
    close = f"abs(length({column}_l) - length({column}_r)) <= {at_most}"
    if at_most > 1:
        return f"({close} and {distance} <= {at_most})"
    return f"({close} and ({distance} <= 1 or {distance} = 2 and damerau_levenshtein({column}_l, {column}_r) <= 1))"


def _near(column: str) -> str:
    """Jaro-Winkler of .92, or one edit in a short word: in words of ten letters and more one edit leaves .93."""
    return f"{_similar(column, 0.92)} or length({column}_l) < 10 and {_edits(column, 1)}"


def _first_name(present: Collection[str]) -> dict[str, Any] | None:
    if "first_name" not in present:
        return None
    levels = [_null_of("first_name"), _exact("first_name"), *_any("first_name", present)]
    if "first_root" in present:
        levels.append(_level("nickname", "first_root_l = first_root_r"))
    levels.append(_level("nearly", f"{_near('first_name')} and length(first_name_l) > 3"))
    if "last_name" in present:
        levels.append(_level("swapped", _swapped()))
    levels += [
        _level(
            "initial", "least(length(first_name_l), length(first_name_r)) = 1 and substr(first_name_l, 1, 1) = substr(first_name_r, 1, 1)"
        ),
        _level(
            "similar",
            f"{_similar('first_name', 0.8)} or starts_with(first_name_l, first_name_r) or starts_with(first_name_r, first_name_l)",
        ),
        ELSE,
    ]
    return _comparison("first_name", levels)


def _swapped() -> str:
    """First name of one is last name of the other, and the other way round where both are known."""
    return " or ".join(
        f"({_crossed(this, that)} >= 0.92 and coalesce({_crossed(that, this)} >= 0.8, true))" for this, that in (_LR, _LR[::-1])
    )


_LR = ("l", "r")


def _crossed(this: str, that: str) -> str:
    return f"jaro_winkler_similarity(first_name_{this}, last_name_{that})"


def _last_name(present: Collection[str]) -> dict[str, Any] | None:
    if "last_name" not in present:
        return None
    levels = [
        _null_of("last_name"),
        _exact("last_name"),
        *_any("last_name", present),
        _level("nearly", f"{_near('last_name')} and length(last_name_l) > 3"),
    ]
    if "first_name" in present:
        levels.append(_level("swapped", _swapped()))
    if "name_tokens" in present:
        levels.append(_level("within", "list_has(name_tokens_l, last_name_r) or list_has(name_tokens_r, last_name_l)"))
    levels += [_level("similar", _similar("last_name", 0.8)), ELSE]
    return _comparison("last_name", levels)


def _middle_name(present: Collection[str]) -> dict[str, Any] | None:
    if "middle_name" not in present:
        return None
    return _comparison(
        "middle_name",
        [
            _null_of("middle_name"),
            _exact("middle_name"),
            _level("nearly", _similar("middle_name", 0.9)),
            _level(
                "initial",
                "least(length(middle_name_l), length(middle_name_r)) = 1 and substr(middle_name_l, 1, 1) = substr(middle_name_r, 1, 1)",
            ),
            ELSE,
        ],
    )


def _birth(present: Collection[str]) -> dict[str, Any] | None:
    if "birth_year" not in present:
        return None
    year_levels = [
        _level("year, one off", "abs(cast(birth_year_l as integer) - cast(birth_year_r as integer)) <= 1"),
        _level("year, nearly", f"{_edits('birth_year', 1)}"),
        _level("year within ten", "abs(cast(birth_year_l as integer) - cast(birth_year_r as integer)) <= 10"),
        ELSE,
    ]
    if "birth_date" not in present:
        return _comparison("birth_date", [_null_of("birth_year"), _exact("birth_year"), *year_levels])
    month_day = "substr(birth_date_{}, 6, 2)", "substr(birth_date_{}, 9, 2)"
    swapped = (
        f"birth_year_l = birth_year_r and {month_day[0].format('l')} = {month_day[1].format('r')}"
        f" and {month_day[1].format('l')} = {month_day[0].format('r')}"
    )
    levels = [
        _null_of("birth_year"),
        _exact("birth_date"),
        _level("day and month swapped", swapped),
        _level("one edit", _edits("birth_date", 1)),
        _level(
            "same year, one only a year",
            "birth_year_l = birth_year_r and (birth_date_l is null or birth_date_r is null"
            " or substr(birth_date_l, 6) = '01-01' or substr(birth_date_r, 6) = '01-01')",
        ),
        _level("two edits", _edits("birth_date", 2)),
        _level("same month and day", "substr(birth_date_l, 6) = substr(birth_date_r, 6) and substr(birth_date_l, 6) <> '01-01'"),
        _level("same year", "birth_year_l = birth_year_r"),
        *year_levels,
    ]
    return _comparison("birth_date", levels)


def _email(present: Collection[str]) -> dict[str, Any] | None:
    if "email" not in present:
        return None
    return _comparison(
        "email",
        [
            _null_of("email"),
            _exact("email"),
            *_any("email", present),
            _level("same mailbox name", "email_local_l = email_local_r"),
            _level("nearly", f"{_edits('email', 2)}"),
            _level("similar mailbox name", _similar("email_local", 0.9)),
            _level("similar", _similar("email", 0.85)),
            _level("same domain", "email_domain_l = email_domain_r"),
            ELSE,
        ],
    )


def _code(column: str, present: Collection[str]) -> dict[str, Any] | None:
    """An identifier: exact, mistyped, different."""
    if column not in present:
        return None
    return _comparison(
        column,
        [
            _null_of(column),
            _exact(column),
            *_any(column, present),
            _level("one edit", f"{_edits(column, 1)} and length({column}_l) > 4"),
            _level("two edits", f"{_edits(column, 2)} and length({column}_l) > 5"),
            ELSE,
        ],
    )


def _phone(present: Collection[str]) -> dict[str, Any] | None:
    return _code("phone", present)


def _places(present: Collection[str]) -> list[dict[str, Any]]:
    built = []
    if "postal_code" in present:
        built.append(
            _comparison(
                "postal_code",
                [
                    _null_of("postal_code"),
                    _exact("postal_code"),
                    *_any("postal_code", present),
                    _level("one edit", _edits("postal_code", 1)),
                    _level("same area", "postal_area_l = postal_area_r"),
                    ELSE,
                ],
            )
        )
    built += [_words(column, present) for column in ("street", "address", "city") if column in present]
    if "house_number" in present:
        built.append(
            _comparison(
                "house_number",
                [
                    _null_of("house_number"),
                    _exact("house_number"),
                    _level("one edit", f"{_edits('house_number', 1)} and length(house_number_l) > 1"),
                    ELSE,
                ],
            )
        )
    if "region" in present:
        built.append(_comparison("region", [_null_of("region"), _exact("region"), _level("nearly", _similar("region", 0.75)), ELSE]))
    return built


def _words(column: str, present: Collection[str]) -> dict[str, Any]:
    """Text: exact, nearly, similar, different."""
    return _comparison(
        column,
        [
            _null_of(column),
            _exact(column),
            *_any(column, present),
            _level("nearly", _near(column)),
            _level("similar", _similar(column, 0.8)),
            ELSE,
        ],
    )


def is_text(column: str) -> bool:
    """Whether a frame column is one of plain text, of which nobody has said what it holds."""
    return re.fullmatch(r"text(_\d+)?", column) is not None


def _text(column: str, present: Collection[str]) -> list[dict[str, Any]]:
    """Text; one of several words by its words too, and by the code among them."""
    if f"{column}_words" not in present:
        return [_words(column, present)]
    common = f"array_length(list_intersect({column}_words_l, {column}_words_r))"
    fewer = f"least(array_length({column}_words_l), array_length({column}_words_r))"
    levels = [
        _null_of(column),
        _exact(column),
        _level("same words", f"{column}_words_l = {column}_words_r"),
        _level("nearly", _near(column)),
        _level("most words", f"{fewer} >= 3 and {common} >= 0.75 * {fewer}"),
        _level("half the words", f"{fewer} >= 3 and {common} >= 0.5 * {fewer}"),
        _level("similar", _similar(column, 0.8)),
        ELSE,
    ]
    built = [_comparison(column, levels)]
    if f"{column}_code" in present:
        built.append(_code_word(f"{column}_code"))
    return built


def _code_word(column: str) -> dict[str, Any]:
    return _comparison(column, [_null_of(column), _exact(column), _level("one edit", _edits(column, 1)), ELSE])


def _plain(column: str) -> dict[str, Any]:
    """Few values: exact or not."""
    return _comparison(column, [_null_of(column), _exact(column), ELSE])
