"""The identity gate: what no run may do to the customers without a person's look. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from customer360.identity.settings import GateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What the gate judges. Customers are those alive before the run."""

    largest_cluster: int  # records
    customers_before: int
    customers_disturbed: int  # retired, or living records taken from them
    values_decided: int  # identifier and link values that more than one record holds
    values_refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One limit a run breaks."""

    limit: str
    observed: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.limit}: {self.observed}, allowed {self.allowed}"


def breaches(figures: RunFigures, limits: GateLimits) -> list[Breach]:
    """Every limit the run breaks; empty when it may stand."""
    found = []
    if figures.largest_cluster > limits.max_cluster_records:
        found.append(Breach(limit="max_cluster_records", observed=str(figures.largest_cluster), allowed=str(limits.max_cluster_records)))
    if figures.customers_before >= limits.min_customers and figures.customers_before > 0:
        share = figures.customers_disturbed / figures.customers_before
        if share > limits.max_changed_share:
            found.append(Breach(limit="max_changed_share", observed=f"{share:.3f}", allowed=str(limits.max_changed_share)))
    if figures.values_decided >= limits.min_customers and figures.values_decided > 0:
        share = figures.values_refused / figures.values_decided
        if share > limits.max_refused_share:
            found.append(Breach(limit="max_refused_share", observed=f"{share:.3f}", allowed=str(limits.max_refused_share)))
    return found
