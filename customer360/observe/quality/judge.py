"""From figures to colours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from customer360.observe.quality.settings import Consistency, Limit, Measure, Settings

State = Literal["good", "amber", "red"]
_WORST: dict[State, int] = {"good": 0, "amber": 1, "red": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one object delivered on one day (UTC). `turned_away`: rows into quarantine; `refused`: loads."""

    day: date
    rows: int
    turned_away: int
    loads: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An expectation that loads of the last seven days did not meet: how many loads, how many rows in the newest of them."""

    expectation: str
    severity: str
    loads: int
    failed_rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFigures:
    """One source object's figures. A measure that cannot be taken is not in `measures`. `days`: oldest first."""

    system: str
    object: str
    owner: str
    measures: dict[Measure, float]
    days: Sequence[Day] = ()
    failing: Sequence[Failing] = ()
    quarantine: dict[str, int] = field(default_factory=dict)  # state → rows

    @property
    def subject(self) -> str:
        """`shop.orders`"""
        return f"{self.system}.{self.object}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One measure of one subject, beside its limit. `measure`: of an object, or `agreement` of a consistency check."""

    subject: str
    measure: str
    value: float
    amber: float
    red: float
    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A consistency check's figures: `found` of `whole`."""

    check: Consistency
    whole: int
    found: int

    @property
    def share(self) -> float | None:
        """The share found; None where there is nothing to find."""
        return self.found / self.whole if self.whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One day's report. `earlier`: agreement shares of the days before, by check, oldest first."""

    at: datetime
    objects: Sequence[ObjectFigures]
    agreements: Sequence[Agreement]
    judged: Sequence[Judged]
    earlier: dict[str, list[tuple[date, float]]] = field(default_factory=dict)

    def of(self, subject: str) -> dict[str, Judged]:
        """The subject's measures."""
        return {one.measure: one for one in self.judged if one.subject == subject}

    def count(self, state: State) -> int:
        """How many measures are in this state."""
        return sum(one.state == state for one in self.judged)

    @property
    def state(self) -> State:
        """The worst of all."""
        return worst([one.state for one in self.judged])


def judge(objects: Sequence[ObjectFigures], agreements: Sequence[Agreement], settings: Settings) -> list[Judged]:
    """Every measure beside its limit, objects first."""
    judged = [
        _judged(figures.subject, measure, value, settings.limit(figures.subject, measure))
        for figures in objects
        for measure, value in figures.measures.items()
    ]
    for one in agreements:
        share, check = one.share, one.check
        if share is not None:
            state: State = "red" if share < check.red else "amber" if share < check.amber else "good"
            judged.append(
                Judged(
                    subject=check.name, measure="agreement", value=share, amber=check.amber, red=check.red, state=state, reason=check.reason
                )
            )
    return judged


def worst(states: Sequence[State]) -> State:
    """The worst of the states; good where there is none."""
    return max(states, key=_WORST.__getitem__, default="good")


def _judged(subject: str, measure: Measure, value: float, limit: Limit) -> Judged:
    state: State = "red" if value > limit.red else "amber" if value > limit.amber else "good"
    return Judged(subject=subject, measure=measure, value=value, amber=limit.amber, red=limit.red, state=state, reason=limit.reason)
