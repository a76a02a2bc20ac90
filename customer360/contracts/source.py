"""Second pass: what one document declares as a source, checked for meaning and built as frozen data.

References to other objects are collected here and followed in `references`, once all contracts are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.model import Kind, SourceContract, SourceObject
from customer360.contracts.objects import build_object
from customer360.contracts.properties import custom_properties, text_at
from customer360.contracts.rest import check_client
from customer360.contracts.schedule import cron_is_valid
from customer360.contracts.streams import check_webhook
from customer360.warehouse.roles import Role

_READER_ROLES = tuple(role.value for role in Role if role is not Role.ANALYST)
_FRESHNESS_UNITS = {"m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SERVER_PROPERTIES = {"api": ("client",), "custom": ("protocol", "signature", "delivery", "max_bytes")}
_LONGEST_FRESHNESS = timedelta(days=3660)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A contract whose references have not been followed yet."""

    contract: SourceContract
    document: Document
    is_read: bool  # whether its status has it read from
    paths: dict[str, Path_] = field(default_factory=dict)  # object name -> where it stands


def build(document: Document) -> Draft | None:
    """Check the meaning of a document that follows the standard, and build the contract; None when that cannot be done, the
    reasons being reported."""
    data = document.data
    system = _system(document)
    _check_heading(document)
    custom_properties(document, (), data, known=())
    kind, connection, server = _server(document)
    schedule, freshness = _agreements(document)
    owner, owner_address = _owner(document)
    readers = _readers(document)
    objects, paths = _objects(document, system, kind, server, readers)
    if document.problems:
        return None
    description = data.get("description") or {}
    contract = SourceContract(
        system=system,
        title=str(data["name"]),
        version=str(data["version"]),
        description=" ".join(str(description[key]) for key in ("purpose", "limitations", "usage") if description.get(key)),
        owner=owner,
        owner_address=owner_address,
        kind=cast(Kind, kind),
        connection=connection,
        server=server,
        schedule=schedule,
        freshness=freshness,
        readers=readers,
        objects=tuple(objects),
    )
    return Draft(contract=contract, document=document, is_read=data["status"] in words.READ_STATUSES, paths=paths)


def _system(document: Document) -> str:
    system = text_at(document, (), document.data, "id", fix="name the source system: id: shop")
    if system is None:
        return ""
    if not words.IDENTIFIER.fullmatch(system) or "__" in system or len(system) > 30:
        document.report(
            ("id",), f"id {system!r} cannot begin a table name", "use up to 30 small letters, digits and single _, a letter first"
        )
    return system


def _check_heading(document: Document) -> None:
    data = document.data
    version = text_at(document, (), data, "apiVersion", fix="write apiVersion: v3.1.0")
    if version is not None and not re.fullmatch(r"v3\.\d+\.\d+", version):
        document.report(("apiVersion",), f"apiVersion {version!r} is not read here", "write apiVersion: v3.1.0")
    kind = text_at(document, (), data, "kind", fix="write kind: DataContract")
    if kind is not None and kind != "DataContract":
        document.report(("kind",), f"kind {kind!r} is not read here", "write kind: DataContract")
    status = text_at(document, (), data, "status", fix="write status: active")
    if status is not None:
        document.check_word(("status",), status, words.STATUSES)
    text_at(document, (), data, "name", fix="give the source a name that people know it by")
    text_at(document, (), data, "version", fix="write version: 1.0.0")


def _server(document: Document) -> tuple[str, str, dict[str, Any]]:
    """Kind, connection name, and the entry with its custom properties laid flat."""
    servers = document.data.get("servers") or []
    if len(servers) != 1:
        document.report(
            ("servers",), f"servers has {len(servers)} entries", "name one; development and production differ by the connection's URI alone"
        )
        return "", "", {}
    entry, path = servers[0], ("servers", 0)
    if entry is None:
        document.report(path, "the server is empty", "give it server: and type:")
        return "", "", {}
    connection = text_at(document, path, entry, "server", fix="name the connection that C360_CONN_<NAME> configures")
    if connection is not None and not words.IDENTIFIER.fullmatch(connection):
        document.report((*path, "server"), f"server {connection!r} cannot name a connection", "use small letters, digits and _")
    if connection == "warehouse":
        document.report((*path, "server"), "the warehouse is no source", "name a connection of its own")
    kind = text_at(document, path, entry, "type", fix=f"use one of: {', '.join(words.KINDS)}")
    if kind is None or not document.check_word((*path, "type"), kind, words.KINDS):
        return "", "", {}
    if kind in words.FILE_KINDS and entry.get("format"):
        document.check_word((*path, "format"), entry["format"], words.FILE_FORMATS)
    custom = custom_properties(document, path, entry, known=_SERVER_PROPERTIES.get(kind, ()))
    if kind == "custom":
        kind = _protocol(document, path, custom)
    if "client" in custom:
        check_client(document, *custom["client"])
    if kind == "webhook":
        return kind, connection or "", dict(entry) | {"webhook": check_webhook(document, path, custom)}
    plain = {key: value for key, value in entry.items() if key != "customProperties"}
    return kind, connection or "", plain | {name: value for name, (_, value) in custom.items()}


