"""Which faults each system can have, and with which options. The state is kept in the world file, so a fault outlives restarts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from customer360.errors import UserError
from sandbox.world import World


class FaultError(UserError):
    """A fault that does not exist, or options that make no sense for it."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a fault. A default of None means it must be given."""

    name: str
    default: str | int | float | None
    meaning: str
    choices: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a system."""

    name: str
    meaning: str
    options: tuple[Option, ...] = ()


_OBJECT = Option("object", None, "source object, by its contract name", is_required=True)
_FIELD = Option("field", None, "field, by its name at the source", is_required=True)
_ROWS = Option("rows", 300, "rows whose change time moves, so that the next incremental read meets the fault; -1: all")
_RATE = Option("rate", 1.0, "share of requests that fail, 0 to 1")

_REQUESTS = (
    Fault("server_error", "answers with a 5xx status", (Option("status", 503, "500, 502, 503 or 504"), _RATE)),
    Fault(
        "rate_limit",
        "answers 429 with Retry-After",
        (Option("retry_after", 2, "seconds"), Option("every", 2, "every so manieth request; 1: all")),
    ),
    Fault("cut_connection", "closes the connection in the middle of the body", (_RATE,)),
    Fault("slow", "waits before each answer", (Option("milliseconds", 2000, "how long"),)),
)
_EVERY = Option("every", 5, "every so manieth row")
_VALUES = (
    Fault("malformed_rows", "some records hold values that fit no type or sense", (_OBJECT, _EVERY)),
    Fault("missing_column", "a field disappears from the records", (_OBJECT, _FIELD)),
    Fault(
        "renamed_column", "a field comes under another name", (_OBJECT, _FIELD, Option("to", None, "the new name; default: <field>_new"))
    ),
    Fault("garbage_column", "a field holds nonsense", (_OBJECT, _FIELD)),
)
_CSV = (
    Fault("broken_quoting", "a quote is opened and never closed", (_OBJECT,)),
    Fault("truncated", "files end in the middle of a line", (_OBJECT,)),
    Fault("missing_column", "a column is missing", (_OBJECT, _FIELD)),
    Fault(
        "renamed_column",
        "a column comes under another name",
        (_OBJECT, _FIELD, Option("to", None, "the new name; default: <field>_new")),
    ),
    Fault("malformed_rows", "some rows hold impossible values", (_OBJECT, Option("every", 5, "every so manieth row"))),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "crm": (
        *_REQUESTS,
        Fault(
            "expired_tokens",
            "takes each access token for a few requests only",
            (Option("uses", 2, "requests a token is good for; 0: none"),),
        ),
        Fault("duplicated_pages", "gives the same page twice, once under each of two locators"),
        Fault("malformed_rows", "some records hold values that fit no type or sense", (_OBJECT, Option("rows", 20, "records spoiled"))),
        Fault(
            "missing_column",
            "a field disappears from the records",
            (
                _OBJECT,
                _FIELD,
                Option(
                    "mode",
                    "absent",
                    "absent: left out; null: empty; refused: the query is refused with INVALID_FIELD",
                    ("absent", "null", "refused"),
                ),
                _ROWS,
            ),
        ),
        Fault(
            "renamed_column",
            "a field comes under another name",
            (_OBJECT, _FIELD, Option("to", None, "the new name; default: <field>_New__c"), _ROWS),
        ),
        Fault("garbage_column", "a field holds nonsense", (_OBJECT, _FIELD, _ROWS)),
    ),
    "shop": (
        Fault("connection_refused", "the database server is down"),
        Fault("missing_column", "a column is dropped", (_OBJECT, _FIELD)),
        Fault("renamed_column", "a column is renamed", (_OBJECT, _FIELD, Option("to", None, "the new name; default: <field>_new"))),
        Fault(
            "malformed_rows",
            "rows hold negative amounts, impossible addresses, empty required columns",
            (_OBJECT, Option("rows", 20, "rows spoiled")),
        ),
    ),
    "web": (
        Fault("truncated_gz", "files end in the middle"),
        Fault("malformed_rows", "some lines are no JSON, some lack required fields", (Option("every", 5, "every so manieth line"),)),
        Fault("missing_column", "a property is missing from every event", (_FIELD,)),
        Fault("renamed_column", "a property comes under another name", (_FIELD, Option("to", None, "the new name; default: <field>_new"))),
        Fault("duplicated_files", "each file is sent again under another name"),
    ),
    "email": _CSV,
    "billing": (*_REQUESTS, *_VALUES),
    "support": (
        *_REQUESTS,
        *_VALUES,
        Fault("expired_cursors", "a page cursor is refused", (Option("every", 2, "every so manieth following page"),)),
    ),
    "marketing": _CSV,
    "surveys": _CSV,
    "reviews": (
        *_VALUES,
        Fault("poison", "some deliveries are cut in the middle and no JSON any more", (_EVERY,)),
        Fault("duplicates", "every delivery is sent twice"),
        Fault("wrong_signature", "deliveries are signed with a secret that was not agreed on, and wait until they are signed well"),
    ),
    "inventory": (
        *_VALUES,
        Fault("poison", "some messages are cut in the middle and no JSON any more", (_EVERY,)),
        Fault("duplicates", "every message comes twice"),
        Fault("out_of_order", "the newest messages come first, each followed by what was recorded of its movement before"),
        Fault("broker_down", "the broker is stopped; it forgets its topic, which is published anew when it is back"),
    ),
}


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault that is switched on. `state` is what switching it off needs (rows touched, files spoiled)."""

    system: str
    fault: str
    options: Mapping[str, Any]
    state: Mapping[str, Any]
    since: str


