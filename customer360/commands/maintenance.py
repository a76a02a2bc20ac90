"""`customer360 maintenance`: what the maintenance DAG does, by hand."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Keep landing, ledger and history from growing for ever.")


@app.command("clean")
def clean() -> None:
    """Remove rows that nobody needs any more; how long each kind is kept is in customer360/pipeline/maintenance.py."""
    from customer360.pipeline import maintenance

    removed = maintenance.clean()
    for table, rows in sorted(removed.items()):
        typer.echo(f"{table}: {rows} rows removed")
    if not removed:
        typer.echo("nothing to remove")


@app.command("archive")
def archive() -> None:
    """Write what was published since the last time into the archive (C360_ARCHIVE_URL), from where `backfill --from archive` reads it."""
    from customer360.pipeline import maintenance

    written = maintenance.archive()
    for name, rows in written.items():
        typer.echo(f"{name}: {rows} rows archived")
    if not written:
        typer.echo("nothing to archive")


@app.command("release-lease")
def release_lease() -> None:
    """Give back the build lease of a run that died, so that the next one need not wait until it runs out."""
    from customer360.pipeline import lease

    held = lease.current(lease.BUILD)
    if held is None:
        typer.echo("nobody holds the build lease")
        return
    lease.release(held.name, holder=held.holder)
    typer.echo(f"the build lease of {held.holder} was given back")
