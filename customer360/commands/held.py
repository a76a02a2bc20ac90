"""`customer360 held`: loads of streams that were refused, and what somebody decides about them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.pipeline import held

app = typer.Typer(no_args_is_help=True)

LoadId = Annotated[int, typer.Argument(help="Number of a held load.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Why = Annotated[str, typer.Option("--why", help="Why; kept with the load.")]


@app.command("list")
def list_held(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False) -> None:
    """List held loads, why each was refused, and how many rows wait behind it."""
    found = held.listed()
    if as_json:
        for one in found:
            line = {"load_id": one.load.load_id, "object": f"{one.load.system}.{one.load.object}", "waiting": one.waiting}
            sys.stdout.write(json.dumps(line | {"counts": asdict(one.load.counts), "refusal": one.load.refusal}) + "\n")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("load", "object", "rows", "waiting", "refused for"):
        table.add_column(heading)
    for one in found:
        failures = (one.load.refusal or {}).get("failures", [])
        why = "; ".join(f"{failure['expectation']}: {failure['observed']}, {failure['allowed']}" for failure in failures)
        table.add_row(
            str(one.load.load_id), f"{one.load.system}.{one.load.object}", f"{one.load.counts.extracted:,}", f"{one.waiting:,}", why
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table if found else "no load is held")


@app.command()
def replay(load_id: LoadId, by: By, why: Why) -> None:
    """Judge a held load anew, after its suite or contract was mended."""
    _settle(load_id, "replay", by=by, why=why)


@app.command()
def accept(load_id: LoadId, by: By, why: Why) -> None:
    """Publish a held load though its gate refuses it. Rows that fail go to quarantine all the same."""
    _settle(load_id, "accept", by=by, why=why)


@app.command()
def waive(load_id: LoadId, by: By, why: Why) -> None:
    """Give a held load up: its rows are not published, and are gone."""
    _settle(load_id, "waive", by=by, why=why)


def _settle(load_id: int, decision: held.Decision, *, by: str, why: str) -> None:
    outcome = held.settle(load_id, decision, by=by, why=why)
    counts = outcome.counts
    sys.stdout.write(
        f"{outcome.full_name}: load {load_id} {outcome.state.replace('_', ' ')}, {counts.published} published, "
        f"{counts.quarantined} in quarantine\n"
    )
    for failure in (outcome.refusal or {}).get("failures", []) if outcome.state == "held" else []:
        sys.stdout.write(f"  {failure['expectation']}: {failure['observed']}. {failure['reason']}\n")
    if outcome.state == "held":
        raise typer.Exit(3)