def known(system: str, fault: str) -> Fault:
    """The fault of that name; FaultError says what there is instead."""
    if system not in FAULTS:
        raise FaultError(f"there is no system {system!r}; systems: {', '.join(FAULTS)}")
    for candidate in FAULTS[system]:
        if candidate.name == fault:
            return candidate
    raise FaultError(f"{system} has no fault {fault!r}; faults: {', '.join(f.name for f in FAULTS[system])}")


def checked_options(system: str, fault: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fault's options with defaults filled in and numbers read. Raises FaultError."""
    declared = {option.name: option for option in known(system, fault).options}
    for name in given:
        if name not in declared:
            allowed = ", ".join(f"--{n}" for n in declared) or "none"
            raise FaultError(f"fault {fault} of {system} has no option --{name}; options: {allowed}")
    options: dict[str, Any] = {}
    for name, option in declared.items():
        value = given.get(name, option.default)
        if value is None and option.is_required:
            raise FaultError(f"fault {fault} of {system} needs --{name} ({option.meaning})")
        if isinstance(option.default, int | float) and value is not None:
            try:
                value = type(option.default)(value)
            except ValueError:
                raise FaultError(f"--{name} {value!r} is no number ({option.meaning})") from None
        if option.choices and value not in option.choices:
            raise FaultError(f"--{name} {value!r} is none of {', '.join(option.choices)}")
        options[name] = value
    return options


def active(world: World, system: str | None = None) -> dict[tuple[str, str], ActiveFault]:
    """Faults that are on, by (system, fault); of one system or of all."""
    rows = world.connection.execute("select system, fault, options, state, since from fault order by system, fault")
    return {
        (name, fault): ActiveFault(name, fault, json.loads(options), json.loads(state), since)
        for name, fault, options, state, since in rows
        if system in (None, name)
    }


def record(world: World, system: str, fault: str, options: Mapping[str, Any], state: Mapping[str, Any]) -> ActiveFault:
    """Note that a fault is on."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    world.connection.execute(
        "insert or replace into fault values (?, ?, ?, ?, ?)", [system, fault, json.dumps(options), json.dumps(state), since]
    )
    return ActiveFault(system, fault, options, state, since)


def forget(world: World, system: str, fault: str) -> None:
    """Note that a fault is off."""
    world.connection.execute("delete from fault where system = ? and fault = ?", [system, fault])
