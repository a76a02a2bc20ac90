"""`customer360 reconcile`: do source and raw hold the same number of rows?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customer360.contracts.problems import did_you_mean
from customer360.errors import UserError

app = typer.Typer(help="Count the sources and hold the counts beside raw.")


class UnknownTarget(UserError):
    """No contract declares what was asked for."""


@app.command()
def reconcile(
    target: Annotated[str | None, typer.Argument(metavar="[SYSTEM[.OBJECT]]", help="Only this system or object.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and show; keep nothing.")] = False,
) -> None:
    """Count what each source holds that can be counted and hold them beside raw. Exit code 1 where they differ.

    A source's rows that changed since the last load may be missing in raw; what quarantine holds is no loss. Of a file set the files
    are counted, and those taken in.
    """
    from customer360.contracts.reader import load_contracts
    from customer360.pipeline import reconcile as reconciling

    system, _, name = (target or "").partition(".")
    contracts = load_contracts()
    if system and system not in contracts:
        raise UnknownTarget(f"no contract is called {system!r}; {did_you_mean(system, contracts)}")
    if name and name not in (names := [obj.name for obj in contracts[system].objects]):
        raise UnknownTarget(f"{system} has no object {name!r}; {did_you_mean(name, names)}")
    found = reconciling.reconcile(system or None, name or None, dry_run=dry_run)
    table = Table("object", "", "source", "in flight", "raw", "in quarantine", "missing", "surplus", "of", box=None)
    for one in found:
        c = one.counted
        figures = [c.source_rows, c.in_flight, c.raw_rows, c.set_aside, c.missing, c.surplus] if c else []
        told = one.state.replace("_", " ") + (f": {one.why}" if one.why else "")
        table.add_row(one.subject, escape(told), *(f"{figure:,}" for figure in figures), *([c.unit] if c else []))
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)
    differing = [one.subject for one in found if one.state == "differs"]
    if differing:
        sys.stderr.write(f"differ: {', '.join(differing)}\n")
        raise typer.Exit(1)
