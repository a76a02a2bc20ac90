"""`customer360 resolve`: bring the customers up to date; train the model; evaluate against known truth."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.errors import UserError

app = typer.Typer(help="Work out which records are the same customer.")


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Look at every record, not only at what changed.")] = False,
    train: Annotated[
        bool, typer.Option("--train", help="Train a new model on the records there are first, and write the model file.")
    ] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Let a run pass that the identity gate would refuse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Resolve what changed since the last run (everything, after a change of rules, contracts or model)."""
    if context.invoked_subcommand is not None:
        return
    from customer360.pipeline import resolve as pipeline

    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {text}\n")
        sys.stderr.flush()

    if train:
        say(f"model written to {pipeline.train(progress=say).name}")
    outcome = pipeline.resolve(full=full, accept=accept, progress=say)
    if as_json:
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    else:
        _print(outcome.state, outcome.mode, outcome.counts)
    if outcome.state == "refused":
        told = "; ".join(f"{one.limit} {one.observed}, allowed {one.allowed}" for one in outcome.breaches)
        raise UserError(
            f"the identity gate refused the run, nothing changed: {told}. "
            "Look at what came in; `customer360 resolve --accept` lets it in once."
        )


@app.command("evaluate")
def evaluate(
    truth: Annotated[Path, typer.Option(help="CSV: record_id, person_id, and locale if known.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Precision, recall and F1 over pairs of records: overall, per locale, per pair of sources."""
    from customer360.pipeline.resolve import evaluate_customers

    found = evaluate_customers(truth)
    every = [found.overall, *found.locales, *found.source_pairs]
    if as_json:
        rows = [{**asdict(one), "precision": one.precision, "recall": one.recall, "f1": one.f1} for one in every]
        sys.stdout.write(json.dumps({"figures": rows, "missing": found.missing}) + "\n")
        return
    table = Table("records of", "records", "pairs true", "precision", "recall", "F1", box=None)
    for one in every:
        table.add_row(one.scope, str(one.records), str(one.true), f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{found.missing} records of the truth are not among the customers (deleted, quarantined or not loaded)")


def _print(state: str, mode: str, counts: dict[str, int]) -> None:
    console = Console(highlight=False)
    if state == "nothing_new":
        console.print(f"nothing new ({mode} run)")
        return
    console.print(f"{state} ({mode} run)")
    for name, count in counts.items():
        console.print(f"  {name.replace('_', ' '):<20} {count:>12,}")
