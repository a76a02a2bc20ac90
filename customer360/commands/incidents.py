"""`customer360 incidents`: what is wrong now, what was, and telling people about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from customer360.observe import dispatch as dispatcher
from customer360.observe import freshness, incidents, messages, notifiers
from customer360.observe.routing import FILE, read_routing
from customer360.platform import home
from customer360.warehouse import connections

app = typer.Typer(no_args_is_help=True, help="Incidents and alerts: list, show, close, dispatch, routing, test, freshness.")


@app.command("list")
def list_incidents(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    kind: Annotated[str | None, typer.Option(help="Only this kind: load_refused, source_down, stale, …")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
) -> None:
    """Incidents, newest first; only open ones unless --all."""
    with connections.connect() as connection:
        found = incidents.find(connection, include_closed=every, kind=kind, limit=limit)
    if not found:
        Console().print("no incident" if every or kind else "no open incident")
        return
    table = Table(*_whole("id", "since (UTC)", "severity", "kind", "subject"), "what", "state", box=None)
    for incident in found:
        state = f"over {incident.closed_at:%Y-%m-%d %H:%M}" if incident.closed_at else f"open, seen {incident.occurrences}×"
        since = f"{incident.opened_at:%Y-%m-%d %H:%M:%S}"
        short = str(incident.incident_id)[-12:]
        table.add_row(*map(escape, (short, since, incident.severity, incident.kind, incident.subject, incident.title, state)))
    _print(table)


@app.command()
def show(incident_id: Annotated[str, typer.Argument(help="The id, or its end as `list` prints it.")]) -> None:
    """All that is known of one incident, and which channels were told."""
    with connections.connect() as connection:
        incident = incidents.get(connection, incident_id)
        told = incidents.notifications(connection, incident.incident_id)
    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(messages.render([incident], "closed" if incident.closed_at else "opened").text))
    console.print(escape("Details: " + json.dumps(dict(incident.details), indent=2, sort_keys=True, ensure_ascii=False)))
    for notice in told:
        console.print(escape(f"{notice.channel}, {notice.event}: {_state(notice)}"))


@app.command()
def close(
    incident_id: Annotated[str, typer.Argument(help="The id, or its end as `list` prints it.")],
    reason: Annotated[str, typer.Option(help="Why it is over; the notice says so.")],
) -> None:
    """Close an incident by hand. What is still wrong opens a new one at its next run."""
    with connections.connect() as connection:
        incident = incidents.get(connection, incident_id)
        is_closed = incidents.close_by_id(connection, incident.incident_id, reason=reason)
    Console().print(escape(f"{incident.subject}: {'closed' if is_closed else 'was over already'}"))


@app.command()
def dispatch() -> None:
    """Send what people have not been told yet, to the channels whose connection (`slack`, `smtp`) is configured."""
    channels, rules = notifiers.configured(), read_routing(home.repo() / FILE)
    with connections.connect(autocommit=True) as connection:
        outcome = dispatcher.dispatch(channels, connection=connection, routing=rules)
    Console().print(
        f"channels: {', '.join(channels) or 'none configured'}; sent {outcome.sent}, failed {outcome.failed}, "
        f"dropped {outcome.dropped}, waiting {outcome.waiting}"
    )


@app.command("routing")
def show_routing() -> None:
    """Which channel hears of what, from alerts.yaml, and whether it has a connection here."""
    rules, channels = read_routing(home.repo() / FILE), notifiers.configured()
    table = Table("channel", "hears of", "connection", box=None)
    for channel in incidents.CHANNELS:
        table.add_row(channel, ", ".join(rules.severities(channel)) or "nothing", "configured" if channel in channels else "none")
    _print(table)
    again = f"again every {messages.duration(rules.remind_after)}" if rules.remind_after else "never again"
    Console().print(f"of one cause together: after {messages.duration(rules.together)}; an open critical incident: {again}")


@app.command("test")
def send_test() -> None:
    """Send a message through every configured channel, to see that it arrives. Exit code 1 when one fails."""
    now = datetime.now(UTC)
    incident = incidents.Incident(
        incident_id=uuid4(), kind="test", subject="customer360", severity="warning", title="a test of this channel", details={},
        run_url=None, opened_at=now, last_seen_at=now, occurrences=1, closed_at=None, close_reason=None,
    )  # fmt: skip
    failed = False
    for channel, notifier in sorted(notifiers.configured().items()):
        try:
            notifier.send(messages.render([incident], "opened"))
            Console().print(f"{channel}: sent")
        except notifiers.NotificationFailed as error:
            failed = True
            Console().print(escape(f"{channel}: {error}"))
    if not notifiers.configured():
        Console().print("no channel has a connection: set C360_CONN_SLACK or C360_CONN_SMTP")
    if failed:
        raise typer.Exit(1)


@app.command("freshness")
def show_freshness() -> None:
    """Compare each object's last load with its contract's freshness; opens and closes `stale` incidents."""
    from customer360.contracts.reader import load_contracts  # reading contracts is slow beside the other commands

    contracts = load_contracts()
    with connections.connect() as connection:
        found = freshness.check(connection, list(contracts.values()), datetime.now(UTC))
    table = Table("object", "state", "age", "allowed", box=None)
    for entry in found:
        age = messages.duration(entry.age) if entry.age is not None else ""
        table.add_row(f"{entry.system}.{entry.object}", entry.state, age, messages.duration(entry.allowed))
    _print(table)


def _whole(*names: str) -> list[Column]:
    """Columns that are never cut: what is copied from one command into the next."""
    return [Column(name, no_wrap=True) for name in names]


def _print(table: Table) -> None:
    """To a pipe without the width of a terminal, which would cut cells."""
    console = Console()
    (console if console.is_terminal else Console(width=400)).print(table)


def _state(notice: incidents.Notification) -> str:
    if notice.sent_at:
        return f"told {notice.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    if notice.dropped_at:
        return "not told: the channel was not configured while it lasted, or does not hear of such incidents"
    if notice.attempts:
        return f"tried {notice.attempts}×, {notice.last_error}; next try after {notice.next_attempt_at:%H:%M:%S} UTC"
    return "not told yet"
