"""`customer360 up`, `down`, `status`, `demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from customer360.platform import home, lifecycle

app = typer.Typer(no_args_is_help=True)

_CUSTOMERS = typer.Option(envvar="DEMO_CUSTOMERS", min=50, help="People in a sandbox that is made now.")


@app.command()
def up(
    sandbox: Annotated[bool, typer.Option(help="Start the sandbox source systems too.")] = True,
    airflow: Annotated[bool, typer.Option(help="Start Airflow too.")] = True,
    customers: Annotated[int, _CUSTOMERS] = 20_000,
) -> None:
    """Start the platform: PostgreSQL, sandbox, Airflow."""
    platform = lifecycle.up(lifecycle.clocked(typer.echo), sandbox=sandbox, customers=customers, airflow=airflow)
    if airflow:
        from customer360.platform.summary import access

        typer.echo("\n" + access(platform))


@app.command()
def down() -> None:
    """Stop every process that `up` or `demo` started; data stays."""
    lifecycle.down(lifecycle.clocked(typer.echo))


@app.command()
def status() -> None:
    """Show what runs, and where. Ends with 3 when a part that was started does not run."""
    parts = lifecycle.status()
    if not parts:
        typer.echo(f"nothing was ever started in {home.home()}")
        return
    for part in parts:
        typer.echo(f"{part.name:24} {'running' if part.running else 'stopped':8} {part.where}")
    if not all(part.running for part in parts):
        raise typer.Exit(3)


@app.command()
def demo(customers: Annotated[int, _CUSTOMERS] = 20_000) -> None:
    """Start everything, run the nightly path once through Airflow, switch the live DAGs on, show the result."""
    from customer360.platform import demo as runner

    say = lifecycle.clocked(typer.echo)
    result = runner.run(say, customers=customers)
    typer.echo("\n" + result.summary)
    if not result.succeeded:
        raise typer.Exit(1)
