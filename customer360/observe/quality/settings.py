"""Limits of the quality report and what systems must agree on: `quality.yaml`, strictly read and checked against the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from customer360.contracts.model import SourceContract, SourceObject
from customer360.errors import UserError

FILE = "quality.yaml"
Measure = Literal["turned_away", "refused_loads", "unmet", "quarantine_rows", "quarantine_days", "age", "duplicates", "unreconciled"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class QualityError(UserError):
    """quality.yaml cannot be used; the message names place and fix."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Strict):
    """A measure is amber above `amber`, red above `red`."""

    amber: Annotated[float, Field(ge=0)]
    red: Annotated[float, Field(ge=0)]
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Limit:
        if self.amber > self.red:
            raise ValueError("amber is above red; swap them")
        return self


class Keys(_Strict):
    """Values of the field `left` that are to be found in the field `right`; each system.object.field."""

    left: str
    right: str


class Customers(_Strict):
    """Customers behind the rows of `left` (a person object's key, or a field that refers to one: system.object.field) who are to have a
    record in the object `right` (system.object)."""

    left: str
    right: str


class Consistency(_Strict):
    """One thing that two systems must agree on: at least the share `red`, better `amber`, is to be found."""

    name: Annotated[str, Field(min_length=1)]
    keys: Keys | None = None
    customers: Customers | None = None
    amber: Annotated[float, Field(ge=0, le=1)]
    red: Annotated[float, Field(ge=0, le=1)]
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _one_kind(self) -> Consistency:
        if (self.keys is None) == (self.customers is None):
            raise ValueError("give either keys or customers")
        if self.red > self.amber:
            raise ValueError("red is above amber; swap them")
        return self


class Settings(_Strict):
    """All of quality.yaml."""

    limits: dict[Measure, Limit]
    objects: dict[str, dict[Measure, Limit]] = {}
    consistency: tuple[Consistency, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        missing = [measure for measure in MEASURES if measure not in self.limits]
        if missing:
            raise ValueError(f"limits lacks {', '.join(missing)}")
        return self

    def limit(self, subject: str, measure: Measure) -> Limit:
        """The limit of an object's measure."""
        return self.objects.get(subject, {}).get(measure, self.limits[measure])


def read_settings(path: Path, contracts: Mapping[str, SourceContract]) -> Settings:
    """The settings at `path`. Raises QualityError for a file that is missing or wrong, or names what no contract declares."""
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise QualityError(f"{path.name}{line}: cannot be read ({type(error).__name__}); mend it or take it from the repository") from None
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        told = [(".".join(map(str, one["loc"])) or "the file", one["msg"].removeprefix("Value error, ")) for one in error.errors()]
        raise QualityError(f"{path.name}: " + "; ".join(f"{place}: {what}" for place, what in told)) from None
    for subject in settings.objects:
        find_object(contracts, subject, place=f"{path.name}: objects")
    for one in settings.consistency:
        _check(one, contracts, f"{path.name}: consistency, {one.name!r}")
    return settings


def _check(one: Consistency, contracts: Mapping[str, SourceContract], place: str) -> None:
    if one.keys:
        find_field(contracts, one.keys.left, place=f"{place}, left")
        find_field(contracts, one.keys.right, place=f"{place}, right")
    if one.customers:
        person_of(contracts, one.customers.left, place=f"{place}, left")
        right = find_object(contracts, one.customers.right, place=f"{place}, right")
        if right.entity is None:
            raise QualityError(f"{place}, right: {right.full_name} holds no people; name an object with an entity")


def find_object(contracts: Mapping[str, SourceContract], name: str, *, place: str) -> SourceObject:
    """The object system.object. Raises QualityError."""
    system, _, rest = name.partition(".")
    for obj in contracts[system].objects if system in contracts else ():
        if obj.name == rest:
            return obj
    raise QualityError(f"{place}: no contract declares {name}; `customer360 contracts list` shows what there is")


def find_field(contracts: Mapping[str, SourceContract], name: str, *, place: str) -> tuple[SourceObject, str]:
    """The object and field of system.object.field. Raises QualityError."""
    holder, _, field = name.rpartition(".")
    obj = find_object(contracts, holder, place=place)
    if field not in {declared.name for declared in obj.fields}:
        known = ", ".join(declared.name for declared in obj.fields)
        raise QualityError(f"{place}: {obj.full_name} has no field {field}; it has {known}")
    return obj, field


def person_of(contracts: Mapping[str, SourceContract], name: str, *, place: str) -> tuple[SourceObject, str, SourceObject]:
    """Object, field, and the person object whose record that field names: another's key, or its own. Raises QualityError."""
    obj, field = find_field(contracts, name, place=place)
    declared = obj.field(field)
    target = declared.references or declared.same_customer
    person = find_object(contracts, f"{target.system}.{target.object}", place=place) if target else obj
    if person.entity is None or (target is None and obj.entity is not None and obj.entity.key != (field,)):
        raise QualityError(f"{place}: {name} names no person's record; use a person object's key, or a field that refers to one")
    return obj, field, person
