"""A load against the object's own earlier loads of the same kind. Pure; the limits are a suite's `meta.history`.

Centre and spread of the past are median and median absolute deviation (× 1.4826, which makes it a standard deviation for normal data:
Rousseeuw & Croux, "Alternatives to the Median Absolute Deviation", 1993): one bad load neither hides the next nor makes the recovery
look unusual. What chance alone does to a small load is added to every limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, inf, log, pi, sqrt
from statistics import median
from typing import Literal

from customer360.gate.limits import HistoryLimits, Limit, Measure
from customer360.gate.profile import Profile
from customer360.gate.verdict import Result

Series = Literal["first", "whole", "incremental"]
"""Loads are compared within a series: the first of an object, one that reads it whole, one that reads what changed."""

_NORMAL = 1.4826
_CHANCE = 3.0  # standard errors
_SHORTEST_GAP = 60.0  # seconds between scheduled loads; by hand they may follow at once, which says nothing of the next
_TOLD = 5  # fields named in a result


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One load. `rows`: of a whole load those read, of an incremental one those new; `gap`: seconds since the load before, None for the
    first; `at` is UTC."""

    at: datetime
    rows: int
    gap: float | None
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What is usual: `low` to `high`, around `middle`."""

    middle: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value is usual."""
        return self.low <= value <= self.high


def band(past: Sequence[float], *, shift: float, deviations: float, chance: float = 0.0) -> Band:
    """What is usual after `past`, which holds at least one value; `shift` and `chance` in its unit."""
    middle = median(past)
    spread = _NORMAL * median(abs(value - middle) for value in past)
    reach = max(shift, deviations * spread) + chance
    return Band(middle=middle, low=middle - reach, high=middle + reach)


