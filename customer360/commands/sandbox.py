"""`customer360 sandbox`: source systems with a known truth, to try the platform on; let time pass in them, and break them."""

from __future__ import annotations

import csv
from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from customer360.errors import UserError
from customer360.platform import home
from sandbox import advance as passing
from sandbox import lifecycle, truth
from sandbox.faults import registry, switch
from sandbox.layout import Layout
from sandbox.lifecycle import SandboxStatus
from sandbox.sinks.mail import Mailbox
from sandbox.sinks.slack import SlackMessages, text_of
from sandbox.world import World

app = typer.Typer(no_args_is_help=True, help="The source systems to try things on: start, stop, advance, break, compare with the truth.")
fault_app = typer.Typer(no_args_is_help=True, help="Break a system, and mend it.")
app.add_typer(fault_app, name="fault")


@app.command()
def start(
    customers: Annotated[int | None, typer.Option(help="Persons in the population; default DEMO_CUSTOMERS, else 20,000.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed and size give the same people.")] = 360,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw an existing sandbox away.")] = False,
) -> None:
    """Make the sandbox if there is none, and start it."""
    console = Console()
    with console.status("sandbox") as status:
        found = lifecycle.start(customers=customers, seed=seed, fresh=fresh, progress=lambda step: status.update(f"sandbox: {step}"))
    _print_status(console, found)


@app.command()
def stop() -> None:
    """Stop the sandbox's processes; its data stay."""
    Console().print("stopped" if lifecycle.stop() else "it was not running")


@app.command()
def status() -> None:
    """What runs, where, and which faults are on."""
    console = Console()
    _print_status(console, lifecycle.status())
    if Layout(home.home()).world.exists():
        _print_faults(console)


@app.command()
def advance(
    hours: Annotated[float | None, typer.Option(help="Let so many hours' worth of changes happen.")] = None,
    changes: Annotated[int | None, typer.Option(help="Let so many changes happen.")] = None,
    seed: Annotated[int | None, typer.Option(help="Chance for this advance, instead of the world's own sequence.")] = None,
) -> None:
    """Let time pass: people move, marry, order, return, unsubscribe, are deleted; every system shows what it learns of it."""
    if hours is not None and changes is not None:
        raise UserError("give --hours or --changes, not both")
    done = passing.advance(hours=hours, changes_wanted=changes, seed=seed)
    console = Console()
    console.print(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in done.changes.items()))
    console.print(
        f"{done.new_records} new records, {done.events} web events, {done.engagement} mail events; files: {', '.join(done.files) or 'none'}"
    )


@app.command()
def alerts() -> None:
    """Alerts that arrived at the sandbox's Slack endpoint and mail server, oldest first."""
    layout = _layout()
    console = Console(highlight=False, soft_wrap=True)
    slack = [(m["received_at"], "Slack", text_of(m["payload"])) for m in SlackMessages(layout.slack).all()]
    mail = [(m["received_at"], "mail", f"{m['subject']}\n{m['text']}") for m in Mailbox(layout.mails).all()]
    for received, channel, text in sorted(slack + mail):
        console.print(escape(f"{received} {channel}: {text.strip()}\n"))
    if not slack and not mail:
        console.print("no alert yet")


@app.command("truth")
def show_truth(
    record_id: Annotated[str | None, typer.Argument(help="A record, such as shop.customers:100123.")] = None,
    with_values: Annotated[
        bool, typer.Option("--values", help="What is true of each person instead, as `customer360 golden` reads it (CSV).")
    ] = False,
) -> None:
    """Which records show the same person: the figures, or all records of the person that RECORD_ID shows (CSV)."""
    layout = _layout()
    if with_values:
        with World(layout.world, read_only=True) as world:
            told = csv.writer(typer.get_text_stream("stdout"), lineterminator="\n")
            told.writerows([truth.VALUES_HEADER, *truth.values(world)])
        return
    path = layout.truth
    rows = truth.read(path)
    if record_id is None:
        _print_truth(rows, str(path))
        return
    person = next((row["person_id"] for row in rows if row["record_id"] == record_id), None)
    if person is None:
        raise UserError(f"the truth knows no record {record_id!r}; write <system>.<object>:<key>, e.g. {rows[0]['record_id']}")
    writer = csv.DictWriter(typer.get_text_stream("stdout"), truth.HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if row["person_id"] == person)


