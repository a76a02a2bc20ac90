"""How far a night's summary is from those before it. Pure; the limits are `drift` in identity/settings.yaml.

Everything is compared with each of the nights before, and the median counts: one bad night neither hides the next nor makes the recovery
look like drift, and a change that lasts is the new measure after half of them.

Distributions are compared by the population stability index, the sum over classes of (now - before) · ln(now / before) of their
shares (Siddiqi, "Credit Risk Scorecards", 2006). Of two samples of N and M from one distribution of B classes it is about
(B - 1)(1/N + 1/M) (Yurdakul, "Statistical Properties of Population Stability Index", 2018), which is why small ones are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal, TypeVar

from customer360.identity.report.summary import Distribution, Rate, Summary
from customer360.identity.settings import DriftLimits

_Before = TypeVar("_Before")
_HALF = 0.5  # a record added to each class: a class that was empty once has no logarithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier summary. `is_alike`: taken under the model and rules of now, so that its scores mean the same."""

    summary: Summary
    is_alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing compared. `before` and `now`: a count or a rate, None of a distribution. `drift`: the index, the relative change of a
    count, or the change of a rate; beyond `limit` it is over."""

    name: str
    kind: Literal["distribution", "count", "rate"]
    before: float | None
    now: float | None
    drift: float
    limit: float

    @property
    def is_over(self) -> bool:
        """Whether the limit is passed."""
        return abs(self.drift) > self.limit


def measure(now: Summary, past: Sequence[Past], limits: DriftLimits) -> list[Measure]:
    """Everything that can be compared with the past; the farthest of its kind first. Empty without a past."""
    found = [*_distributions(now, past, limits), *_counts(now, past, limits), *_rates(now, past, limits)]
    return sorted(found, key=lambda one: (one.kind, -abs(one.drift), one.name))


def stability_index(before: Distribution, now: Distribution) -> float:
    """0 where the shares are the same; the order of the two does not matter."""
    classes = sorted(set(before) | set(now))
    if len(classes) < 2:
        return 0.0
    whole_before, whole_now = (sum(counts.values()) + _HALF * len(classes) for counts in (before, now))
    shares = [((before.get(name, 0) + _HALF) / whole_before, (now.get(name, 0) + _HALF) / whole_now) for name in classes]
    return sum((new - old) * log(new / old) for old, new in shares)


def _distributions(now: Summary, past: Sequence[Past], limits: DriftLimits) -> Iterator[Measure]:
    every = [one.summary for one in past]
    alike = [one.summary for one in past if one.is_alike]
    compared = (
        ("records per source", [one.records for one in every], now.records),
        ("records per customer", [one.cluster_sizes for one in every], now.cluster_sizes),
        ("edges by kind", [one.edges for one in alike], now.edges),
        ("match weights", [one.match_weights for one in alike], now.match_weights),
    )
    for name, before, after in compared:
        nights = [counts for counts in before if min(sum(counts.values()), sum(after.values())) >= limits.min_count]
        if nights:
            _, drift = _median([(None, stability_index(counts, after)) for counts in nights])
            yield Measure(name=name, kind="distribution", before=None, now=None, drift=drift, limit=limits.max_psi)


def _counts(now: Summary, past: Sequence[Past], limits: DriftLimits) -> Iterator[Measure]:
    sources = sorted({*now.records, *(name for one in past for name in one.summary.records)})
    compared = [("customers", [one.summary.customers for one in past], now.customers)]
    compared += [(f"records of {name}", [one.summary.records.get(name, 0) for one in past], now.records.get(name, 0)) for name in sources]
    for name, before, new in compared:
        nights = [(float(old), (new - old) / old if old else 1.0) for old in before if max(old, new) >= limits.min_count]
        if nights:
            old, drift = _median(nights)
            yield Measure(name=name, kind="count", before=old, now=new, drift=drift, limit=limits.max_count_change)


def _rates(now: Summary, past: Sequence[Past], limits: DriftLimits) -> Iterator[Measure]:
    before = [_rates_of(one.summary) for one in past]
    current = _rates_of(now)
    for name in sorted({*current, *(name for rates in before for name in rates)}):
        rate = current.get(name, Rate(part=0, whole=_whole(now, name)))
        told = [rates[name] for rates in before if name in rates]
        nights = [(old.share, rate.share - old.share) for old in told if min(old.whole, rate.whole) >= limits.min_count]
        if nights:
            share, drift = _median(nights)
            yield Measure(name=name, kind="rate", before=share, now=rate.share, drift=drift, limit=limits.max_rate_change)


def _median(nights: Sequence[tuple[_Before, float]]) -> tuple[_Before, float]:
    """The middle one by how far it is from now; the nearer of the two in the middle."""
    return sorted(nights, key=lambda night: abs(night[1]))[(len(nights) - 1) // 2]


def _rates_of(summary: Summary) -> Mapping[str, Rate]:
    return {
        **{f"{source} has {name}": rate for source, rates in summary.completeness.items() for name, rate in rates.items()},
        **{f"{name} agrees": rate for name, rate in summary.agreement.items()},
        **{f"{name} refused": rate for name, rate in summary.refused.items()},
    }


def _whole(now: Summary, name: str) -> int:
    """Records of the source whose field has vanished altogether; 0 for any other rate that is gone."""
    source, has, _ = name.partition(" has ")
    return now.records.get(source, 0) if has else 0
