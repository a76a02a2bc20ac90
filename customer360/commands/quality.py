"""`customer360 quality`: the daily report on the data's quality, now."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from customer360.commands.terminal import check_folders

app = typer.Typer(no_args_is_help=True, help="How good the data is: a report, mailed and archived daily.")


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Every measure beside its limits, as JSON.")] = False,
) -> None:
    """Print how every source and every agreement between systems stands, beside the limits of quality.yaml. Writes nothing."""
    from customer360.observe.quality import words
    from customer360.pipeline import quality

    report = quality.take()
    if as_json:
        json.dump({"at": report.at.isoformat(), "measures": [asdict(one) for one in report.judged]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(words.text(report))


@app.command()
def report(
    out: Annotated[Path | None, typer.Option(help="Write the page here (default: $C360_HOME/reports/quality, latest.html).")] = None,
    mail: Annotated[bool, typer.Option("--mail/--no-mail", help="Send it to the recipients of connection `smtp`.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written and told, and do neither.")] = False,
) -> None:
    """Write the report as one HTML page, keep its figures, open and close incidents. Counts and shares, no value of any record."""
    from customer360.observe import notifiers
    from customer360.observe.quality import words
    from customer360.pipeline import quality

    check_folders(out)
    taken = quality.take()
    if dry_run:
        sys.stdout.write(f"would write {out or quality.folder() / f'{taken.at:%Y-%m-%d}.html'}: {words.headline(taken)}\n")
        for one in words.unwell(taken):
            sys.stdout.write(f"  {'incident' if one.state == 'red' else 'shown'}: {words.sentence(one)}\n")
        return
    path = quality.write(taken, out=out)
    sys.stdout.write(f"{path}\n")
    sys.stderr.write(f"{words.headline(taken)}\n")
    if mail:
        channel = notifiers.configured().get("mail")
        if channel is None:
            sys.stderr.write("not mailed: there is no connection `smtp` (C360_CONN_SMTP)\n")
            raise typer.Exit(2)
        quality.mail(taken, channel)
        sys.stderr.write("mailed\n")