@fault_app.command("list")
def list_faults() -> None:
    """All faults there are, and which are on."""
    console = Console()
    table = Table("system", "fault", "what happens", "options", box=None)
    for system, faults in registry.FAULTS.items():
        for fault in faults:
            options = " ".join(
                f"--{o.name}" + ("" if o.is_required else f" [{o.default}]" if o.default is not None else " […]") for o in fault.options
            )
            table.add_row(system, fault.name, escape(fault.meaning), escape(options))
    console.print(table)
    if Layout(home.home()).world.exists():
        _print_faults(console)


@fault_app.command("on", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault_on(context: typer.Context, system: str, fault: str) -> None:
    """Switch a fault on, until it is switched off: fault on crm missing_column --object contacts --field Email."""
    active = switch.switch_on(_layout(), system, fault, _options(context.args))
    Console().print(escape(f"{active.system} {active.fault} is on {_shown(active.options)}"))


@fault_app.command("off")
def fault_off(
    system: Annotated[str, typer.Argument(help="A system, or `all`.")],
    fault: Annotated[str | None, typer.Argument(help="Without it: every fault of the system.")] = None,
) -> None:
    """Switch a fault off, and mend what it broke."""
    layout = _layout()
    ended = [
        f
        for name in (registry.FAULTS if system == "all" else [system])
        for f in switch.switch_off(layout, name, fault if system != "all" else None)
    ]
    Console().print(", ".join(f"{f.system} {f.fault} is off" for f in ended) or "nothing was on")


def _layout() -> Layout:
    layout = Layout(home.home())
    if not layout.world.exists():
        raise UserError("there is no sandbox; make one with `customer360 sandbox start`")
    return layout


def _options(arguments: list[str]) -> dict[str, Any]:
    """`--field Email` and `--field=Email` as a dictionary."""
    options: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if not name.startswith("--"):
            raise UserError(f"{name!r} is no option; write --name value (`customer360 sandbox fault list` shows them)")
        name, has_value, value = name[2:].partition("=")
        if not has_value:
            if not rest:
                raise UserError(f"--{name} needs a value")
            value = rest.pop(0)
        options[name.replace("-", "_")] = value
    return options


def _shown(options: Any) -> str:
    given = ", ".join(f"{name}={value}" for name, value in options.items() if value is not None)
    return f"({given})" if given else ""


def _print_status(console: Console, found: SandboxStatus) -> None:
    if not found.exists:
        console.print("no sandbox; make one with `customer360 sandbox start`")
        return
    state = "runs" if found.running else "does not run"
    console.print(f"The sandbox of {found.customers:,} persons {state}.", highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_row("CRM, alerts", found.http_url, f"pid {found.server_pid}" if found.server_pid else "stopped")
    table.add_row("shop", f"postgresql://127.0.0.1:{found.shop_port}/shop", f"pid {found.shop_pid}" if found.shop_pid else "stopped")
    table.add_row("Slack webhook", found.slack_webhook_url)
    table.add_row("mail", f"smtp://127.0.0.1:{found.smtp_port}")
    table.add_row("alerts to read", found.alerts_url)
    table.add_row("truth", str(found.truth))
    console.print(table, highlight=False, soft_wrap=True)


def _print_faults(console: Console) -> None:
    with World(Layout(home.home()).world) as world:
        on = registry.active(world)
    for fault in on.values():
        console.print(escape(f"on since {fault.since}: {fault.system} {fault.fault} {_shown(fault.options)}"), style="red")
    if not on:
        console.print("no fault is on")


def _print_truth(rows: list[dict[str, str]], path: str) -> None:
    console = Console()
    console.print(f"{len(rows):,} records of {len({row['person_id'] for row in rows}):,} persons: {path}", highlight=False, soft_wrap=True)
    table = Table("records", "number", box=None)
    for name, number in sorted(Counter(row["record_id"].split(":")[0] for row in rows).items()):
        table.add_row(name, f"{number:,}")
    console.print(table)
    table = Table("locale", "records", "persons", box=None)
    persons = Counter(locale for locale, _ in {(row["locale"], row["person_id"]) for row in rows})
    for name, number in Counter(row["locale"] for row in rows).most_common():
        table.add_row(name, f"{number:,}", f"{persons[name]:,}")
    console.print(table)
