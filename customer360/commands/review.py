"""`customer360 review`: what the evidence leaves open, and what stewards decide about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from customer360.commands.terminal import steward
from customer360.errors import UserError
from customer360.identity.stewardship import desk

app = typer.Typer(no_args_is_help=True, help="Decide which records are the same customer where the evidence cannot.")

Left = Annotated[str, typer.Argument(metavar="RECORD", help="A record: <system>.<object>:<key>, e.g. shop.customers:100042.")]
Right = Annotated[str, typer.Argument(metavar="RECORD", help="The other record.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Why = Annotated[str, typer.Option("--why", help="Why; kept with the decision.")]
AtOnce = Annotated[bool, typer.Option("--resolve", help="Act on it at once, instead of with the next run.")]


@app.command("list")
def list_questions(
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; repeat for several: " + ", ".join(desk.KINDS))] = None,
    system: Annotated[list[str] | None, typer.Option(help="Only questions with a record of this source system.")] = None,
    postponed: Annotated[bool, typer.Option("--postponed", help="Those that were put off, instead of those that wait.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, most valuable first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What waits for a decision, most valuable first. No values of records are shown.

    value = chance that the present state is wrong × (records that would move + their order value ÷ a customer's mean order value)
    """
    unknown = sorted(set(kind or ()) - set(desk.KINDS))
    if unknown:
        raise UserError(f"no question is of kind {unknown[0]!r}; use {', '.join(desk.KINDS)}")
    with steward() as connection:
        found = desk.queue(
            connection,
            kinds=kind or None,  # type: ignore[arg-type]  # checked above
            systems=system or None,
            limit=limit,
            postponed=postponed,
        )
    if as_json:
        _print_json(found)
        return
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    names = ("value", "kind", "record", "record", "match", "records", "orders", "since")
    table = Table(*[Column(name, no_wrap=True, justify="right" if name in _NUMBERS else "left") for name in names], box=None)
    for one in found.questions:
        table.add_row(
            f"{one.value:.2f}",
            one.kind.replace("_", " "),
            escape(one.record_id_l),
            escape(one.record_id_r),
            "" if one.kind in ("contradiction", "reopened") else f"{one.probability:.3f}",
            f"{one.records_at_stake} of {one.records_concerned}",
            f"{one.order_value_at_stake:,.0f}",
            f"{one.since:%Y-%m-%d}",
        )
    if found.questions:
        console.print(table)
    for name, meaning in desk.KINDS.items():
        if found.waiting.get(name):
            console.print(f"{found.waiting[name]:>8,}  {name.replace('_', ' '):<14} {meaning}")
    console.print(f"{found.postponed:>8,}  postponed" if found.postponed else "" if found.waiting else "nothing waits for a decision")


_NUMBERS = {"value", "match", "records", "orders"}


