"""A live run: bring what raw published since the last run into identity, golden record and marts, in seconds.

Two steps, each safe to kill and run again, each under the build lease: a nightly run that holds it keeps both out, and their
offsets wait. `run_live` does both; Airflow runs them as two tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from customer360.pipeline import build as builder
from customer360.pipeline import lease
from customer360.pipeline import resolve as resolver
from customer360.pipeline.build import BuildOutcome
from customer360.pipeline.lease import LeaseTaken
from customer360.pipeline.resolve import ResolveOutcome

__all__ = ["LeaseTaken", "LiveOutcome", "build", "resolve", "run_live"]

_TTL = timedelta(minutes=30)  # far longer than a step takes: it only matters when one is killed
_WAIT = timedelta(seconds=20)  # another live step may be about to end; a nightly run is not


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOutcome:
    """What both steps did."""

    resolve: ResolveOutcome
    build: BuildOutcome


def resolve(*, holder: str, run_url: str | None = None, progress: Callable[[str], None] | None = None) -> ResolveOutcome:
    """Resolve the records that changed. Raises LeaseTaken while a nightly run builds."""
    with _lease(holder):
        return resolver.resolve(run_url=run_url, progress=progress)


def build(*, holder: str, run_url: str | None = None, progress: Callable[[str], None] | None = None) -> BuildOutcome:
    """Rebuild what the change logs name, in one dbt run. Raises LeaseTaken while a nightly run builds."""
    with _lease(holder):
        return builder.build(live=True, run_url=run_url, progress=progress)


def run_live(*, holder: str, run_url: str | None = None, progress: Callable[[str], None] | None = None) -> LiveOutcome:
    """Both steps in a row. Raises LeaseTaken while a nightly run builds."""
    resolved = resolve(holder=holder, run_url=run_url, progress=progress)
    return LiveOutcome(resolve=resolved, build=build(holder=holder, run_url=run_url, progress=progress))


def _lease(holder: str) -> AbstractContextManager[lease.Lease]:
    return lease.lease(lease.BUILD, holder=holder, ttl=_TTL, wait=_WAIT)
