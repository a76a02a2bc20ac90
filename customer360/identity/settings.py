"""The reviewed settings of identity resolution: `identity/settings.yaml`, strictly read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from customer360.errors import UserError
from customer360.identity.standardise import SEMANTIC_TYPES, STANDARDISER_VERSION

Probability = Annotated[float, Field(gt=0.5, le=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SettingsError(UserError):
    """identity/settings.yaml cannot be used; the message names the field and the fix."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IdentifierRule(_Strict):
    """When holding the same value joins two records."""

    records: int = Field(ge=2)
    verified_records: int = Field(ge=2)
    people: int = Field(ge=1)
    agreement: Literal["silent", "first_name", "full_name"]
    probability: Probability
    verified_probability: Probability


class LinkRule(_Strict):
    """When a declared link joins two records."""

    records: int = Field(ge=1)
    probability: Probability


class ReviewRules(_Strict):
    """What stewards are asked about."""

    weak_link_below: Probability


class GateLimits(_Strict):
    """What no run may exceed."""

    max_cluster_records: int = Field(ge=2)
    max_changed_share: Share
    max_refused_share: Share
    min_customers: int = Field(ge=0)


class DriftLimits(_Strict):
    """How far a night may be from the nights before. Rates are shares of records, pairs or values: a change of 0.1 is ten points."""

    compare_with: int = Field(ge=1)
    min_count: int = Field(ge=1)
    max_psi: float = Field(gt=0.0)
    max_count_change: float = Field(gt=0.0)
    max_rate_change: Share


class ModelLimits(_Strict):
    """What a trained candidate must keep to."""

    min_labels: int = Field(ge=1)
    min_precision: Share
    min_recall: Share
    max_precision_loss: Share
    max_recall_loss: Share
    max_changed_share: Share
    max_weight: float = Field(gt=0.0)
    max_inversion: float = Field(ge=0.0)


class Settings(_Strict):
    """All of identity/settings.yaml."""

    identifiers: dict[str, IdentifierRule]
    refused_flags: frozenset[str]
    links: LinkRule
    review: ReviewRules
    gate: GateLimits
    drift: DriftLimits
    model_gate: ModelLimits

    @property
    def rules_version(self) -> str:
        """Changes when a rule that decides who is joined changes, or a standard form does. What gates and alerts limit, and what stewards
        are asked, decides nothing."""
        rules = self.model_dump_json(exclude={"review", "gate", "drift", "model_gate", "refused_flags"}) + ",".join(
            sorted(self.refused_flags)
        )
        return hashlib.sha256(f"{STANDARDISER_VERSION}:{rules}".encode()).hexdigest()[:16]


def read_settings(path: Path) -> Settings:
    """Read and check the settings file. Raises SettingsError naming file, field and fix."""
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing: it holds the rules of identity resolution. Restore it from the repository.") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {error}") from None
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"{path}: {places}") from None
    unknown = sorted(set(settings.identifiers) - set(SEMANTIC_TYPES))
    if unknown:
        raise SettingsError(f"{path}: identifiers.{unknown[0]} is no semantic type. Known: {', '.join(SEMANTIC_TYPES)}")
    return settings
