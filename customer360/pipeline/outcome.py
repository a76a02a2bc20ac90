"""What an ingest reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from customer360.load.ledger import Counts

OutcomeState = Literal["published", "nothing_new", "rejected", "held", "waiting", "waived", "already_running", "checked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOutcome:
    """How one load ended.

    published        raw changed: downstream has something to do
    nothing_new      everything read was known already
    rejected, held   the gate refused it, `refusal` says why; raw is as it was (held: the landed rows of a stream are kept)
    waiting          a load of the object is held: what was read since is landed and waits behind it
    waived           somebody gave a held load up
    already_running  another process loads this object now; nothing was done, `load_id` is None
    checked          a dry run that would have been published; nothing was written
    """

    load_id: int | None
    system: str
    object: str
    state: OutcomeState
    counts: Counts
    refusal: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """`shop.customers`"""
        return f"{self.system}.{self.object}"

    @property
    def reasons(self) -> list[str]:
        """Why the gate refused it, a line per expectation: names and numbers, no value of any row."""
        return [_reason(failure) for failure in (self.refusal or {}).get("failures", [])]


def _reason(failure: Mapping[str, Any]) -> str:
    allowed = f", allowed {failure['allowed']}" if failure["allowed"] else ""
    return f"{failure['expectation']}: {failure['observed']}{allowed}. {failure['reason']}"
