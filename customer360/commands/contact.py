"""`customer360 contact`: mail addresses and phone numbers that turned out not to work."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customer360.errors import UserError
from customer360.golden import contacts
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer(no_args_is_help=True, help="Report mail addresses and phone numbers that do not work: report, list, withdraw.")

By = Annotated[str | None, typer.Option("--by", help="Who says so; default: the login name.")]


@app.command()
def report(
    attribute: Annotated[str, typer.Argument(help="email or phone.")],
    value: Annotated[str, typer.Argument(help="The address, or the number with its country code. - reads it from standard input.")],
    state: Annotated[str, typer.Option("--state", help="bounced (email), disconnected (phone), wrong person.")],
    why: Annotated[str | None, typer.Option("--why", help="How it was found out.")] = None,
    by: By = None,
) -> None:
    """Report one. It becomes invalid for everyone who gives it, with the next build."""
    given = sys.stdin.read().strip() if value == "-" else value
    with connect(role=Role.STEWARD) as connection:
        report_id = contacts.report(connection, attribute, given, state=state, by=by or getpass.getuser(), why=why)
    sys.stdout.write(f"{report_id}\n")


@app.command("list")
def list_reports(every: Annotated[bool, typer.Option("--all", help="Also those that were withdrawn.")] = False) -> None:
    """List reports, newest first, with their values (personal: run it as a steward)."""
    with connect(role=Role.STEWARD) as connection:
        found = contacts.listed(connection, with_withdrawn=every)
    table = Table(box=None, header_style="bold")
    for heading in ("report", "what", "value", "state", "customers", "by", "since (UTC)", "why"):
        table.add_column(heading, no_wrap=heading == "report")
    for one in found:
        state = f"{one.state}, withdrawn by {one.withdrawn_by}" if one.withdrawn_at else one.state
        row = (
            str(one.report_id),
            one.attribute,
            one.value,
            state,
            str(one.customers),
            one.reported_by,
            f"{one.reported_at:%Y-%m-%d %H:%M}",
        )
        table.add_row(*map(escape, (*row, one.reason or "")))
    Console(width=None if sys.stdout.isatty() else 180).print(table if found else "no report")


@app.command()
def withdraw(report_id: Annotated[str, typer.Argument(help="Id of the report.")], by: By = None) -> None:
    """Take a report back: the address or number works after all."""
    try:
        wanted = UUID(report_id)
    except ValueError:
        raise UserError(f"{report_id!r} is no report id; `customer360 contact list` shows them") from None
    with connect(role=Role.STEWARD) as connection:
        withdrawn = contacts.withdraw(connection, wanted, by=by or getpass.getuser())
    sys.stdout.write("withdrawn\n" if withdrawn else "it was withdrawn before\n")
