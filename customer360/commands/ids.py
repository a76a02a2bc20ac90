"""`customer360 ids`: what would become of the customers' ids."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from customer360.commands.terminal import clock

app = typer.Typer(no_args_is_help=True, help="Customer ids: how many would change under another model or other rules.")


@app.callback()
def ids() -> None:
    """Customer ids: how many would change under another model or other rules."""


@app.command("churn")
def churn(
    model: Annotated[str | None, typer.Option(help="A model file, or the version of a candidate (default: the model in use).")] = None,
    settings: Annotated[Path | None, typer.Option(help="Other settings than identity/settings.yaml.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="Show so many groups of record ids that would be joined or parted.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """How many customers would be born, merge, split or change id under another model or settings. Writes nothing.

    Tried on the records that identity holds; what waits in raw is not looked at. Takes as long as a full run without its writing.
    """
    from customer360.pipeline.comparison_text import churn_text
    from customer360.pipeline.models import churn_under

    say = clock()

    outcome = churn_under(model=model, settings=settings, progress=say)
    shown = [{"change": kind, "records": list(records)} for kind, records in outcome.groups[:examples]]
    if as_json:
        sys.stdout.write(json.dumps({**outcome.churn.as_dict(), **({"examples": shown} if examples else {})}) + "\n")
        return
    sys.stdout.write(churn_text(outcome.churn) + "\n")
    for one in shown:
        sys.stdout.write(f"\n{one['change']}: {', '.join(one['records'])}\n")
