"""From the rows of one source record to its attributes: standardised, dated, in a fixed order. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from customer360.identity.records.sources import Part, RecordSource, full_reference
from customer360.identity.standardise import SEMANTIC_TYPES, Standardised, standardise

VALUES_PER_ATTRIBUTE = 4  # in `standard`, what scoring compares; record_attribute keeps all
SPLIT = frozenset({"full_name", "address", "street"})  # types whose parts are attributes of their own
_ATTRIBUTES = frozenset(SEMANTIC_TYPES)

# A row as the warehouse gives it: [its own key, ISO time of the version, value of each field of the part as text].
Row = Sequence[Any]


class Attribute(NamedTuple):
    """One row of identity.record_attribute, in the order of its columns after record_id."""

    attribute: str
    ordinal: int
    unit: str
    field: str
    raw_value: str
    value: str | None
    is_verified: bool | None
    observed_since: str  # ISO 8601, UTC
    flags: list[str]


class Link(NamedTuple):
    """One row of identity.record_link, in the order of its columns after record_id."""

    target: str
    field: str
    value: str
    is_anchor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContent:
    """All that identity keeps of one source record."""

    attributes: list[Attribute]
    links: list[Link]
    standard: Mapping[str, list[str]]
    digest: bytes


class _Column(NamedTuple):
    """A field as it is read from a row."""

    place: int  # in the row
    position: int  # among all fields of the record's parts
    full_field: str
    semantic_type: str | None
    verifier: int | None  # index in the row of the field that says whether it is verified
    target: str | None  # of a declared link
    is_anchor: bool


class _Observation(NamedTuple):
    column: _Column
    unit: str
    raw_value: str
    is_verified: bool | None
    since: str


class ContentReader:
    """Makes record contents of one kind of source record."""

    def __init__(self, source: RecordSource) -> None:
        self._parts: list[tuple[Part, list[_Column]]] = []
        position = 0
        for number, part in enumerate(source.parts):
            self._parts.append((part, _columns(part, position, source.anchors if number == 0 else frozenset())))
            position += len(part.fields)

    def read(self, rows: Sequence[Sequence[Row]], history: Sequence[Sequence[Row]]) -> RecordContent:
        """`rows` and `history`: for each part of the source, the record's current rows (oldest first) and replaced ones (newest first)."""
        observations: list[_Observation] = []
        for number, (part, columns) in enumerate(self._parts):
            if rows[number]:
                observations += _observed(part, columns, rows[number], history[number], is_addition=number > 0)
        attributes = _attributes([one for one in observations if one.column.semantic_type is not None])
        links = _links(observations)
        standard: dict[str, list[str]] = {}
        for attribute in attributes:
            if attribute.value is not None:
                values = standard.setdefault(attribute.attribute, [])
                if attribute.value not in values and len(values) < VALUES_PER_ATTRIBUTE:
                    values.append(attribute.value)
        told = repr((list(map(tuple, attributes)), list(map(tuple, links))))
        return RecordContent(
            attributes=attributes, links=links, standard=standard, digest=hashlib.blake2b(told.encode(), digest_size=16).digest()
        )


def _columns(part: Part, position: int, anchors: frozenset[str]) -> list[_Column]:
    verified_by = {field.verifies: 2 + index for index, field in enumerate(part.fields) if field.verifies}
    return [
        _Column(
            place=2 + index,
            position=position + index,
            full_field=part.full_field(field),
            semantic_type=field.semantic_type,
            verifier=verified_by.get(field.name),
            target=full_reference(field.same_customer) if field.same_customer is not None else None,
            is_anchor=field.name in anchors,
        )
        for index, field in enumerate(part.fields)
        if field.semantic_type or field.same_customer or field.name in anchors
    ]


def _observed(part: Part, columns: list[_Column], rows: Sequence[Row], history: Sequence[Row], *, is_addition: bool) -> list[_Observation]:
    if len(rows) == 1 and not history:
        (row,) = rows
        unit = f"{part.object.full_name}:{row[0]}" if is_addition else ""
        return [
            _Observation(column, unit, row[column.place], _is_verified(row, column), row[1])
            for column in columns
            if row[column.place] is not None
        ]
    versions: dict[str, list[Row]] = {}
    if part.has_row_per_record or is_addition:
        for version in history:
            versions.setdefault(version[0], []).append(version)
    found: dict[tuple[int, str, str], _Observation] = {}
    last_value: dict[int, str] = {}
    for row in rows:
        unit = f"{part.object.full_name}:{row[0]}" if is_addition else ""
        older = versions.get(row[0], ())
        for column in columns:
            value = row[column.place]
            if value is None:
                continue
            key = (column.place, unit, value)
            # several rows of one record: the value counts from where its latest unbroken run began
            since = found[key].since if key in found and last_value.get(column.place) == value else _since(row, older, column.place)
            last_value[column.place] = value
            found[key] = _Observation(column, unit, value, _is_verified(row, column), since)
    return list(found.values())


def _is_verified(row: Row, column: _Column) -> bool | None:
    if column.verifier is None or row[column.verifier] is None:
        return None
    return bool(row[column.verifier] == "true")


def _since(row: Row, older: Sequence[Row], index: int) -> str:
    """When the row's value came to be: the time of the oldest version in its unbroken run back from now."""
    since: str = row[1]
    for version in older:
        if version[index] != row[index]:
            break
        since = min(since, version[1])
    return since


def _attributes(observations: Sequence[_Observation]) -> list[Attribute]:
    """Ordinal 0 is the latest value of the field that the contract declares first."""
    region = _region(observations)
    found: list[tuple[str, _Observation, str, str | None, list[str]]] = []
    for one in observations:
        semantic_type = one.column.semantic_type or ""
        standard = _standardised(semantic_type, one.raw_value, region)
        found.append((semantic_type, one, one.raw_value, standard.value, sorted(standard.flags) if standard.flags else []))
        if semantic_type in SPLIT:
            found += [(name, one, value, value, []) for name, value in sorted(standard.parts.items()) if name in _ATTRIBUTES]
    if any(one.since != observations[0].since for one in observations):
        found.sort(key=lambda row: row[1].since, reverse=True)
    found.sort(key=lambda row: (row[0], row[1].column.position))
    attributes = []
    ordinal, last = 0, None
    for name, one, raw_value, value, flags in found:
        ordinal = ordinal + 1 if name == last else 0
        last = name
        attributes.append(Attribute(name, ordinal, one.unit, one.column.full_field, raw_value, value, one.is_verified, one.since, flags))
    return attributes


def _region(observations: Sequence[_Observation]) -> str | None:
    """The record's country, in which its national phone numbers are read: the latest one given."""
    countries = [one for one in observations if one.column.semantic_type == "country"]
    countries.sort(key=lambda one: (one.since, one.unit), reverse=True)
    for one in countries:
        code = _standardised("country", one.raw_value, None).value
        if code is not None and len(code) == 2:
            return code.upper()
    return None


def _links(observations: Sequence[_Observation]) -> list[Link]:
    links = {Link(one.column.target, one.column.full_field, one.raw_value, False) for one in observations if one.column.target is not None}
    links |= {Link(one.column.full_field, one.column.full_field, one.raw_value, True) for one in observations if one.column.is_anchor}
    return sorted(links)


@lru_cache(maxsize=300_000)
def _standardised(semantic_type: str, value: str, region: str | None) -> Standardised:
    return standardise(semantic_type, value, region=region)
