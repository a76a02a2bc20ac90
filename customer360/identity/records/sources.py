"""Where source records come from, read off the contracts: which objects, which fields, what they mean, what they link to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from customer360.contracts.model import Entity, Field, FieldRef, SourceContract, SourceObject
from customer360.errors import UserError


class SourceError(UserError):
    """A contract declares an entity that identity cannot read; the message names the object and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One object that gives attributes to records: the owner itself, or rows `of` it."""

    object: SourceObject
    entity: Entity
    fields: tuple[Field, ...]  # the fields read, in declared order: meaning, links, anchors and the flags that verify them

    @property
    def key(self) -> tuple[str, ...]:
        """Fields whose values, joined with ':', are the record's key."""
        return self.entity.key

    @property
    def has_row_per_record(self) -> bool:
        """Whether one row is one record (false: several rows of events speak of one record)."""
        return self.entity.of is None and self.entity.key == self.object.key

    @property
    def cursor(self) -> str | None:
        """The field that dates a version of a row, if it is a time."""
        name = self.object.extract.cursor
        return name if name is not None and self.object.field(name).sql_type.startswith("timestamp") else None

    @property
    def made_at(self) -> str | None:
        """The field that tells when a record was made, where its first version is dated by the list it stood in."""
        return self.object.extract.feed.made_at if self.object.extract.feed is not None else None

    def full_field(self, field: Field) -> str:
        """`shop.customers.email`"""
        return f"{self.object.full_name}.{field.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSource:
    """One kind of source record: its own object first, then the objects that add to it."""

    owner: Part
    additions: tuple[Part, ...]
    anchors: frozenset[str]  # names of the owner's fields that other systems keep

    @property
    def name(self) -> str:
        """`shop.customers`, what its record ids start with."""
        return self.owner.object.full_name

    @property
    def parts(self) -> tuple[Part, ...]:
        """The object that makes the records, then those that add to them."""
        return (self.owner, *self.additions)


def record_sources(contracts: Iterable[SourceContract]) -> list[RecordSource]:
    """Every kind of record the contracts declare, by name. Raises SourceError."""
    objects = {obj.full_name: obj for contract in contracts for obj in contract.objects}
    anchors = _anchors(objects.values())
    found = []
    for name, obj in sorted(objects.items()):
        if obj.entity is None or obj.entity.of is not None:
            continue
        additions = [other for other in objects.values() if other.entity is not None and other.entity.of == name]
        found.append(
            RecordSource(
                owner=_part(obj, obj.entity, anchors.get(name, frozenset())),
                additions=tuple(_part(other, _entity(other), frozenset()) for other in sorted(additions, key=lambda o: o.full_name)),
                anchors=anchors.get(name, frozenset()),
            )
        )
    _check(objects, found)
    return found


def shape_version(sources: Iterable[RecordSource]) -> str:
    """Changes when the contracts declare other records, fields, meanings, dates or links: what was extracted before no longer stands."""
    told = [
        (
            *(part.object.full_name, part.entity.kind, part.key, part.entity.of, sorted(part.entity.where.items()), part.made_at),
            *(field.name, field.semantic_type, field.verifies, field.same_customer, sorted(source.anchors)),
        )
        for source in sources
        for part in source.parts
        for field in part.fields
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def full_reference(reference: FieldRef) -> str:
    """`crm.contacts.id`"""
    return f"{reference.system}.{reference.object}.{reference.field}"


def _entity(obj: SourceObject) -> Entity:
    if obj.entity is None:
        raise ValueError(f"{obj.full_name} declares no entity")
    return obj.entity


def _part(obj: SourceObject, entity: Entity, anchors: frozenset[str]) -> Part:
    read = [field for field in obj.fields if field.semantic_type or field.verifies or field.same_customer or field.name in anchors]
    return Part(object=obj, entity=entity, fields=tuple(read))


def _anchors(objects: Iterable[SourceObject]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for obj in objects:
        if obj.entity is None:
            continue
        for field in obj.fields:
            if field.same_customer is not None:
                found.setdefault(f"{field.same_customer.system}.{field.same_customer.object}", set()).add(field.same_customer.field)
    return {name: frozenset(fields) for name, fields in found.items()}


def _check(objects: dict[str, SourceObject], found: list[RecordSource]) -> None:
    names = {source.name for source in found}
    for obj in objects.values():
        if obj.entity is None:
            continue
        if obj.entity.of is not None and obj.entity.of not in names:
            raise SourceError(
                f"{obj.full_name}: entity.of names {obj.entity.of}, which is no entity of its own. "
                "Declare `entity` there, or drop `of` here."
            )
        for field in obj.fields:
            if field.same_customer is not None and f"{field.same_customer.system}.{field.same_customer.object}" not in names:
                raise SourceError(
                    f"{obj.full_name}.{field.name}: sameCustomer points to {full_reference(field.same_customer)}, which is no entity. "
                    "Point it at an object with `entity`, or make it a foreignKey."
                )