def judge(now: Seen, past: Sequence[Seen], limits: HistoryLimits, *, series: Series) -> list[Result]:
    """A result per measure that can be judged. `past`: published loads of the series, in any order."""
    if series == "first" or len(past) < limits.min_loads:
        return []
    results = []
    for measure, limit in limits.measures.items():
        found = _MEASURES[measure](now, past, limits, limit, series)
        if found is not None:
            results.append(_result(measure, limit, found, compared=len(past)))
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a measure came to: what was compared, and what of it is unusual, the worst first."""

    usual: str
    unusual: Sequence[str]


_Judge = Callable[[Seen, Sequence[Seen], HistoryLimits, Limit, Series], "_Found | None"]


def _result(measure: Measure, limit: Limit, found: _Found, *, compared: int) -> Result:
    told = list(found.unusual[:_TOLD])
    if len(found.unusual) > _TOLD:
        told.append(f"and {len(found.unusual) - _TOLD} more")
    return Result(
        expectation=f"history({measure})",
        severity=limit.severity,
        level="load",
        success=not found.unusual,
        observed="; ".join(told) or found.usual,
        allowed=f"as in the {compared} loads before",
        reason=f"{limit.reason} (owner: {limit.owner})" if limit.owner else limit.reason,
    )


def _volume(now: Seen, past: Sequence[Seen], limits: HistoryLimits, limit: Limit, series: Series) -> _Found | None:
    """Rows, on a logarithmic scale. A load after a longer pause may hold more; few new rows are no fault of an incremental load."""
    compared = [one for one in past if one.at.weekday() == now.at.weekday()]
    if len(compared) < limits.min_loads:
        compared = list(past)
    chance = _CHANCE / sqrt(max(median(one.rows for one in compared), 1))
    usual = band([log(one.rows + 1) for one in compared], shift=log(max(limit.shift, 1.0)), deviations=limit.deviations, chance=chance)
    low, high = exp(usual.low) - 1, exp(usual.high) - 1
    if series == "incremental":
        low, high = 0.0, max(high * _pause(now, compared), limits.min_rows)
    told = f"{now.rows:,} rows, usually {exp(usual.middle) - 1:,.0f} ({max(low, 0):,.0f} to {high:,.0f})"
    return _Found(usual=told, unusual=[] if low <= now.rows <= high else [told])


def _pause(now: Seen, past: Sequence[Seen]) -> float:
    """How many times longer than usual nothing was read."""
    gaps = [one.gap for one in past if one.gap]
    return max(1.0, now.gap / max(median(gaps), _SHORTEST_GAP)) if now.gap and gaps else 1.0


def _nulls(now: Seen, past: Sequence[Seen], limits: HistoryLimits, limit: Limit, _: Series) -> _Found | None:
    rows = now.profile.rows
    judged = _enough(now, past, limits)
    if not judged:
        return None
    unusual: list[tuple[float, str]] = []
    for name, nulls in now.profile.nulls.items():
        before = [one.profile.nulls[name] / one.profile.rows for one in judged if name in one.profile.nulls]
        if len(before) < limits.min_loads:
            continue
        share = nulls / rows
        usual = band(before, shift=limit.shift, deviations=limit.deviations, chance=_CHANCE * _error(median(before), rows))
        if not usual.holds(share):
            unusual.append((abs(share - usual.middle), f"{name} {share:.1%} null, usually {usual.middle:.1%}"))
    return _Found(usual="no field's share of nulls is unusual", unusual=_worst_first(unusual))


def _shares(now: Seen, past: Sequence[Seen], limits: HistoryLimits, limit: Limit, _: Series) -> _Found | None:
    judged = _enough(now, past, limits)
    if not judged:
        return None
    unusual: list[tuple[float, str]] = []
    for name, counts in now.profile.values.items():
        before = [_normed(one.profile.values[name]) for one in judged if one.profile.values.get(name)]
        if len(before) < limits.min_loads:
            continue
        every = set[str]().union(*before)
        usual = {value: sum(shares.get(value, 0.0) for shares in before) / len(before) for value in every}
        rows = sum(counts.values())
        # of a sample of `rows` from the usual shares, the distance to be expected
        chance = 0.5 * sum(sqrt(2 / pi) * _error(share, rows) for share in usual.values())
        found = _distance(_normed(counts), usual)
        limits_of = band([_distance(shares, usual) for shares in before], shift=limit.shift, deviations=limit.deviations, chance=2 * chance)
        if found > limits_of.high:
            unusual.append((found, _moved_most(name, _normed(counts), usual)))
    return _Found(usual="no field's values are distributed unusually", unusual=_worst_first(unusual))


def _numbers(now: Seen, past: Sequence[Seen], limits: HistoryLimits, limit: Limit, _: Series) -> _Found | None:
    judged = _enough(now, past, limits)
    if not judged:
        return None
    unusual: list[tuple[float, str]] = []
    for name, quantiles in now.profile.numbers.items():
        before = [one.profile.numbers[name] for one in judged if name in one.profile.numbers]
        filled = now.profile.rows - now.profile.nulls.get(name, 0)
        if len(before) < limits.min_loads or filled < limits.min_rows:
            continue
        spread = median(q[3] - q[1] for q in before) or median(q[4] - q[0] for q in before) or 0.0
        if spread == 0:
            continue  # a constant: any other value would be infinitely far
        usual = band(
            [q[2] for q in before],
            shift=limit.shift * spread,
            deviations=limit.deviations,
            chance=_CHANCE * 0.93 * spread / sqrt(filled),  # standard error of a median of normal data
        )
        if not usual.holds(quantiles[2]):
            far = abs(quantiles[2] - usual.middle) / spread
            unusual.append((far, f"{name} has the median {quantiles[2]:.6g}, usually {usual.middle:.6g}"))
    return _Found(usual="no number's median is unusual", unusual=_worst_first(unusual))


def _age(now: Seen, past: Sequence[Seen], limits: HistoryLimits, limit: Limit, _: Series) -> _Found | None:
    before = [one.profile.newest_age / 3600 for one in past if one.profile.newest_age is not None]
    if now.profile.newest_age is None or len(before) < limits.min_loads:
        return None
    hours = now.profile.newest_age / 3600
    usual = band(before, shift=limit.shift, deviations=limit.deviations)
    told = f"the newest row is {hours:,.1f} h old, usually {usual.middle:,.1f} h"
    return _Found(usual=told, unusual=[told] if hours > usual.high else [])


_MEASURES: Mapping[Measure, _Judge] = {"volume": _volume, "nulls": _nulls, "shares": _shares, "numbers": _numbers, "age": _age}


def _enough(now: Seen, past: Sequence[Seen], limits: HistoryLimits) -> list[Seen]:
    """The loads whose shares say something; none where this one's do not, or too few do."""
    judged = [one for one in past if one.profile.rows >= limits.min_rows]
    return judged if now.profile.rows >= limits.min_rows and len(judged) >= limits.min_loads else []


def _error(share: float, rows: int) -> float:
    """Standard error of a share, never taken for nothing."""
    shrunk = (share * rows + 0.5) / (rows + 1)
    return sqrt(shrunk * (1 - shrunk) / rows) if rows else inf


def _normed(counts: Mapping[str, int]) -> dict[str, float]:
    whole = sum(counts.values()) or 1
    return {value: count / whole for value, count in counts.items()}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation distance: the greatest difference the two give any set of values."""
    return 0.5 * sum(abs(one.get(value, 0.0) - other.get(value, 0.0)) for value in set(one) | set(other))


def _moved_most(name: str, now: Mapping[str, float], usual: Mapping[str, float]) -> str:
    value = max(sorted(set(now) | set(usual)), key=lambda v: abs(now.get(v, 0.0) - usual.get(v, 0.0)))
    return f"{name} is {value} in {now.get(value, 0.0):.1%}, usually {usual.get(value, 0.0):.1%}"


def _worst_first(found: Sequence[tuple[float, str]]) -> list[str]:
    return [told for _, told in sorted(found, key=lambda pair: -pair[0])]
