"""`customer360 quarantine`: look at the rows a gate refused; replay or waive them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.errors import UserError
from customer360.load import quarantine
from customer360.pipeline import ingest
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer(no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(help="Numbers of quarantined rows; or choose them with --of.")]
Of = Annotated[str | None, typer.Option("--of", metavar="SYSTEM[.OBJECT]", help="All open rows of this system or object.")]
Expectation = Annotated[str | None, typer.Option(help="Only rows refused for an expectation that begins so.")]
Since = Annotated[datetime | None, typer.Option(help="Only rows set aside since then (UTC).", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say which rows are meant, and change nothing.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Why = Annotated[str, typer.Option("--why", help="Why; kept with the row.")]


@app.command("list")
def list_rows(
    target: Annotated[str | None, typer.Argument(metavar="[SYSTEM[.OBJECT]]", help="Only rows of this system or object.")] = None,
    state: Annotated[str, typer.Option(help="open, replayed, waived or all.")] = "open",
    expectation: Expectation = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(help="At most so many rows, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
) -> None:
    """List quarantined rows with their reasons, without their values."""
    if state not in ("open", "replayed", "waived", "all"):
        raise UserError(f"no quarantined row is {state!r}; use open, replayed, waived or all")
    with connect(role=Role.STEWARD) as connection:
        rows = quarantine.listed(connection, _chosen(target, expectation, since, state=None if state == "all" else state), limit=limit)
    if as_json:
        for row in rows:
            line = {"quarantine_id": row.quarantine_id, "object": f"{row.system}.{row.object}", "load_id": row.load_id, "state": row.state}
            sys.stdout.write(json.dumps(line | {"opened_at": row.opened_at.isoformat(), "reasons": row.reasons}) + "\n")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("row", "object", "load", "since", "state", "why"):
        table.add_column(heading)
    for row in rows:
        why = "; ".join(f"{reason['expectation']}" for reason in row.reasons)
        table.add_row(
            str(row.quarantine_id), f"{row.system}.{row.object}", str(row.load_id), f"{row.opened_at:%Y-%m-%d %H:%M}", row.state, why
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table if rows else "quarantine is empty")


@app.command()
def show(quarantine_id: Annotated[int, typer.Argument(help="Number of a quarantined row.")]) -> None:
    """Show one row with its values (personal: run it as a steward) and every reason it was refused for."""
    with connect(role=Role.STEWARD) as connection:
        row = quarantine.get(connection, quarantine_id)
        trail = quarantine.trail(connection, quarantine_id)
    name = f"{row.system}.{row.object} {row.record_key or '(no key)'}"
    sys.stdout.write(f"{name}, load {row.load_id}, {row.state} since {row.opened_at:%Y-%m-%d %H:%M} UTC\n")
    for step in trail:
        corrected = f" (corrected: {', '.join(step.corrected)})" if step.corrected else ""
        sys.stdout.write(f"{step.action} {step.at:%Y-%m-%d %H:%M} UTC by {step.by}: {step.why or 'no reason given'}{corrected}\n")
    for reason in row.reasons:
        sys.stdout.write(f"  refused: {reason['expectation']}: {reason['reason']}\n")
    sys.stdout.write(json.dumps(row.payload, ensure_ascii=False, indent=2) + "\n")


@app.command()
def replay(
    by: By,
    why: Why,
    ids: Ids = None,
    of: Of = None,
    expectation: Expectation = None,
    since: Since = None,
    corrections: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Correct a field first; FIELD= makes it null.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Send rows through their gate again, corrected or not."""
    meant = _meant(ids, of, expectation, since)
    if dry_run or not meant:
        sys.stdout.write(f"{len(meant)} rows{': ' + _shown(meant) if meant else ''}\n")
        return
    for outcome in ingest.replay_quarantined(meant, by=by, why=why, corrections=_corrections(corrections or [])):
        counts = outcome.counts
        sys.stdout.write(
            f"{outcome.full_name}: load {outcome.load_id} {outcome.state.replace('_', ' ')}, {counts.published} published, "
            f"{counts.quarantined} still in quarantine, {counts.stale + counts.unchanged + counts.superseded} no longer needed\n"
        )
        for failure in (outcome.refusal or {}).get("failures", []):
            sys.stdout.write(f"  {failure['expectation']}: {failure['observed']}. {failure['reason']}\n")
        if outcome.state in ("rejected", "held") or counts.quarantined:
            raise typer.Exit(3)


@app.command()
def waive(
    by: By, why: Why, ids: Ids = None, of: Of = None, expectation: Expectation = None, since: Since = None, dry_run: DryRun = False
) -> None:
    """Decide that rows are not to be loaded. Seen again as they are, they stay out."""
    meant = _meant(ids, of, expectation, since)
    if dry_run or not meant:
        sys.stdout.write(f"{len(meant)} rows{': ' + _shown(meant) if meant else ''}\n")
        return
    with connect(role=Role.STEWARD) as connection:
        waived = quarantine.waive(connection, meant, by=by, why=why)
    sys.stdout.write(f"{waived} waived\n")
    if waived < len(set(meant)):
        raise UserError(
            f"{len(set(meant)) - waived} of the rows are not open (or not there); `customer360 quarantine list --state all` shows them"
        )


def _chosen(target: str | None, expectation: str | None, since: datetime | None, *, state: str | None = "open") -> quarantine.Chosen:
    system, _, name = (target or "").partition(".")
    at = since.replace(tzinfo=UTC) if since else None
    return quarantine.Chosen(system=system or None, object_name=name or None, state=state, expectation=expectation, since=at)


def _meant(ids: list[int] | None, of: str | None, expectation: str | None, since: datetime | None) -> list[int]:
    """The rows named, or all open ones that are chosen. Never both, and never everything by leaving all out."""
    if ids and (of or expectation or since):
        raise UserError("name rows by number, or choose them with --of, --expectation, --since; not both")
    if ids:
        return ids
    if not of:
        raise UserError("which rows? Give their numbers, or --of SYSTEM[.OBJECT] for all open ones of it")
    with connect(role=Role.STEWARD) as connection:
        return quarantine.numbers(connection, _chosen(of, expectation, since))


def _shown(numbers: list[int]) -> str:
    few = ", ".join(map(str, numbers[:20]))
    return few if len(numbers) <= 20 else f"{few} and {len(numbers) - 20} more"


def _corrections(given: list[str]) -> dict[str, str | None]:
    corrections: dict[str, str | None] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UserError(f"--set {item!r} is no FIELD=VALUE")
        corrections[name] = value or None
    return corrections
