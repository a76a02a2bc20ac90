"""The `customer360` command. Areas live in `customer360.commands`; only the one that is called is imported, so `--help` is quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import typer

from customer360.errors import UserError

_HELP = "Customer 360: from every source system to one golden record per customer."


@dataclass(frozen=True, slots=True)
class Area:
    """A command: the module of `customer360.commands` that has it, and its line in `--help`."""

    module: str
    help: str


AREAS: dict[str, Area] = {
    "up": Area("platform", "Start the platform: PostgreSQL, sandbox, Airflow."),
    "down": Area("platform", "Stop what `up` or `demo` started."),
    "status": Area("platform", "Show what runs, and where."),
    "demo": Area("platform", "Start everything, run the nightly path once, show the result."),
    "sql": Area("sql", "Run a query; CSV comes out."),
    "contracts": Area("contracts", "Check, show and apply the source contracts."),
    "migrate": Area("migrate", "Bring the warehouse's schemas, tables and roles up to date."),
    "load": Area("load", "Load a source system, or one of its objects: extract, gate, publish."),
    "backfill": Area("backfill", "Load a window of an object again, or all of it, from its source or the archive."),
    "quarantine": Area("quarantine", "Look at refused rows; replay or waive them."),
    "held": Area("held", "Decide about refused loads of streams: replay, accept or waive."),
    "streams": Area("streams", "Show how far change data capture and message buses are read."),
    "serve": Area("serve", "Run an HTTP service: webhooks."),
    "resolve": Area("resolve", "Work out which records are the same customer."),
    "ids": Area("ids", "How many customer ids would change under another model."),
    "model": Area("model", "Train a model, see what it changes, let it be used."),
    "review": Area("review", "Decide which records are the same customer where the evidence cannot."),
    "explain": Area("explain", "Why two records are one customer or not; what a customer consists of."),
    "build": Area("build", "Build the golden record and the star schema with dbt."),
    "golden": Area("golden", "Measure golden values against checked ones; calibrate their confidence."),
    "profile": Area("profile", "Show one customer's golden record, now or as of a day."),
    "pin": Area("pin", "Pin golden values: what a steward says holds."),
    "contact": Area("contact", "Report mail addresses and phone numbers that do not work."),
    "match": Area("match", "Resolve a file of people: who is the same person?"),
    "reconcile": Area("reconcile", "Count the sources and hold the counts beside raw."),
    "quality": Area("quality", "How good the data is: every source, and whether systems agree."),
    "incidents": Area("incidents", "Show open incidents and send their notices."),
    "maintenance": Area("maintenance", "Keep landing, ledger and history from growing for ever."),
    "sandbox": Area("sandbox", "The source systems to try things on."),
}


def main() -> None:
    """Run the command line. Ends with 0, 2 for what the user can mend (message on stderr), 1 for a defect (with its traceback)."""
    try:
        build_app(sys.argv[1] if len(sys.argv) > 1 else None)(prog_name="customer360")
    except UserError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:
        unreachable = _unreachable(error)
        if unreachable is None:
            raise
        _fail(unreachable, UserError.exit_code)


def build_app(called: str | None) -> typer.Typer:
    """The command line with area `called` in full and the other areas as their line of help."""
    app = typer.Typer(
        name="customer360", help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.callback()(_group)  # keeps a group even where one command is known
    shared = AREAS[called].module if called in AREAS else None
    for name, area in AREAS.items():
        if find_spec(f"customer360.commands.{area.module}") is None:
            continue
        if called == name:
            _add(app, name, importlib.import_module(f"customer360.commands.{area.module}"))
        elif area.module != shared or called is None:
            app.command(name, help=area.help)(_not_called)
    return app


def _add(app: typer.Typer, name: str, module: object) -> None:
    """Add what the module has for `name`: commands it registers itself, a command of that name, or its app as a group."""
    register: Callable[[typer.Typer], None] | None = getattr(module, "register", None)
    if register is not None:
        register(app)
        return
    area: typer.Typer = module.app  # type: ignore[attr-defined]  # every module of commands has one or the other
    names = {command.name or str(getattr(command.callback, "__name__", "")).replace("_", "-") for command in area.registered_commands}
    if name in names:
        app.add_typer(area)
    elif len(area.registered_commands) == 1 and area.registered_callback is None and not area.registered_groups:
        only = area.registered_commands[0]
        if only.callback is not None:
            app.command(name, help=only.help)(only.callback)
    else:
        app.add_typer(area, name=name)


def _group() -> None:
    pass


def _not_called() -> None:
    raise AssertionError("only the called area is run")


def _unreachable(error: Exception) -> str | None:
    """A server that cannot be reached is the user's to mend; psycopg is imported if it was used at all."""
    psycopg = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(error, psycopg.OperationalError) or getattr(error, "sqlstate", None) is not None:
        return None
    return f"{str(error).strip()}; is the platform up? (`customer360 status`)"


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)
