"""`customer360 pin`: a steward says what a golden value is, or that there is none."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import typer
from psycopg import Connection
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customer360.errors import UserError
from customer360.golden import pins
from customer360.golden.customers import parse_id
from customer360.golden.rules import GoldenRules, read_rules
from customer360.platform import home
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer(no_args_is_help=True, help="Pin golden values: set, list, remove.")

By = Annotated[str | None, typer.Option("--by", help="Who decides; default: the login name.")]
Why = Annotated[str, typer.Option("--why", help="Why; kept with the pin.")]


@app.command("set")
def set_pin(
    customer: Annotated[str, typer.Argument(help="Customer id, living or retired.")],
    group: Annotated[str, typer.Argument(help="What to pin as a unit: name, email, phone, address, birth_date, …")],
    why: Why,
    value: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="[ATTRIBUTE=]VALUE", help="The value; of a name or an address, one for each part."),
    ] = None,
    record: Annotated[str | None, typer.Option("--record", help="Pin what this record of the customer says.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="Which of several things the record says (an address row).")] = None,
    none: Annotated[bool, typer.Option("--none", help="Pin that there is no value.")] = False,
    by: By = None,
) -> None:
    """Pin a value for a customer. The next build, live or nightly, shows it (`customer360 build --live` at once)."""
    if sum((value is not None, record is not None, none)) != 1:
        raise UserError("give one of --value, --record and --none")
    if unit is not None and record is None:
        raise UserError("--unit goes with --record")
    rules, who, customer_id = read_rules(home.repo()), by or getpass.getuser(), parse_id(customer)
    write: Callable[[Connection[Any]], UUID]
    if none:
        write = lambda connection: pins.pin_nothing(connection, rules, customer_id, group, by=who, why=why)  # noqa: E731
    elif record is not None:
        write = lambda connection: pins.pin_record(connection, rules, customer_id, group, record, unit=unit, by=who, why=why)  # noqa: E731
    else:
        values = _values(rules, group, value or [])
        write = lambda connection: pins.pin_values(connection, rules, customer_id, group, values, by=who, why=why)  # noqa: E731
    with connect(role=Role.STEWARD) as connection:
        pin_id = write(connection)
    sys.stdout.write(f"{pin_id}\n")


@app.command("list")
def list_pins(
    customer: Annotated[str | None, typer.Option("--customer", help="Only of this customer id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that were removed.")] = False,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="Only those that a newer pin overrules since a merge.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with the values (personal), one object per line.")] = False,
) -> None:
    """List pins, newest first: for whom each holds now, who set it and why; values with --json alone."""
    with connect(role=Role.STEWARD) as connection:
        found = pins.listed(connection, customer_id=parse_id(customer) if customer else None, with_removed=every, conflicts_only=conflicts)
    if as_json:
        for pin in found:
            sys.stdout.write(json.dumps(_as_json(pin), ensure_ascii=False) + "\n")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("pin", "customer", "group", "pins", "state", "by", "since (UTC)", "why"):
        table.add_column(heading, no_wrap=heading in ("pin", "customer"))
    for pin in found:
        holds = pin.customer_id or pin.set_on_customer_id
        row = (str(pin.pin_id), str(holds), pin.attribute_group, _told(pin), _state(pin), pin.pinned_by, f"{pin.pinned_at:%Y-%m-%d %H:%M}")
        table.add_row(*map(escape, (*row, pin.reason)))
    Console(width=None if sys.stdout.isatty() else 200).print(table if found else "no pin")


@app.command()
def remove(pin: Annotated[str, typer.Argument(help="Id of the pin.")], why: Why, by: By = None) -> None:
    """Take a pin back: the rules decide again. The pin stays on record as removed."""
    try:
        pin_id = UUID(pin)
    except ValueError:
        raise UserError(f"{pin!r} is no pin id; `customer360 pin list` shows them") from None
    with connect(role=Role.STEWARD) as connection:
        removed = pins.remove(connection, pin_id, by=by or getpass.getuser(), why=why)
    sys.stdout.write("removed\n" if removed else "it was removed before\n")


def _values(rules: GoldenRules, group: str, given: list[str]) -> dict[str, str]:
    """ATTRIBUTE=VALUE; a value alone is of the attribute that is called like the group."""
    attributes = rules.groups.get(group, ())
    values: dict[str, str] = {}
    for item in given:
        name, equals, rest = item.partition("=")
        if equals and name.isidentifier() and (name in attributes or group not in attributes):
            values[name] = rest
        elif group in attributes:
            values[group] = item
        else:
            raise UserError(f"say of which part each --value is, as ATTRIBUTE=VALUE; {group} has {', '.join(attributes) or 'none'}")
    return values


def _told(pin: pins.Pin) -> str:
    if not pin.pinned_values:
        return "no value"
    parts = ", ".join(value.attribute for value in pin.values)
    return f"{parts} of {pin.record_id}" if pin.record_id else parts


def _state(pin: pins.Pin) -> str:
    if pin.removed_at is not None:
        return f"removed by {pin.removed_by}: {pin.removed_because}"
    if pin.customer_id is None:
        return "waits: its customer has no record"
    return f"overruled by {pin.overruled_by}" if pin.overruled_by else "holds"


def _as_json(pin: pins.Pin) -> dict[str, Any]:
    return {
        "pin_id": str(pin.pin_id),
        "customer_id": str(pin.customer_id) if pin.customer_id else None,
        "set_on_customer_id": str(pin.set_on_customer_id),
        "attribute_group": pin.attribute_group,
        "record_id": pin.record_id,
        "values": {value.attribute: value.raw for value in pin.values},
        "state": _state(pin),
        "overruled_by": str(pin.overruled_by) if pin.overruled_by else None,
        "pinned_by": pin.pinned_by,
        "reason": pin.reason,
        "pinned_at": pin.pinned_at.isoformat(),
        "removed_at": pin.removed_at.isoformat() if pin.removed_at else None,
    }
