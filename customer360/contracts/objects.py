"""One entry of `schema:` becomes a SourceObject: its fields, key, entity and how it is read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.fields import build_field
from customer360.contracts.file_sets import build_file_set
from customer360.contracts.model import Deletes, Entity, Extract, Field, SourceObject, Stream
from customer360.contracts.problems import did_you_mean
from customer360.contracts.properties import custom_properties, duration_at, text_at
from customer360.contracts.rest import build_count, build_feed, check_endpoint
from customer360.contracts.schedule import cron_is_valid
from customer360.contracts.streams import check_changes

_CURSOR_TYPES = ("date", "timestamp", "integer", "number", "string")
_TIME_TYPES = ("date", "timestamp")
_STREAMS: dict[str, Stream] = {"kafka": "messages", "amqp": "messages", "webhook": "webhook"}
_ENTITY_KINDS = ("person", "organisation")


def build_object(
    document: Document, path: Path_, entry: dict[str, Any], *, system: str, kind: str, server: dict[str, Any], readers: tuple[str, ...]
) -> SourceObject | None:
    """Check one object and build it; None when it cannot be built, the reasons being reported."""
    reported = len(document.problems)
    name = _name(document, path, entry, system)
    if entry.get("logicalType") not in (None, "object"):
        document.report((*path, "logicalType"), f"logicalType {entry['logicalType']!r} is no object's", "write logicalType: object")
    grain = text_at(document, path, entry, "dataGranularityDescription", fix="say what one row is: one row per order")
    fields = _fields(document, path, entry)
    by_name = {field.name: field for field in fields}
    key = _key(document, path, entry, by_name)
    custom = custom_properties(document, path, entry, known=("entity", "extract"))
    extract = _extract(document, *custom.get("extract", (path, {})), fields=by_name, kind=kind, server=server)
    entity = None
    if "entity" in custom:
        entity = _entity(document, *custom["entity"], fields=by_name, key=key)
    _check_meanings(document, path, entry, has_entity="entity" in custom, fields=by_name)
    if len(document.problems) > reported or name is None or extract is None:
        return None
    return SourceObject(
        system=system,
        name=name,
        source_name=str(entry.get("physicalName") or name),
        description=str(entry.get("description") or ""),
        grain=grain or "",
        fields=tuple(fields),
        key=key,
        extract=extract,
        entity=entity,
        readers=readers,
    )


def _name(document: Document, path: Path_, entry: dict[str, Any], system: str) -> str | None:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        return None  # reported by the caller
    if not words.IDENTIFIER.fullmatch(name):
        document.report(
            (*path, "name"),
            f"{name!r} cannot end a table name",
            f"use small letters, digits and _, and physicalName: {name} for the source's own name",
        )
    elif len(f"{system}__{name}") > words.LONGEST_IDENTIFIER:
        document.report(
            (*path, "name"),
            f"the table name {system}__{name} is longer than {words.LONGEST_IDENTIFIER} characters",
            "shorten the object's name",
        )
    else:
        return name
    return None


def _fields(document: Document, path: Path_, entry: dict[str, Any]) -> list[Field]:
    entries = entry.get("properties") or []
    if not entries:
        document.report((*path, "properties"), "no field is declared", "declare the object's fields below properties:")
    fields: list[Field] = []
    seen: set[str] = set()
    sources: dict[str, str] = {}
    for position, item in enumerate(entries):
        where: Path_ = (*path, "properties", position)
        if item is None:
            document.report(where, "the field is empty", "give it a name, a logicalType and a classification")
            continue
        name = text_at(document, where, item, "name", fix="name the field")
        if name in seen:
            document.report((*where, "name"), f"field {name!r} is declared twice", "keep one of them")
            continue
        seen.add(str(name))
        built = build_field(document, where, item)
        if built is None:
            continue
        if built.source_name in sources:
            document.report(
                where, f"reads {built.source_name!r}, as {sources[built.source_name]} does", "give each field a physicalName of its own"
            )
        sources[built.source_name] = built.name
        fields.append(built)
    for position, item in enumerate(entries):
        field = next((field for field in fields if item and field.name == item.get("name")), None)
        if field is not None and field.verifies is not None:
            _check_verifies(document, (*path, "properties", position), field, {field.name: field for field in fields})
    return fields


def _check_verifies(document: Document, path: Path_, field: Field, fields: dict[str, Field]) -> None:
    target = fields.get(field.verifies or "")
    if target is None:
        document.report(path, f"verifies {field.verifies!r}, which is no field here", did_you_mean(field.verifies, fields))
    elif target.semantic_type is None:
        document.report(path, f"verifies {field.verifies}, which has no semanticType", "give that field one, or take verifies out")
    if field.logical_type != "boolean":
        document.report(path, f"verifies {field.verifies}, but is no boolean", "make it logicalType: boolean")


def _key(document: Document, path: Path_, entry: dict[str, Any], fields: dict[str, Field]) -> tuple[str, ...]:
    entries = [(position, item) for position, item in enumerate(entry.get("properties") or []) if item and item.get("primaryKey")]
    if not entries:
        if entry.get("properties"):
            document.report(
                (*path, "properties"), "no field is the key", "mark the field, or fields, that identify a row with primaryKey: true"
            )
        return ()
    positions = [item.get("primaryKeyPosition") for _, item in entries]
    if len(entries) > 1 and sorted(positions, key=str) != list(range(1, len(entries) + 1)):
        document.report(
            (*path, "properties", entries[0][0], "primaryKeyPosition"),
            "the order of the key's fields is not clear",
            f"give them primaryKeyPosition 1 to {len(entries)}",
        )
        return ()
    for position, item in entries:
        where = (*path, "properties", position)
        if not item.get("required"):
            document.report(where, "a field of the key must be there in every row", "add required: true")
        if item.get("unique") and len(entries) > 1:
            document.report(where, "one field of a longer key cannot be unique alone", "take unique: true out, or make it the whole key")
        if item.get("logicalType") in ("object", "array"):
            document.report(where, "a key cannot be a document", "declare the inner field that identifies the row")
    ordered = sorted(entries, key=lambda pair: pair[1].get("primaryKeyPosition") or 0)
    return tuple(str(item.get("name")) for _, item in ordered if item.get("name") in fields)


# ------------------------------------------------------------------------------------------------ extract
def _extract(document: Document, path: Path_, value: Any, *, fields: dict[str, Field], kind: str, server: dict[str, Any]) -> Extract | None:
    if not document.check_keys(path, value, words.EXTRACT_KEYS):
        return None
    cursor = _cursor(document, path, value, fields)
    lookback = _lookback(document, path, value, fields.get(cursor or ""))
    deletes = _deletes(document, path, value, fields)
    endpoint = _endpoint(document, path, value, kind)
    files = build_file_set(document, path, value, kind=kind, server=server)
    changes = check_changes(document, path, value, kind)
    stream: Stream | None = "changes" if changes else _STREAMS.get(kind)
    feed = None
    if "feed" in value and kind == "api":
        has_flag = deletes.flag is not None
        feed = build_feed(document, (*path, "feed"), value["feed"], has_cursor=cursor is not None, has_flag=has_flag, fields=fields)
    elif "feed" in value and kind:
        document.report((*path, "feed"), f"a feed has no meaning for a {kind} server", "take it out")
    count = None
    if "count" in value and kind == "api":
        count = build_count(document, (*path, "count"), value["count"], has_cursor=cursor is not None)
    elif "count" in value and kind:
        document.report((*path, "count"), f"a count has no meaning for a {kind} server", "take it out")
    if kind and kind != "api" and files["format"] != "jsonl":
        for field in fields.values():
            if field.epoch:
                document.report(path, f"{field.name} is a number since 1970, which only JSON sources have", "take epoch out of the field")
    schema: Any = value.get("schema", "additive")
    document.check_word((*path, "schema"), schema, words.SCHEMA_POLICIES)
    return Extract(
        cursor=cursor,
        lookback=lookback,
        deletes=deletes,
        endpoint=endpoint,
        feed=feed,
        count=count,
        stream=stream,
        changes=changes,
        schema=schema,
        **files,
    )


def _endpoint(document: Document, path: Path_, value: dict[str, Any], kind: str) -> dict[str, Any]:
    endpoint, where = value.get("endpoint"), (*path, "endpoint")
    if kind == "api" and not endpoint:
        document.report(where, "extract says no endpoint", "add endpoint: {path: …, params: …}")
    elif kind == "api":
        check_endpoint(document, where, endpoint)
    elif kind and endpoint is not None:
        document.report(where, f"an endpoint cannot be read from a {kind} server", "take it out, or write type: api")
    return endpoint if isinstance(endpoint, dict) else {}


def _field_named(document: Document, path: Path_, name: Any, fields: dict[str, Field]) -> Field | None:
    if isinstance(name, str) and name in fields:
        return fields[name]
    document.report(path, f"{path[-1]} {name!r} is no field here", did_you_mean(name, fields))
    return None


def _cursor(document: Document, path: Path_, value: dict[str, Any], fields: dict[str, Field]) -> str | None:
    if value.get("cursor") is None:
        return None
    field = _field_named(document, (*path, "cursor"), value["cursor"], fields)
    if field is None:
        return None
    if field.logical_type not in _CURSOR_TYPES:
        document.report(
            (*path, "cursor"),
            f"cursor {field.name} is of type {field.logical_type}, which has no order in time",
            f"use a field of {', '.join(_CURSOR_TYPES)}",
        )
    return field.name


def _lookback(document: Document, path: Path_, value: dict[str, Any], cursor: Field | None) -> timedelta:
    lookback = duration_at(document, path, value, "lookback")
    if lookback is None:
        return timedelta()
    if value.get("cursor") is None:
        document.report((*path, "lookback"), "a lookback needs a cursor", "name the cursor, or take the lookback out")
    elif cursor is not None and cursor.logical_type not in _TIME_TYPES:
        document.report(
            (*path, "lookback"),
            f"cursor {cursor.name} is no time, so no time can be taken off it",
            "take the lookback out, or use a timestamp",
        )
    return lookback


def _deletes(document: Document, path: Path_, value: dict[str, Any], fields: dict[str, Field]) -> Deletes:
    if value.get("deletes") is None:
        return Deletes()
    where, deletes = (*path, "deletes"), value["deletes"]
    if not document.check_keys(where, deletes, words.DELETES_KEYS):
        return Deletes()
    flag, sweep, snapshot = deletes.get("flag"), deletes.get("sweep"), deletes.get("snapshot", False)
    if flag is not None:
        field = _field_named(document, (*where, "flag"), flag, fields)
        if field is not None and field.logical_type != "boolean":
            document.report((*where, "flag"), f"flag {field.name} is of type {field.logical_type}", "name a boolean field")
    if sweep is not None and not cron_is_valid(sweep):
        document.report(
            (*where, "sweep"), f"sweep {sweep!r} is no cron of five fields", 'write minute hour day month weekday, in UTC: "15 2 * * 0"'
        )
    if not isinstance(snapshot, bool):
        document.report((*where, "snapshot"), f"snapshot {snapshot!r} is neither true nor false", "write snapshot: true")
        snapshot = False
    if snapshot and sweep is not None:
        document.report(where, "a snapshot already shows what is gone", "take the sweep out")
    if flag is None and sweep is None and not snapshot:
        document.report(where, "deletes says nothing", "name a flag, a sweep or snapshot: true, or take it out")
    return Deletes(flag=flag if isinstance(flag, str) else None, sweep=sweep if isinstance(sweep, str) else None, snapshot=snapshot)


# ------------------------------------------------------------------------------------------------- entity
def _entity(document: Document, path: Path_, value: Any, *, fields: dict[str, Field], key: tuple[str, ...]) -> Entity | None:
    if not document.check_keys(path, value, words.ENTITY_KEYS):
        return None
    if not document.check_word((*path, "kind"), value.get("kind"), _ENTITY_KINDS):
        return None
    of = value.get("of")
    if of is None:
        if "by" in value:
            document.report((*path, "by"), "by needs of", "name the object that these rows describe further: of: shop.customers")
        own_key = _names(document, (*path, "key"), value["key"], fields) if value.get("key") is not None else key
    else:
        if "key" in value:
            document.report((*path, "key"), "key and of exclude each other", "name the fields that hold the other object's key: by: […]")
        if not (isinstance(of, str) and re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", of)):
            document.report((*path, "of"), f"of {of!r} names no object", "write system.object: shop.customers")
            return None
        own_key = _names(document, (*path, "by"), value.get("by"), fields)
    where = value.get("where") or {}
    if not isinstance(where, dict):
        document.report((*path, "where"), "where must be a mapping", "write where: {field: value}")
        where = {}
    for name in where:
        if name not in fields:
            document.report((*path, "where", name), f"where names {name!r}, which is no field here", did_you_mean(name, fields))
    return Entity(kind=value["kind"], key=own_key, of=of, where={str(name): _as_text(text) for name, text in where.items()})


def _names(document: Document, path: Path_, value: Any, fields: dict[str, Field]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        document.report(path, f"{path[-1]} must be a list of different fields", f"write {path[-1]}: [<field>]")
        return ()
    for name in value:
        if not (isinstance(name, str) and name in fields):
            document.report(path, f"{path[-1]} names {name!r}, which is no field here", did_you_mean(name, fields))
    return tuple(map(str, value))


def _as_text(value: object) -> str:
    """As PostgreSQL shows it: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_meanings(document: Document, path: Path_, entry: dict[str, Any], *, has_entity: bool, fields: dict[str, Field]) -> None:
    meaningful = [field for field in fields.values() if field.semantic_type is not None]
    if has_entity and not meaningful:
        document.report(
            path, "describes a person or organisation, but no field has a semanticType", "say what its fields mean, or take entity out"
        )
    if has_entity:
        return
    for position, item in enumerate(entry.get("properties") or []):
        for key, has in (("semanticType", bool(item and item.get("semanticType"))), ("relationships", _links(item))):
            if has:
                document.report(
                    (*path, "properties", position, key),
                    "identity does not read this object, so this would have no effect",
                    "add the custom property entity: {kind: person}, or take it out",
                )


def _links(item: Any) -> bool:
    return bool(item) and any(relation and relation.get("type") == "sameCustomer" for relation in item.get("relationships") or [])
