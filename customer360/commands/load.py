"""`customer360 load`: a load's whole life without Airflow."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.contracts.reader import load_contracts
from customer360.pipeline import ingest
from customer360.pipeline.outcome import LoadOutcome

app = typer.Typer()

REFUSED = 3
"""Exit code when a gate refused a load: not the caller's mistake (2), and not done."""


@app.command("load")
def load(
    target: Annotated[str, typer.Argument(metavar="SYSTEM[.OBJECT]", help="A source system, one of its objects, or `all`.")],
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read everything again; what is known already changes nothing.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="Read from this cursor value on, if that is further back than the watermark.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Compare all keys with the source and bury those that are gone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Extract and judge, publish nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
) -> None:
    """Load a source system, or one of its objects: extract, diff, gate, publish.

    Ends with 0 when all is published or nothing was new, 3 when a gate refused a load, 1 when a source is down.
    """
    outcomes, down = _run(target, full_refresh=full_refresh, since=since, sweep=sweep, dry_run=dry_run, quiet=as_json)
    if as_json:
        for outcome in outcomes:
            sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    else:
        _print(outcomes)
    if down:
        raise down[0]
    if any(outcome.state in ("rejected", "held") for outcome in outcomes):
        raise typer.Exit(REFUSED)


def _run(
    target: str, *, full_refresh: bool, since: str | None, sweep: bool, dry_run: bool, quiet: bool
) -> tuple[list[LoadOutcome], list[ingest.SourceDown]]:
    """Every object in turn; one whose source is down does not stop the others."""
    system, _, name = target.partition(".")
    if target == "all":
        objects = [obj for contract in load_contracts().values() for obj in contract.objects]
    elif name:
        objects = [ingest.resolve_object(system, name)[1]]
    else:
        objects = list(ingest.resolve_system(system).objects)
    outcomes, down = [], []
    with Console(stderr=True, quiet=quiet or not sys.stderr.isatty()).status("") as status:
        for obj in ingest.in_reference_order(objects):
            full_name = obj.full_name

            def show(step: str, rows: int, full_name: str = full_name) -> None:
                status.update(f"{full_name}: {step}" + (f" {rows:,} rows" if rows > 0 else ""))

            show("land", -1)
            try:
                if sweep:
                    outcomes.append(ingest.sweep_object(obj.system, obj.name, progress=show))
                else:
                    outcomes.append(
                        ingest.ingest_object(obj.system, obj.name, full_refresh=full_refresh, since=since, dry_run=dry_run, progress=show)
                    )
            except ingest.SourceDown as error:
                down.append(error)
    return outcomes, down


_FIGURES = ("extracted", "published", "unchanged", "superseded", "stale", "quarantined")


def _print(outcomes: list[LoadOutcome]) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("object", "load", "state"):
        table.add_column(heading)
    for heading in _FIGURES:
        table.add_column(heading, justify="right")
    for outcome in outcomes:
        figures = (f"{getattr(outcome.counts, name):,}" for name in _FIGURES)
        table.add_row(outcome.full_name, str(outcome.load_id or ""), outcome.state.replace("_", " "), *figures)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for outcome in outcomes:
        for reason in outcome.reasons:
            console.print(f"{outcome.full_name} refused: {reason}", soft_wrap=True)
        if outcome.warnings:
            console.print(f"{outcome.full_name} warns: {', '.join(outcome.warnings)}", soft_wrap=True)