@app.command()
def show(
    left: Left,
    right: Right,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """One question: what is asked about two records, the evidence for and against, what was decided and done."""
    from customer360.identity.explain.document import document  # the matcher's libraries take a second to import
    from customer360.identity.explain.text import text
    from customer360.pipeline.explain import explain

    with steward() as connection:
        case = desk.case(connection, left, right)
    with steward() as connection:
        found = explain(connection, left, right)
    if as_json:
        _print_json({**asdict(case), "explanation": document(found)})
        return
    for one in case.questions:
        sys.stdout.write(f"{one.kind.replace('_', ' ')}: {desk.KINDS[one.kind]}; value {one.value:.2f}\n")
        if one.postponed_until:
            sys.stdout.write(f"postponed until {one.postponed_until:%Y-%m-%d %H:%M} UTC\n")
    if not case.questions:
        sys.stdout.write("nothing is asked about these two\n")
    sys.stdout.write(f"\n{text(found)}")


@app.command()
def decide(
    left: Left,
    right: Right,
    answer: Annotated[str, typer.Argument(metavar="same|different", help="Are they the same customer?")],
    by: By,
    why: Why,
    overrule: Annotated[bool, typer.Option("--overrule", help="Replace another decision that stands.")] = False,
    at_once: AtOnce = False,
) -> None:
    """Decide that two records are the same customer, or different ones. It beats any score and outlives runs and models."""
    if answer not in ("same", "different"):
        raise UserError(f"{answer!r} is no answer; say same or different")
    with steward() as connection:
        decided = desk.decide(
            connection,
            left,
            right,
            answer=answer,  # type: ignore[arg-type]  # checked above
            by=by,
            reason=why,
            overrule=overrule,
        )
    sys.stdout.write(f"{decided.record_id_l} and {decided.record_id_r}: {decided.answer} (decision {decided.decision_id})\n")
    _after(at_once=at_once)


@app.command()
def undo(left: Left, right: Right, by: By, why: Why, at_once: AtOnce = False) -> None:
    """Withdraw the decision that stands on two records. One that it had overruled does not come back."""
    with steward() as connection:
        gone = desk.undo(connection, left, right, by=by, reason=why)
    sys.stdout.write(f"{gone.record_id_l} and {gone.record_id_r}: no longer decided ({gone.answer} by {gone.decided_by} withdrawn)\n")
    _after(at_once=at_once)


@app.command()
def postpone(
    left: Left,
    right: Right,
    by: By,
    why: Why,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When to ask again (UTC).")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Ask again in so many days.")] = None,
) -> None:
    """Take a question out of the queue until a date."""
    if (until is None) == (days is None):
        raise UserError("say until when: --until 2026-12-31, or --days 14")
    then = until.replace(tzinfo=UTC) if until is not None else datetime.now(UTC) + timedelta(days=days or 0)
    with steward() as connection:
        desk.postpone(connection, left, right, until=then, by=by, reason=why)
    sys.stdout.write(f"asked again from {then:%Y-%m-%d %H:%M} UTC\n")


@app.command()
def resume(left: Left, right: Right, by: By, why: Why) -> None:
    """Put a postponed question back into the queue."""
    with steward() as connection:
        was_postponed = desk.resume(connection, left, right, by=by, reason=why)
    sys.stdout.write("back in the queue\n" if was_postponed else "it was not postponed\n")


@app.command()
def history(left: Left, right: Right, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Everything decided and done about two records: who, when, why."""
    with steward() as connection:
        actions = desk.history(connection, left, right)
    if as_json:
        _print_json(actions)
    else:
        _write_actions(actions)


def _after(*, at_once: bool) -> None:
    if not at_once:
        sys.stdout.write("the next run acts on it (`customer360 resolve`, or the live DAG)\n")
        return
    from customer360.pipeline.resolve import resolve  # the matcher's libraries take a second to import

    outcome = resolve()
    if outcome.state == "refused":
        raise UserError(
            f"the decision is kept, but the identity gate refused the run: {outcome.told_breaches}. See `customer360 resolve --accept`"
        )
    events = {name.removeprefix("events_"): count for name, count in outcome.counts.items() if name.startswith("events_")}
    told = ", ".join(f"{count} {name}" for name, count in events.items()) or "no customer changed"
    sys.stdout.write(f"{outcome.state.replace('_', ' ')}: {told}\n")


def _write_actions(actions: Any) -> None:
    for one in actions:
        what = f"{one.action.replace('_', ' ')}{f' {one.answer}' if one.answer else ''}"
        until = f" until {one.until:%Y-%m-%d %H:%M}" if one.until else ""
        sys.stdout.write(f"{one.at:%Y-%m-%d %H:%M} UTC  {what}{until} by {one.actor} (login {one.login}): {one.reason or ''}\n")


def _print_json(found: Any) -> None:
    document = [asdict(one) for one in found] if isinstance(found, list) else found if isinstance(found, dict) else asdict(found)
    sys.stdout.write(json.dumps(document, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
