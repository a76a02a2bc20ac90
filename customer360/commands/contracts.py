"""`customer360 contracts`: check, show and apply the source contracts, and write the files made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from customer360.contracts import data_map, generated, reader
from customer360.contracts.model import SourceContract
from customer360.contracts.problems import did_you_mean
from customer360.errors import UserError
from customer360.gate import suites
from customer360.warehouse import tables
from customer360.warehouse.connections import connect

app = typer.Typer(help="Check, show and apply the source contracts.", no_args_is_help=True)

Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail when the file is not current.")]


class UnknownSource(UserError):
    """No contract declares what was asked for."""


@app.command()
def check(paths: Annotated[list[Path] | None, typer.Argument(help="Contract files; default: all, references included.")] = None) -> None:
    """Check contracts, and with all of them the suites of their objects; every problem is listed with its place and its fix."""
    contracts = [reader.load_contract(path) for path in paths] if paths else list(reader.load_contracts().values())
    for contract in contracts:
        fields = sum(len(obj.fields) for obj in contract.objects)
        typer.echo(f"{contract.system}: {len(contract.objects)} objects, {fields} fields, no problem")
    if not paths:
        faults = suites.check_suites(obj for contract in contracts for obj in contract.objects)
        if faults:
            raise suites.SuiteError("\n".join(faults))


@app.command()
def show(source: Annotated[str, typer.Argument(help="SYSTEM or SYSTEM.OBJECT")]) -> None:
    """Show what a source, or one of its objects, declares."""
    system, _, name = source.partition(".")
    contracts = reader.load_contracts()
    if system not in contracts:
        raise UnknownSource(f"no contract is called {system!r}; {did_you_mean(system, contracts)}")
    contract = contracts[system]
    typer.echo(data_map.render_objects(contract, _objects(contract, name)))


def _objects(contract: SourceContract, name: str) -> list[str]:
    names = [obj.name for obj in contract.objects]
    if name and name not in names:
        raise UnknownSource(f"{contract.system} has no object {name!r}; {did_you_mean(name, names)}")
    return [name] if name else names


@app.command("data-map")
def write_data_map(check: Check = False) -> None:
    """Write docs/data-map.md from the contracts."""
    _generate("data-map", check=check)


@app.command()
def sources(check: Check = False) -> None:
    """Write dbt's sources.yml from the contracts."""
    _generate("sources", check=check)


def _generate(what: str, *, check: bool) -> None:
    path = generated.check(what) if check else generated.write(what)
    typer.echo(f"{path.name} is current")


@app.command()
def apply() -> None:
    """Make or extend the tables of every declared object; run as the warehouse's owner."""
    contracts = reader.load_contracts()
    with connect() as connection:
        for contract in contracts.values():
            for obj in contract.objects:
                tables.ensure(connection, obj)
            connection.commit()
            typer.echo(f"{contract.system}: {len(contract.objects)} objects")


@app.command()
def drift(
    source: Annotated[str, typer.Argument(help="SYSTEM or SYSTEM.OBJECT")],
    write: Annotated[bool, typer.Option("--write", help="Put the change into the contract's file.")] = False,
) -> None:
    """Propose declarations for fields that a source sends and its contract does not declare: a diff, ready for `git apply`.

    Types are inferred from what raw holds; each field is classified as personal until somebody has looked. No value is printed.
    """
    from customer360.pipeline import schema_drift

    system, _, name = source.partition(".")
    contracts = reader.load_contracts()
    if system not in contracts:
        raise UnknownSource(f"no contract is called {system!r}; {did_you_mean(system, contracts)}")
    _objects(contracts[system], name)
    found = schema_drift.propose(system, name or None)
    if found is None:
        typer.echo(f"{source}: everything that it sends is declared", err=True)
        return
    typer.echo(found.diff, nl=False)
    if write:
        schema_drift.write(found)
        typer.echo("written; now: customer360 contracts check, customer360 contracts apply, make docs", err=True)
