"""Crons and time spans as contracts write them."""

from __future__ import annotations

from croniter import croniter


def cron_is_valid(value: object) -> bool:
    """Whether a value is a cron of five fields that comes due at some time."""
    if not isinstance(value, str) or len(value.split()) != 5 or len(value) > 200:
        return False
    try:
        croniter(value, max_years_between_matches=8).get_next()
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, AttributeError):
        return False
    return True
