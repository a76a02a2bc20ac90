"""One entry of `properties:` becomes a Field."""

from __future__ import annotations

import re
from typing import Any

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.model import Field, FieldRef
from customer360.contracts.properties import custom_properties

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)")
_RELATIONS = ("foreignKey", "sameCustomer")


def build_field(document: Document, path: Path_, entry: dict[str, Any]) -> Field | None:
    """Check one field and build it; None when it has no name.

    One with problems, which are reported, is built as far as it goes: else every mention of it would be a problem too.
    """
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    _check_name(document, path, name)
    logical_type = entry.get("logicalType")
    sql_type = _sql_type(document, path, entry)
    semantic_type = entry.get("semanticType")
    if semantic_type is not None:
        document.check_word((*path, "semanticType"), semantic_type, words.SEMANTIC_TYPES)
        if logical_type in ("object", "array", "boolean"):
            document.report(
                (*path, "semanticType"), f"a value of type {logical_type} cannot be a {semantic_type}", "declare the inner field that does"
            )
    classification = _classification(document, path, entry, semantic_type)
    relations = _relations(document, path, entry)
    custom = custom_properties(document, path, entry, known=("verifies", "epoch"))
    verifies = custom["verifies"][1] if "verifies" in custom else None
    if verifies is not None and not isinstance(verifies, str):
        document.report(custom["verifies"][0], "verifies must be the name of a field", "write value: email")
    epoch = custom["epoch"][1] if "epoch" in custom else None
    if epoch is not None and document.check_word(custom["epoch"][0], epoch, words.EPOCH_UNITS) and logical_type != "timestamp":
        document.report(custom["epoch"][0], f"a moment given as a number is no {logical_type}", "make the field logicalType: timestamp")
    return Field(
        name=name,
        source_name=str(entry.get("physicalName") or name),
        logical_type=str(logical_type),
        sql_type=sql_type,
        required=bool(entry.get("required")),
        unique=bool(entry.get("unique")),
        classification=classification,
        semantic_type=semantic_type,
        same_customer=relations.get("sameCustomer"),
        references=relations.get("foreignKey"),
        verifies=verifies if isinstance(verifies, str) else None,
        epoch=epoch,
        description=str(entry.get("description") or ""),
    )


def _check_name(document: Document, path: Path_, name: str) -> None:
    where = (*path, "name")
    if not words.IDENTIFIER.fullmatch(name):
        document.report(
            where, f"{name!r} cannot name a column", f"use small letters, digits and _, and physicalName: {name} for the source's own name"
        )
    elif len(name) > words.LONGEST_IDENTIFIER:
        document.report(where, f"{name!r} is longer than {words.LONGEST_IDENTIFIER} characters", "shorten it")
    elif name in words.RESERVED_WORDS:
        document.report(
            where, f"{name!r} is a reserved word of SQL", f"use another name, and physicalName: {name} for the source's own name"
        )


def _sql_type(document: Document, path: Path_, entry: dict[str, Any]) -> str:
    logical_type, physical_type = entry.get("logicalType"), entry.get("physicalType")
    if not document.check_word((*path, "logicalType"), logical_type, tuple(words.DEFAULT_SQL_TYPE)):
        return ""
    if physical_type is None:
        return words.DEFAULT_SQL_TYPE[str(logical_type)]
    try:
        return words.parse_physical_type(physical_type, str(logical_type))
    except ValueError as error:
        message, _, fix = str(error).partition("; ")
        document.report((*path, "physicalType"), message, fix)
        return ""


def _classification(document: Document, path: Path_, entry: dict[str, Any], semantic_type: Any) -> str:
    classification = entry.get("classification")
    where = (*path, "classification")
    if classification is None:
        document.report(where, "classification is missing", f"say who may see it: {', '.join(words.CLASSIFICATIONS)}")
        return ""
    if not document.check_word(where, classification, tuple(words.CLASSIFICATIONS)):
        return ""
    if semantic_type in words.PERSONAL_SEMANTIC_TYPES and not str(classification).startswith("personal"):
        document.report(
            where,
            f"values of the kind {semantic_type} are personal",
            f"use one of: {', '.join(name for name in words.CLASSIFICATIONS if 'personal' in name)}",
        )
    return str(classification)


def _relations(document: Document, path: Path_, entry: dict[str, Any]) -> dict[str, FieldRef]:
    found: dict[str, FieldRef] = {}
    for position, relation in enumerate(entry.get("relationships") or []):
        where = (*path, "relationships", position)
        kind = relation.get("type") if relation else None
        if not document.check_word((*where, "type"), kind, _RELATIONS):
            continue
        match = _REFERENCE.fullmatch(str(relation.get("to")))
        if match is None:
            document.report(
                (*where, "to"), f"to {relation.get('to')!r} names no field", "write system.object.field: shop.customers.customer_id"
            )
        elif kind in found:
            document.report(where, f"{kind} is given twice", "a field points to one other field; keep one")
        else:
            found[str(kind)] = FieldRef(system=match[1], object=match[2], field=match[3])
        custom_properties(document, where, relation, known=())
    return found
