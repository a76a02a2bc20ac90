"""What a suite's `meta` says of a load's own history and of references to other objects; sensible where it says nothing.

    "meta": {"history": {"min_loads": 8, "compare_with": 60, "min_rows": 100,
                         "volume": {"shift": 3, "deviations": 6, "severity": "critical", "owner": "commerce-data", "reason": "…"},
                         "shares": false},
             "references": {"max_share": 0.05, "max_rows": 10, "grace_hours": 24, "severity": "warning"}}

Measures of history, each compared with the object's earlier published loads of the same kind (see `history`):
volume   rows; `shift` is a factor
nulls    share of nulls of each field; `shift` is a difference of shares
shares   shares of the values of fields that are not personal; `shift` is a total variation distance, 0 to 1
numbers  median of numeric fields that are not personal; `shift` is in interquartile ranges
age      how old the newest row is; `shift` is in hours

A measure is unusual beyond `shift` *and* beyond `deviations` robust standard deviations (1.4826 × median absolute deviation) of the
loads before. `false` switches it off. No load is judged before `min_loads` of its kind, or, but for its volume and age, with fewer
than `min_rows` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
Measure = Literal["volume", "nulls", "shares", "numbers", "age"]

MOST_COMPARED = 100  # loads; maintenance keeps at least so many profiles of an object

Fault = Callable[[str, str, str], None]
"""Called with place, what is wrong, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How far a measure may be from what it usually is."""

    shift: float
    reason: str
    deviations: float = 6.0
    severity: Severity = "warning"
    owner: str | None = None


_DEFAULTS: Mapping[Measure, Limit] = {
    "volume": Limit(shift=5.0, reason="Far more or fewer rows than usual: a job ran twice, a filter changed, half a table was read."),
    "nulls": Limit(shift=0.1, reason="A field that is suddenly empty, or suddenly filled, is written by other code than before."),
    "shares": Limit(shift=0.25, reason="Values that shift this much mean something new at the source, or a part of it missing."),
    "numbers": Limit(shift=1.0, reason="A median this far from its past means other units, other customers or a part missing."),
    "age": Limit(shift=24.0, reason="The source answers, but its newest row is old: what feeds it has stopped."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """How loads are compared with those before. `measures` lacks those that are switched off."""

    min_loads: int = 8
    compare_with: int = 60
    min_rows: int = 100
    measures: Mapping[Measure, Limit] = field(default_factory=lambda: dict(_DEFAULTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLimits:
    """How many rows may name a row of another object that is not there. Parents that come a little later are normal.

    Told are: any missing parent of a row older than `grace_hours` by its cursor, and more than max(max_rows, max_share × rows) in a load.
    """

    max_share: float = 0.05
    max_rows: int = 10
    grace_hours: float = 24.0
    severity: Severity = "warning"
    owner: str | None = None
    reason: str | None = None

    def allowed(self, rows: int) -> int:
        """How many of `rows` young rows may lack their parent."""
        return max(self.max_rows, int(self.max_share * rows))


def parse_history(given: Any, fault: Fault) -> HistoryLimits:
    """`meta.history`; faults are told, and what stands instead does not matter then."""
    place = "meta.history"
    if not isinstance(given, dict):
        fault(place, "is no JSON object", "write {…}, or leave it out")
        return HistoryLimits()
    known = {"min_loads", "compare_with", "min_rows", *_DEFAULTS}
    _unknown(place, given, known, fault)
    counts = {name: given[name] for name in ("min_loads", "compare_with", "min_rows") if name in given}
    for name, value in counts.items():
        most = None if name == "min_rows" else MOST_COMPARED
        if not _is_number(value, whole=True, least=1, most=most):
            fault(f"{place}.{name}", f"is {value!r}", f"write a whole number from 1 {'on' if most is None else f'to {most}'}")
    measures: dict[Measure, Limit] = {}
    for measure, default in _DEFAULTS.items():
        limit = _limit(f"{place}.{measure}", given.get(measure, {}), default, fault)
        if limit is not None:
            measures[measure] = limit
    return HistoryLimits(measures=measures, **counts)


def parse_references(given: Any, fault: Fault) -> ReferenceLimits:
    """`meta.references`; faults are told. Severity warning or info: a row is never refused for what another object lacks."""
    place = "meta.references"
    if not isinstance(given, dict):
        fault(place, "is no JSON object", "write {…}, or leave it out")
        return ReferenceLimits()
    _unknown(place, given, {"max_share", "max_rows", "grace_hours", "severity", "owner", "reason"}, fault)
    for name, most in (("max_share", 1.0), ("max_rows", None), ("grace_hours", None)):
        if name in given and not _is_number(given[name], whole=name == "max_rows", least=0, most=most):
            fault(f"{place}.{name}", f"is {given[name]!r}", "write a number from 0 on" if most is None else "write a share from 0 to 1")
    if given.get("severity", "warning") not in ("warning", "info"):
        fault(f"{place}.severity", f"is {given['severity']!r}", "use warning or info: parents may simply come later")
    _texts(place, given, fault)
    return ReferenceLimits(**{name: value for name, value in given.items() if name in ReferenceLimits.__slots__})


def _limit(place: str, given: Any, default: Limit, fault: Fault) -> Limit | None:
    if given is False:
        return None
    if not isinstance(given, dict):
        fault(place, f"is {given!r}", "write false to switch it off, or {shift, deviations, severity, owner, reason}")
        return default
    _unknown(place, given, {"shift", "deviations", "severity", "owner", "reason"}, fault)
    for name in ("shift", "deviations"):
        if name in given and not _is_number(given[name], least=0):
            fault(f"{place}.{name}", f"is {given[name]!r}", "write a number above 0")
    if given.get("severity", "warning") not in SEVERITIES:
        fault(f"{place}.severity", f"is {given['severity']!r}", f"use {', '.join(SEVERITIES)}")
    _texts(place, given, fault)
    return replace(default, **{name: value for name, value in given.items() if name in Limit.__slots__})


def _texts(place: str, given: Mapping[str, Any], fault: Fault) -> None:
    for name in ("owner", "reason"):
        if name in given and not (isinstance(given[name], str) and given[name].strip()):
            fault(f"{place}.{name}", f"is {given[name]!r}", "write a text, or leave it out")


def _unknown(place: str, given: Mapping[str, Any], known: set[str], fault: Fault) -> None:
    for key in sorted(set(given) - known):
        fault(f"{place}.{key}", "is no key we know", f"use {', '.join(sorted(known))}")


def _is_number(value: Any, *, whole: bool = False, least: float, most: float | None = None) -> bool:
    kinds = int if whole else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and value >= least and (most is None or value <= most)
