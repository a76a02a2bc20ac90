"""`customer360 migrate`: schemas, tables and roles of the warehouse."""

from __future__ import annotations

import typer

from customer360.warehouse.connections import connect
from customer360.warehouse.migrations import migrate

app = typer.Typer()


@app.command("migrate")
def run() -> None:
    """Apply the migrations that the warehouse has not had yet; run as its owner."""
    with connect() as connection:
        applied = migrate(connection)
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("the warehouse is up to date")
