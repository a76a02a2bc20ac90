"""`customer360 streams`: how far change data capture and message buses are read."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.pipeline import streams
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer()


@app.command("streams")
def show(
    measure: Annotated[bool, typer.Option("--measure", help="Ask the sources first; opens or closes incidents.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
) -> None:
    """Show how far each stream is landed, how far its source is ahead, and how much log the source keeps for us."""
    if measure:
        streams.watch()
    with connect(role=Role.STEWARD) as connection:
        found = streams.states(connection)
    if as_json:
        for one in found:
            line: dict[str, object] = {"object": f"{one.system}.{one.object}", "position": one.position}
            line |= {"behind_bytes": one.behind_bytes, "behind_messages": one.behind_messages}
            line |= {"behind_seconds": one.behind_seconds, "retained_bytes": one.retained_bytes}
            sys.stdout.write(json.dumps(line | {"measured_at": one.measured_at.isoformat()}) + "\n")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("object", "position", "behind (bytes)", "(messages)", "(seconds)", "retained (bytes)", "measured (UTC)"):
        table.add_column(heading)
    for one in found:
        figures = (one.behind_bytes, one.behind_messages, one.behind_seconds, one.retained_bytes)
        cells = ["" if figure is None else f"{figure:,.0f}" for figure in figures]
        table.add_row(f"{one.system}.{one.object}", json.dumps(one.position), *cells, f"{one.measured_at:%Y-%m-%d %H:%M:%S}")
    Console(width=None if sys.stdout.isatty() else 160).print(table if found else "no stream was read yet")
