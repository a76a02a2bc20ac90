"""What follows from a gate's results: publish, tell, or refuse. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from customer360.gate.limits import Severity
from customer360.gate.suites import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One expectation's result on one load: a row of ops.gate_result. Never holds a personal value."""

    expectation: str
    severity: Severity
    level: Literal["row", "load", "type"]
    success: bool
    reason: str
    observed: str | None = None
    allowed: str | None = None
    failed_rows: int | None = None
    checked_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What a gate found: a result per expectation, and the rows that fail critical ones with the expectations they fail.

    `failed` is None where so many rows fail that the load is refused anyway: `fewest_failed` then is what the worst expectation counted.
    """

    results: tuple[Result, ...]
    failed: Mapping[int, Sequence[Mapping[str, str | None]]] | None
    fewest_failed: int = 0

    @property
    def failed_rows(self) -> int:
        """Rows that fail; where they were not listed, at least so many."""
        return self.fewest_failed if self.failed is None else len(self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a load is refused."""

    results: tuple[Result, ...]

    def as_json(self) -> dict[str, Any]:
        """For ops.load.refusal and the incident: names and numbers only."""
        return {
            "failures": [
                {
                    "expectation": r.expectation,
                    "severity": r.severity,
                    "observed": r.observed,
                    "allowed": r.allowed,
                    "failed_rows": r.failed_rows,
                    "checked_rows": r.checked_rows,
                    "reason": r.reason,
                }
                for r in self.results
            ]
        }


def missing_fields(missing: Iterable[Mapping[str, str]]) -> list[Result]:
    """A declared field that the source lacks refuses the load: publishing nulls would bury what raw holds."""
    return [
        Result(
            expectation=f"column_present({m['field']})",
            severity="critical",
            level="load",
            success=False,
            observed=f"missing in {m['place']}",
            allowed="present",
            reason="The contract declares this field, and the source does not have it (renamed, dropped, or not granted).",
        )
        for m in missing
    ]


def undeclared_fields(found: Mapping[str, Iterable[str]], *, known: Collection[str], is_strict: bool) -> list[Result]:
    """Fields the contract does not declare: under a strict contract each refuses the load, else one is told when it is new."""
    return [
        Result(
            expectation=f"undeclared({field})",
            severity="critical" if is_strict else "warning",
            level="load",
            success=False,
            observed=", ".join(kinds),
            allowed="declared",
            reason="The contract is strict, and does not declare this field: declare it (customer360 contracts drift), or mend the source."
            if is_strict
            else "The source has begun to send this field; it is kept in _extra. `customer360 contracts drift` proposes its declaration.",
        )
        for field, kinds in found.items()
        if is_strict or field not in known
    ]


def gone_rows(suite: Suite, *, gone: int, alive: int) -> list[Result]:
    """A snapshot or sweep that would bury too many rows is more likely broken than true."""
    if not gone:
        return []
    allowed = suite.gone_rows_allowed(alive)
    return [
        Result(
            expectation="rows_gone",
            severity="critical",
            level="load",
            success=gone <= allowed,
            observed=f"{gone} of {alive}",
            allowed=f"at most {allowed}",
            failed_rows=gone,
            checked_rows=alive,
            reason="Rows the source no longer holds are buried; a cut list would bury everyone.",
        )
    ]


def failed_rows(suite: Suite, *, failed: int, judged: int, worst: Sequence[Result], is_exact: bool = True) -> list[Result]:
    """The load-level result on how many rows fail; with it, the expectations they fail when it refuses the load.

    `is_exact`: no more than `failed` do.
    """
    if not judged:
        return []
    allowed = suite.failed_rows_allowed(judged)
    total = Result(
        expectation="failed_rows",
        severity="critical",
        level="load",
        success=failed <= allowed,
        observed=f"{'' if is_exact or failed == judged else 'at least '}{failed} of {judged}",
        allowed=f"at most {allowed}",
        failed_rows=failed,
        checked_rows=judged,
        reason="Few bad rows are set aside; many mean that the source is broken.",
    )
    return [total, *(() if total.success else worst)]


def judge(suite: Suite, gate: GateResult, *, failed: int, judged: int) -> Refusal | None:
    """Whether the load is refused, and for what. `failed`: rows that fail, the ones without valid types included."""
    load_level = [r for r in gate.results if not r.success and r.severity == "critical" and r.level == "load"]
    by_row = [r for r in gate.results if not r.success and r.severity == "critical" and r.level != "load"]
    too_many = [
        r for r in failed_rows(suite, failed=failed, judged=judged, worst=by_row, is_exact=gate.failed is not None) if not r.success
    ]
    found = (*load_level, *too_many)
    return Refusal(results=tuple(dict.fromkeys(found))) if found else None
