"""`customer360 build`: the models over what is in raw and identity, and their documentation."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from customer360.errors import UserError
from customer360.pipeline import build as building
from customer360.pipeline import dbt_run, lease

app = typer.Typer(help="Build the golden record and the star schema with dbt.", invoke_without_command=True)

_LONGEST = timedelta(hours=2)


class Busy(UserError):
    """Another run builds the same tables."""


def _tell(line: str) -> None:
    typer.echo(line, err=True)


@app.callback()
def build(
    context: typer.Context,
    live: Annotated[bool, typer.Option("--live", help="Only what changed since the last build, without tests.")] = False,
    select: Annotated[str | None, typer.Option("--select", help="Models in dbt's selection syntax; the change log's offset stays.")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Make the tables anew; the history is kept.")] = False,
    target_path: Annotated[Path | None, typer.Option("--target-path", help="Folder for dbt's own files.")] = None,
) -> None:
    """Build every model and run its tests, or with --live what changed."""
    if context.invoked_subcommand is not None:
        return
    try:
        with lease.lease(lease.BUILD, holder=f"customer360 build, process {os.getpid()}", ttl=_LONGEST):
            outcome = building.build(live=live, select=select, full_refresh=full_refresh, target_path=target_path, progress=_tell)
    except lease.LeaseTaken as taken:
        raise Busy(f"{taken}; wait for it, or run again then") from None
    typer.echo(summary(outcome))
    outcome.raise_for_failure()


def summary(outcome: building.BuildOutcome) -> str:
    """What a person wants to know of a build, in a few lines."""
    if outcome.state == "nothing_new":
        return f"nothing new since the last build ({outcome.seconds:.1f} s)"
    kind = "live" if outcome.live else "full"
    lines = [f"{kind} build {outcome.state}: {outcome.models} models, {outcome.tests} tests, {outcome.seconds:.1f} s"]
    lines += [f"  warning: {warning}" for warning in outcome.warnings]
    return "\n".join(lines)


@app.command()
def docs() -> None:
    """Write dbt's documentation as one page, without any row of data, to $C360_HOME/dbt-docs/index.html."""
    typer.echo(str(dbt_run.documentation()))


@app.command()
def manifest(target_path: Annotated[Path | None, typer.Option("--target-path", help="Default: dbt_project/target.")] = None) -> None:
    """Parse the project, which needs no database, and write its manifest.json."""
    typer.echo(str(dbt_run.manifest(target_path=target_path)))


@app.command()
def check(select: Annotated[str | None, typer.Option("--select", help="Tests in dbt's selection syntax.")] = None) -> None:
    """Run the data tests on what is built; failing ones open incidents."""
    outcome = building.check(select=select, progress=_tell)
    typer.echo(f"{outcome.tests} tests, {len(outcome.failures)} failed, {len(outcome.warnings)} warnings, {outcome.seconds:.1f} s")
    for warning in outcome.warnings:
        typer.echo(f"  warning: {warning}")
    outcome.raise_for_failure()
