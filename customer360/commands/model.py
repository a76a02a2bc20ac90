"""`customer360 model`: train a model, see what it would change, let it be used."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.commands.terminal import check_folders, clock
from customer360.errors import UserError

app = typer.Typer(no_args_is_help=True, help="Models of identity resolution: train, compare, approve, reject, list.")

_VERSION = typer.Argument(help="Version of a candidate, or its beginning; `customer360 model list` shows them.")
_BY = typer.Option("--by", help="Who decides; default: the user of this machine.")
_NOTE = typer.Option(help="Why; kept with the decision.")


@app.command("train")
def train(
    out: Annotated[Path | None, typer.Option(help="Write the model file here, to review and commit it; keep no candidate.")] = None,
    note: Annotated[str | None, typer.Option(help="Why it is trained; kept with the candidate.")] = None,
) -> None:
    """Train a model on the person records that raw shows now. It is not used before somebody approves it."""
    from customer360.pipeline import models

    check_folders(out)
    say = clock()
    if out is not None:
        models.train(progress=say).save(out)
        sys.stdout.write(f"model written to {out}\n")
        return
    version = models.train_candidate(note=note, progress=say)
    sys.stdout.write(f"model {version} is a candidate; next: customer360 model compare {version}\n")


@app.command("compare")
def compare(
    version: Annotated[str, _VERSION],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Try a candidate on the customers there are: figures on labels, ids that would change. Ends with 2 if the model gate refuses it."""
    from customer360.pipeline import models
    from customer360.pipeline.comparison_text import comparison_text

    found = models.compare(version, progress=clock())
    sys.stdout.write((json.dumps(found.as_dict()) if as_json else comparison_text(found)) + "\n")
    if found.is_refused:
        raise UserError(f"the model gate refused {found.version}: " + "; ".join(f"{one.limit} {one.observed}" for one in found.breaches))


@app.command("approve")
def approve(
    version: Annotated[str, typer.Argument(help="A candidate that was compared, or `reviewed`: back to identity/models/person.json.")],
    by: Annotated[str | None, _BY] = None,
    note: Annotated[str | None, _NOTE] = None,
) -> None:
    """Let the next run use this model; it will be a full one."""
    from customer360.pipeline import models

    used = models.approve(version, by=by or getpass.getuser(), note=note)
    sys.stdout.write(f"model {used.model.version} ({used.origin}) is used from the next run on\n")


@app.command("reject")
def reject(
    version: Annotated[str, _VERSION],
    by: Annotated[str | None, _BY] = None,
    note: Annotated[str | None, _NOTE] = None,
) -> None:
    """Put on record that a candidate is not to be used."""
    from customer360.pipeline import models

    sys.stdout.write(f"model {models.reject(version, by=by or getpass.getuser(), note=note)} is rejected; the model in use stays\n")


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """The model in use, and all candidates, newest first."""
    from customer360.pipeline import models

    used, candidates = models.known()
    if as_json:
        rows = [
            {
                "version": one.version,
                "trained_at": one.trained_at.isoformat(),
                "training_note": one.training_note,
                "verdict": one.verdict,
                "decided_by": one.decided_by,
                "decided_at": one.decided_at.isoformat() if one.decided_at else None,
                "note": one.note,
                "comparison": one.comparison or None,
            }
            for one in candidates
        ]
        sys.stdout.write(json.dumps({"in_use": {"version": used.model.version, "origin": used.origin}, "candidates": rows}) + "\n")
        return
    console = Console(highlight=False)
    console.print(f"in use: {used.model.version} ({used.origin})")
    if not candidates:
        console.print("no candidate; `customer360 model train` makes one")
        return
    table = Table("version", "trained (UTC)", "compared with", "customers changed", "decision", box=None)
    for one in candidates:
        share = f"{one.comparison['churn']['changed_share']:.2%}" if one.comparison else ""
        decision = f"{one.verdict} by {one.decided_by}, {one.decided_at:%Y-%m-%d %H:%M}" if one.verdict and one.decided_at else "none yet"
        table.add_row(one.version, f"{one.trained_at:%Y-%m-%d %H:%M}", one.compared_with or "not yet", share, decision)
    console.print(table)
