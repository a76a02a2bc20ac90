"""`customer360 profile`: one customer's golden record, now or as of a day."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customer360.errors import UserError
from customer360.golden import profile
from customer360.golden.customers import parse_id
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer()

_READERS = {role.removeprefix("c360_"): role for role in (Role.ANALYST, Role.STEWARD, Role.SERVICE, Role.PRIVACY)}
_SOURCES = {"loyalty_id": "loyalty_id_source", "birth_date": "birth_date_source", "gender": "gender_source", "email": "email_source",
            "phone": "phone_source"}  # fmt: skip
_SOURCES |= dict.fromkeys(("first_name", "middle_name", "last_name", "full_name"), "name_source")
_SOURCES |= dict.fromkeys(("street_address", "postal_code", "city", "region", "country"), "address_source")
_BELIEVED = (*_SOURCES, "organisation", "is_email_consented")


@app.command("profile")
def show(
    customer: Annotated[str, typer.Argument(help="Customer id; a retired one shows whom it means.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="What was believed then: a day (its end) or a moment, UTC.")] = None,
    why: Annotated[bool, typer.Option("--why", help="Also the values that lost, each with its reason.")] = False,
    role: Annotated[
        str, typer.Option("--role", help=f"Whose eyes: {', '.join(_READERS)}. An analyst sees *** for personal values.")
    ] = "analyst",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the golden record of a customer: each value with its source, confidence and age."""
    reader = _READERS.get(role.removeprefix("c360_"))
    if reader is None:
        raise UserError(f"no reader is called {role!r}; use one of: {', '.join(_READERS)}")
    if why and as_of:
        raise UserError("the values that lost are kept for now alone; leave --why or --as-of out")
    customer_id = parse_id(customer)
    with connect(role=reader) as connection:
        if as_of:
            _print_past(profile.read_as_of(connection, customer_id, profile.moment(as_of)), as_json=as_json)
        else:
            _print_present(profile.read(connection, customer_id, every_candidate=why), why=why, as_json=as_json)


def _print_present(found: profile.Profile, *, why: bool, as_json: bool) -> None:
    if as_json:
        _dump({"asked": found.asked, "customer": found.customer, "attributes": found.attributes})
        return
    row = found.customer
    _head(f"customer {row['customer_id']}", f"{found.asked} means this customer now" if row["customer_id"] != found.asked else "")
    sure = "" if row["confidence"] is None else f"; identity confidence {row['confidence']:.2f}"
    sys.stdout.write(f"{row['customer_kind']}; {row['record_count']} records in {row['systems']}{sure}\n")
    headings = ["attribute", "value", "confidence", "from", "since (UTC)", "days", "fresh", "because"]
    table = Table(*headings[:1], *(["rank"] if why else []), *headings[1:], box=None)
    for one in found.attributes:
        because = one["lost_because"] or one["ranked_by"]
        cells = [one["attribute"], *([f"{one['rank']}{'' if one['is_winner'] else ' lost'}"] if why else []), _shown(one["value"])]
        cells += [f"{one['confidence']:.2f}", one["record_id"], f"{one['observed_since_at']:%Y-%m-%d}", str(one["age_days"])]
        table.add_row(*map(escape, (*cells, f"{one['freshness']:.2f}", because)))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _print_past(found: profile.PastProfile, *, as_json: bool) -> None:
    if as_json:
        _dump({"asked": found.asked, "moment": found.moment, "versions": found.versions})
        return
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for version in found.versions:
        now = version["customer_id_now"]
        notes = [] if version["customer_id"] == found.asked else [f"held {version['shared_records']} records of {found.asked}"]
        if now != version["customer_id"]:
            notes.append(f"{now} now" if now else "nobody now")
        _head(f"customer {version['customer_id']} at {found.moment:%Y-%m-%d %H:%M:%S} UTC", "; ".join(notes))
        until = "" if version["is_current"] else f" until {version['valid_until_at']:%Y-%m-%d %H:%M:%S}"
        sys.stdout.write(f"believed from {version['valid_from_at']:%Y-%m-%d %H:%M:%S}{until}\n")
        table = Table("attribute", "value", "from", box=None)
        for name in _BELIEVED:
            if version[name] is not None:
                table.add_row(*map(escape, (name, _shown(version[name]), version.get(_SOURCES.get(name, "")) or "")))
        console.print(table)


def _head(title: str, note: str) -> None:
    sys.stdout.write(f"{title}{f' ({note})' if note else ''}\n")


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _dump(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=2) + "\n")
