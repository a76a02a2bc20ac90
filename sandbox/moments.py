"""The sandbox's one way to handle time: whole microseconds since 1970 (UTC), so that rows of all systems compare and sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

MILLISECOND = 1000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def to_datetime(micros: int) -> datetime:
    """The aware datetime (UTC) of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def iso(micros: int) -> str:
    """'2026-11-22T19:42:00.123Z', milliseconds, as web and mail tools write it."""
    return to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%S.") + f"{micros // 1000 % 1000:03d}Z"


def salesforce(micros: int) -> str:
    """'2026-11-22T19:42:00.123+0000', as Salesforce writes it; sorts like time."""
    return to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%S.") + f"{micros // 1000 % 1000:03d}+0000"


def from_salesforce(text: str) -> int:
    """Microseconds since 1970 of what `salesforce` wrote."""
    return to_micros(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z"))


def day_of(micros: int) -> str:
    """The UTC day, '2026-11-22'."""
    return to_datetime(micros).strftime("%Y-%m-%d")


def noon(day: str) -> int:
    """Microseconds of an ISO day's noon (UTC)."""
    return to_micros(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC))


def between(rng: Random, low: int, high: int) -> int:
    """A moment in [low, high], seconds scattered."""
    return low if high <= low else rng.randrange(low, high + 1)
