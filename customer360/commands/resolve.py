"""`customer360 resolve`: bring the customers up to date; say how good they are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from customer360.commands.terminal import check_folders, clock
from customer360.errors import UserError

app = typer.Typer(help="Work out which records are the same customer.")


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Look at every record, not only at what changed.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Let a run pass that the identity gate would refuse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Resolve what changed since the last run (everything, after a change of rules, contracts or model)."""
    if context.invoked_subcommand is not None:
        return
    from customer360.pipeline import resolve as pipeline

    say = clock()

    outcome = pipeline.resolve(full=full, accept=accept, progress=say)
    if as_json:
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    else:
        _print(outcome.state, outcome.mode, outcome.counts)
    if outcome.state == "refused":
        raise UserError(
            f"the identity gate refused the run, nothing changed: {outcome.told_breaches}. "
            "Look at what came in; `customer360 resolve --accept` lets it in once."
        )


@app.command("evaluate")
def evaluate(
    truth: Annotated[Path | None, typer.Option(help="CSV of who is who: record_id, person_id, and locale if known.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="CSV of judged pairs: record_id_l, record_id_r, is_match.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """How good the customers are, against what is known to be true: pairs, whole clusters, B³; per locale, pair of sources and evidence.

    Without files: clusters.csv and pairs.csv of $C360_LABELS ($C360_HOME/labels), else the sandbox's truth.
    """
    from customer360.pipeline import evaluate as evaluating
    from customer360.pipeline.quality_text import quality_dict, quality_tables

    found = evaluating.evaluate_customers(evaluating.needed_labels(clusters=truth, pairs=pairs))
    if as_json:
        sys.stdout.write(json.dumps(quality_dict(found)) + "\n")
        return
    terminal = Console(highlight=False)
    console = terminal if terminal.is_terminal else Console(highlight=False, width=200)  # a pipe has no width that would cut cells
    for told in quality_tables(found):
        console.print(told)


@app.command("drift")
def drift(as_json: Annotated[bool, typer.Option("--json", help="Print summary and drift as JSON.")] = False) -> None:
    """Summarise identity as the newest run left it and compare with the summaries before: what has changed more than it should?

    Kept, one summary per run; the nightly run does it too. Beyond the limits of identity/settings.yaml the incident identity_drift opens.
    """
    from customer360.pipeline import drift as drifting

    taken = drifting.take()
    if as_json:
        sys.stdout.write(json.dumps(taken.as_dict()) + "\n")
        return
    summary = taken.summary
    console = Console(highlight=False)
    console.print(
        f"run {taken.run_id}: {summary.record_count:,} records, {summary.customers:,} customers, "
        f"{summary.grey_zone:,} pairs in the grey zone"
    )
    if not taken.measures:
        console.print("no earlier summary to compare with")
        return
    for one in taken.measures:
        console.print(f"  {'OVER' if one.is_over else '':<4} {one.name:<45} {one.drift:>+8.3f}  limit {one.limit}")


@app.command("report")
def report(
    out: Annotated[Path | None, typer.Option(help="Write it here (default: $C360_HOME/reports/identity, latest.html).")] = None,
) -> None:
    """Write the identity report: how right the customers are, what holds them, what has drifted. HTML, no value of any record."""
    from customer360.pipeline import report as reporting

    check_folders(out)
    path, taken = reporting.write(out=out)
    sys.stdout.write(f"{path}\n")
    if taken.over:
        sys.stderr.write(f"drifted: {', '.join(one.name for one in taken.over)}\n")


def _print(state: str, mode: str, counts: dict[str, int]) -> None:
    console = Console(highlight=False)
    if state == "nothing_new":
        console.print(f"nothing new ({mode} run)")
        return
    console.print(f"{state} ({mode} run)")
    for name, count in counts.items():
        console.print(f"  {name.replace('_', ' '):<20} {count:>12,}")
