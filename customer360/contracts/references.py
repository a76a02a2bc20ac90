"""Third pass: what contracts say of each other. Every reference leads to a field that exists and can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from customer360.contracts.document import Path_
from customer360.contracts.model import Entity, Field, FieldRef, SourceObject
from customer360.contracts.problems import did_you_mean

if TYPE_CHECKING:
    from customer360.contracts.source import Draft


def check(drafts: Sequence[Draft], *, complete: bool) -> None:
    """Report references that lead nowhere. Systems that are not among `drafts` are let pass unless these are all there are."""
    known: dict[str, dict[str, SourceObject]] = {}
    files: dict[str, str] = {}
    for draft in drafts:
        system = draft.contract.system
        if system in files:
            draft.document.report(("id",), f"id {system!r} is taken by {files[system]}", "give each source its own id")
        files.setdefault(system, draft.document.file)
        known.setdefault(system, {obj.name: obj for obj in draft.contract.objects})
    for draft in drafts:
        for obj in draft.contract.objects:
            path = draft.paths[obj.name]
            _check_entity(draft, path, obj, known, complete=complete)
            for where, field in _fields(draft, path, obj):
                _check_foreign_key(draft, where, field, known, complete=complete)
                _check_same_customer(draft, where, field, known, complete=complete)


def _fields(draft: Draft, path: Path_, obj: SourceObject) -> Iterator[tuple[Path_, Field]]:
    value = draft.document.data["schema"][path[1]]["properties"]
    positions = {item["name"]: position for position, item in enumerate(value)}
    for field in obj.fields:
        yield (*path, "properties", positions[field.name], "relationships"), field


def _check_foreign_key(draft: Draft, path: Path_, field: Field, known: dict[str, dict[str, SourceObject]], *, complete: bool) -> None:
    found = _follow(draft, path, field.references, known, complete=complete)
    if found is None:
        return
    obj, target = found
    if target.name not in obj.key and not target.unique:
        draft.document.report(
            path, f"foreignKey leads to {obj.full_name}.{target.name}, which identifies no row", f"use its key: {', '.join(obj.key)}"
        )
    elif target.logical_type != field.logical_type:
        draft.document.report(
            path,
            f"is of type {field.logical_type}, but {obj.full_name}.{target.name} of type {target.logical_type}",
            "give both the same logicalType, or take the foreignKey out",
        )


def _check_same_customer(draft: Draft, path: Path_, field: Field, known: dict[str, dict[str, SourceObject]], *, complete: bool) -> None:
    found = _follow(draft, path, field.same_customer, known, complete=complete)
    if found is None:
        return
    obj, target = found
    if obj.entity is None:
        draft.document.report(
            path, f"sameCustomer leads to {obj.full_name}, which describes nobody", "give that object an entity, or take the link out"
        )
    elif obj.entity.of is not None:
        draft.document.report(
            path, f"sameCustomer leads to {obj.full_name}, which only adds to {obj.entity.of}", f"lead it to {obj.entity.of}"
        )
    elif obj.entity.key != (target.name,):
        draft.document.report(
            path, f"sameCustomer leads to {obj.full_name}.{target.name}, which is not its record key", f"use {', '.join(obj.entity.key)}"
        )


def _follow(
    draft: Draft, path: Path_, reference: FieldRef | None, known: dict[str, dict[str, SourceObject]], *, complete: bool
) -> tuple[SourceObject, Field] | None:
    if reference is None:
        return None
    obj = _object(draft, path, reference.system, reference.object, known, complete=complete)
    if obj is None:
        return None
    try:
        return obj, obj.field(reference.field)
    except KeyError:
        names = [field.name for field in obj.fields]
        draft.document.report(path, f"{obj.full_name} has no field {reference.field!r}", did_you_mean(reference.field, names))
        return None


def _object(
    draft: Draft, path: Path_, system: str, name: str, known: dict[str, dict[str, SourceObject]], *, complete: bool
) -> SourceObject | None:
    if system not in known:
        if complete:
            draft.document.report(path, f"no contract is called {system!r}", did_you_mean(system, known))
        return None
    if name not in known[system]:
        draft.document.report(path, f"{system} has no object {name!r}", did_you_mean(name, known[system]))
        return None
    return known[system][name]


def _check_entity(draft: Draft, path: Path_, obj: SourceObject, known: dict[str, dict[str, SourceObject]], *, complete: bool) -> None:
    entity = obj.entity
    if entity is None or entity.of is None:
        return
    system, _, name = entity.of.partition(".")
    target = _object(draft, path, system, name, known, complete=complete)
    if target is None:
        return
    problem = _wrong_target(entity, target.entity)
    if problem:
        draft.document.report(path, f"entity of {entity.of}: {problem[0]}", problem[1])


def _wrong_target(entity: Entity, target: Entity | None) -> tuple[str, str] | None:
    if target is None:
        return "that object describes nobody", "give it an entity, or name another object"
    if target.of is not None:
        return f"that object only adds to {target.of}", f"write of: {target.of}"
    if target.kind != entity.kind:
        return f"that object describes another kind ({target.kind}) than this one ({entity.kind})", "give both the same kind"
    if len(target.key) != len(entity.key):
        return (
            f"its record key has {len(target.key)} fields, by names {len(entity.key)}",
            f"name one field for each of: {', '.join(target.key)}",
        )
    return None
