"""One standard form per semantic type: the same pure functions for the nightly batch, live runs and the service."""

from customer360.identity.standardise.registry import SEMANTIC_TYPES, STANDARDISER_VERSION, standardise
from customer360.identity.standardise.result import Standardised

__all__ = ["SEMANTIC_TYPES", "STANDARDISER_VERSION", "Standardised", "standardise"]
