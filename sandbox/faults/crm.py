"""Faults of the CRM: how requests are treated, and how records are spoiled on their way out.

The records themselves stay as they are; only their change time moves when a fault about values begins and when it ends, as a
bulk change at the source would move it, so that an incremental reader meets the bad values and later the mended ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox import moments
from sandbox.crm.objects import SObject, named
from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.world import World

ABOUT_VALUES = ("missing_column", "renamed_column", "garbage_column", "malformed_rows")
_NONSENSE = ("###", "NULL", "#REF!", "undefined", "????", "[object Object]")


def begin(world: World, fault: str, options: dict[str, Any], *, now: int) -> dict[str, Any]:
    """Check the options against the CRM's objects and touch the records concerned; returns the fault's state."""
    if fault not in ABOUT_VALUES:
        return {}
    item = named(str(options["object"]))
    if item is None:
        raise FaultError(f"crm has no object {options['object']!r}; objects: contacts, leads, accounts")
    options["object"] = item.name
    if "field" in options:
        name = item.field(str(options["field"]))
        if name is None:
            raise FaultError(f"{item.name} has no field {options['field']!r}; fields: {', '.join(item.fields)}")
        if name in ("Id", "SystemModstamp"):
            raise FaultError(f"{name} identifies and orders the records; choose another field")
        options["field"] = name
    if fault == "renamed_column" and not options.get("to"):
        options["to"] = f"{options['field']}_New__c"
    touched = touch(world, item, rows=int(options["rows"]), now=now)
    state: dict[str, Any] = {"touched": touched}
    if fault == "malformed_rows":
        found = world.connection.execute(
            f"select Id from {item.name} where row_number in (select value from json_each(?))", [json.dumps(touched)]
        )
        state["ids"] = [row[0] for row in found]
    return state


def end(world: World, active: ActiveFault, *, now: int) -> None:
    """Touch the same records again, so that their mended values are read."""
    touched = active.state.get("touched")
    item = named(str(active.options.get("object", "")))
    if touched and item:
        _move(world, item, touched, now=now)


def touch(world: World, item: SObject, *, rows: int, now: int) -> list[int]:
    """Move the change time of the newest `rows` living records (all: -1) to just now; returns their row numbers."""
    chosen = world.connection.execute(
        f"select row_number from {item.name} where IsDeleted = 0 order by SystemModstamp desc limit {rows}"
    ).fetchall()
    numbers = [row[0] for row in chosen]
    _move(world, item, numbers, now=now)
    return numbers


def _move(world: World, item: SObject, numbers: list[int], *, now: int) -> None:
    # A millisecond apart, for a bulk job does not change everything in one moment; and after every change there was.
    newest = world.connection.execute(f"select max(SystemModstamp) from {item.name}").fetchone()[0]
    start = max(now - len(numbers) * moments.MILLISECOND, moments.from_salesforce(newest) + moments.MILLISECOND)
    world.connection.executemany(
        f"update {item.name} set SystemModstamp = ? where row_number = ?",
        ((moments.salesforce(start + i * moments.MILLISECOND), number) for i, number in enumerate(numbers)),
    )


def refused_field(faults: Mapping[str, ActiveFault], item: SObject) -> str | None:
    """The field the CRM pretends not to know, when `missing_column` is on in mode refused."""
    fault = faults.get("missing_column")
    if fault and fault.options["object"] == item.name and fault.options["mode"] == "refused":
        return str(fault.options["field"])
    return None


def spoil(faults: Mapping[str, ActiveFault], item: SObject, records: list[str]) -> list[str]:
    """The records of a page as the faults leave them."""
    concerned = [f for name, f in faults.items() if name in ABOUT_VALUES and f.options["object"] == item.name]
    if not concerned:
        return records
    spoiled = []
    for number, text in enumerate(records):
        row = json.loads(text)
        for fault in concerned:
            row = _spoiled(fault, item, row, number)
        spoiled.append(json.dumps(row, ensure_ascii=False))
    return spoiled


def _spoiled(fault: ActiveFault, item: SObject, row: dict[str, Any], number: int) -> dict[str, Any]:
    field = fault.options.get("field")
    if fault.fault == "missing_column" and field in row:
        if fault.options["mode"] == "null":
            return {**row, field: None}
        return {name: value for name, value in row.items() if name != field}
    if fault.fault == "renamed_column" and field in row:
        return {fault.options["to"] if name == field else name: value for name, value in row.items()}
    if fault.fault == "garbage_column" and field in row:
        return {**row, field: _NONSENSE[number % len(_NONSENSE)]}
    if fault.fault == "malformed_rows" and row.get("Id") in (ids := fault.state.get("ids") or []):
        return _nonsense(item, row, ids.index(row["Id"]))
    return row


def _nonsense(item: SObject, row: dict[str, Any], number: int) -> dict[str, Any]:
    """A record with one thing wrong; which, goes round."""
    wrong: list[tuple[str, Any]] = [
        (name, value)
        for name, value in (
            ("Birthdate", "31.02.1999"),
            ("Email", "nobody at nowhere"),
            ("CreatedDate", "yesterday"),
            ("LastName", None),
            ("Status", None),
            ("Name", None),
            ("IsDeleted", "maybe"),
        )
        if name in row
    ]
    if not wrong:
        return row
    name, value = wrong[number % len(wrong)]
    return {**row, name: value}
