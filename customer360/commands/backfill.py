"""`customer360 backfill`: a window of an object, or all of it, again, while live loads go on."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from customer360.commands.load import REFUSED
from customer360.errors import UserError
from customer360.load.backfill import Origin
from customer360.pipeline import backfill as backfilling
from customer360.pipeline.backfill import BackfillOutcome, Window
from customer360.pipeline.ingest import UnknownObject

app = typer.Typer()
_ORIGINS: dict[str, Origin] = {"source": "source", "archive": "archive"}


@app.command("backfill")
def backfill(
    target: Annotated[str, typer.Argument(metavar="SYSTEM.OBJECT", help="One source object.")],
    since: Annotated[str | None, typer.Option(help="From this value of the cursor on (without a cursor: published since).")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this value, which is not included.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All of it.")] = False,
    origin: Annotated[str, typer.Option("--from", metavar="source|archive", help="Where to read it.")] = "source",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, change nothing.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give up the open backfill; what it has published stays.")] = False,
) -> None:
    """Load a window of an object again, or all of it, in turns between the live loads: diff, gate, publish.

    Older never overwrites newer, nothing is buried. Killed, it goes on where it was when the same is asked for again.
    Ends with 0 when it is done, 3 when a gate refused one of its loads, 1 when the source is down.
    """
    system, _, name = target.partition(".")
    if not name:
        raise UnknownObject(f"{target!r} names no object; write SYSTEM.OBJECT: shop.orders")
    if cancel:
        typer.echo(
            f"the backfill of {target} was given up" if backfilling.cancel_backfill(system, name) else f"no backfill of {target} is open"
        )
        return
    if origin not in _ORIGINS:
        raise UserError(f"--from {origin!r} is neither source nor archive")
    if full == bool(since or until):
        raise UserError("say what: --since, --until or both for a window, or --full for all of it")
    with Console(stderr=True, quiet=not sys.stderr.isatty()).status("") as status:

        def show(step: str, rows: int) -> None:
            status.update(f"{target}: {step}" + (f", {rows:,} rows" if rows > 0 else ""))

        outcome = backfilling.run_backfill(
            system, name, window=Window(origin=_ORIGINS[origin], since=since, until=until), dry_run=dry_run, progress=show
        )
    _print(target, outcome)
    if outcome.state == "refused":
        raise typer.Exit(REFUSED)


def _print(target: str, outcome: BackfillOutcome) -> None:
    counts = outcome.counts
    if outcome.state == "checked":
        typer.echo(
            f"{target}: {outcome.rows_read:,} rows read, {outcome.rows_outside:,} outside the window, "
            f"{outcome.rows_older:,} older versions; "
            f"at most {counts.extracted:,} would be loaded, in {outcome.loads:,} turns. Nothing was changed."
        )
        return
    typer.echo(
        f"{target}: {outcome.rows_read:,} rows read, {outcome.rows_outside:,} outside the window, {outcome.rows_older:,} older versions\n"
        f"{outcome.loads:,} loads: {counts.extracted:,} rows = {counts.published:,} published + {counts.unchanged:,} unchanged + "
        f"{counts.superseded:,} superseded + {counts.stale:,} stale + {counts.quarantined:,} in quarantine"
    )
    if outcome.refused is not None:
        reasons = [failure["expectation"] for failure in (outcome.refused.refusal or {}).get("failures", [])]
        typer.echo(
            f"load {outcome.refused.load_id} was refused ({', '.join(reasons)}), and the rest was not loaded; mend it, then begin again",
            err=True,
        )