def _protocol(document: Document, path: Path_, custom: dict[str, tuple[Path_, Any]]) -> str:
    """What a custom server speaks, which is then its kind."""
    if "protocol" not in custom:
        document.report(path, "a custom server says no protocol", "add the custom property protocol: webhook, or amqp")
        return ""
    where, protocol = custom["protocol"]
    if not document.check_word((*where[:-1], "protocol"), protocol, words.PROTOCOLS):
        return ""
    for name in custom if protocol != "webhook" else ():
        if name != "protocol":
            document.report(custom[name][0][:-1], f"{name} has no meaning for protocol {protocol}", "take it out")
    return str(protocol)


def _agreements(document: Document) -> tuple[str, timedelta]:
    """Schedule (cron, UTC) and freshness."""
    found: dict[str, tuple[Path_, dict[str, Any]]] = {}
    for position, entry in enumerate(document.data.get("slaProperties") or []):
        path: Path_ = ("slaProperties", position)
        name = entry.get("property") if entry else None
        if not document.check_word((*path, "property"), name, words.SLA_PROPERTIES + words.SLA_DOCUMENTATION):
            continue
        if name in found:
            document.report(path, f"{name} is agreed twice", "keep one of them")
        found[str(name)] = path, entry
        custom_properties(document, path, entry, known=())
    schedule, freshness = "", timedelta()
    if "schedule" not in found:
        document.report(("slaProperties",), "no schedule is agreed", 'add {property: schedule, value: "*/5 * * * *"}')
    else:
        path, entry = found["schedule"]
        schedule = _cron(document, (*path, "value"), entry.get("value"))
    if "freshness" not in found:
        document.report(("slaProperties",), "no freshness is agreed", "add {property: freshness, value: 24, unit: h}")
    else:
        freshness = _freshness(document, *found["freshness"])
    return schedule, freshness


def _cron(document: Document, path: Path_, value: object) -> str:
    if not cron_is_valid(value):
        document.report(path, f"schedule {value!r} is no cron of five fields", 'write minute hour day month weekday, in UTC: "15 2 * * *"')
        return ""
    return str(value)


def _freshness(document: Document, path: Path_, entry: dict[str, Any]) -> timedelta:
    value, unit = entry.get("value"), entry.get("unit")
    seconds = _FRESHNESS_UNITS.get(str(unit).removesuffix("s") if len(str(unit)) > 1 else str(unit))
    if seconds is None:
        document.report((*path, "unit"), f"unknown unit {unit!r}", "use m, h or d")
        return timedelta()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value * seconds <= _LONGEST_FRESHNESS.total_seconds():
        document.report((*path, "value"), f"freshness {value!r} is no time span above 0 and below ten years", "write a number: value: 24")
        return timedelta()
    return timedelta(seconds=value * seconds)


def _owner(document: Document) -> tuple[str, str]:
    """Team and the address that is alerted."""
    team = document.data.get("team")
    if not isinstance(team, dict):
        document.report(
            ("team",), "no team owns this source", "write team: {name: …, members: [{username: team@example.com, role: owner}]}"
        )
        return "", ""
    name = text_at(document, ("team",), team, "name", fix="name the team")
    custom_properties(document, ("team",), team, known=())
    members = [member for member in team.get("members") or [] if member]
    owners = [member for member in members if member.get("role") == "owner"] or members
    for member in owners:
        if _ADDRESS.fullmatch(str(member.get("username") or "")):
            return name or "", str(member["username"])
    document.report(("team", "members"), "no owner has a mail address", "add {username: team@example.com, role: owner}")
    return name or "", ""


def _readers(document: Document) -> tuple[str, ...]:
    readers: list[str] = []
    for position, entry in enumerate(document.data.get("roles") or []):
        path = ("roles", position)
        role = entry.get("role") if entry else None
        if role == Role.ANALYST:
            document.report((*path, "role"), "analysts read marts alone", "take the entry out; personal fields are masked for them there")
        elif document.check_word((*path, "role"), role, _READER_ROLES):
            if role in readers:
                document.report(path, f"{role} is named twice", "keep one of them")
            readers.append(str(role))
        if entry and entry.get("access") != "read":
            document.report(
                (*path, "access"), f"access {entry.get('access')!r} cannot be given", "write access: read; the loader alone writes raw"
            )
        if entry:
            custom_properties(document, path, entry, known=())
    if Role.TRANSFORMER not in readers:
        document.report(
            ("roles",), "c360_transformer may not read", "add {role: c360_transformer, access: read}; identity and dbt read as it"
        )
    return tuple(readers)


def _objects(
    document: Document, system: str, kind: str, server: dict[str, Any], readers: tuple[str, ...]
) -> tuple[list[SourceObject], dict[str, Path_]]:
    entries = document.data.get("schema") or []
    if not entries:
        document.report(("schema",), "no object is declared", "declare at least one table, endpoint or file set below schema:")
    objects: list[SourceObject] = []
    paths: dict[str, Path_] = {}
    for position, entry in enumerate(entries):
        path: Path_ = ("schema", position)
        if entry is None:
            document.report(path, "the object is empty", "give it a name and properties")
            continue
        name = text_at(document, path, entry, "name", fix="name the object")
        if name in paths:
            document.report((*path, "name"), f"object {name!r} is declared twice", "keep one of them")
            continue
        paths[name or f"schema[{position}]"] = path
        built = build_object(document, path, entry, system=system, kind=kind, server=server, readers=readers)
        if built is not None:
            objects.append(built)
    return objects, paths
