"""`customer360 golden`: whether golden values are as often right as their confidence says, and how to mend it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from customer360.errors import UserError
from customer360.golden import calibration, checked
from customer360.golden.calibration import Proposal, Reliability
from customer360.golden.rules import Calibration, read_rules, write_calibrations
from customer360.platform import home
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

app = typer.Typer(no_args_is_help=True, help="Measure golden values against checked ones; calibrate their confidence.")

Values = Annotated[
    Path | None,
    typer.Option(help="Checked values: record_id,attribute,value. Default: values.csv of $C360_LABELS ($C360_HOME/labels)."),
]


@app.command()
def evaluate(values: Values = None, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """How often golden values are right, by how sure they were said to be: of those at 0.9, nine in ten should be.

    A value counts as right in any spelling of the checked one. No value is shown. Pinned values are left out.
    """
    found = _compared(values)
    measured = calibration.measure(found.checked)
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in measured]) + "\n")
        return
    console = _console()
    console.print(f"{len(found.checked):,} golden values compared with checked ones; {found.missing:,} checked ones have no golden value")
    console.print(_bins(measured[0]))
    console.print(_groups(measured))


@app.command()
def calibrate(
    values: Values = None,
    write: Annotated[bool, typer.Option("--write", help="Put the new numbers into seeds/golden_groups.csv, to review.")] = False,
) -> None:
    """Fit each group's evidence_slope and evidence_offset to checked values, and show what that does for values that were not fitted to.

    The order of values by confidence within an attribute stays. Build in full afterwards.
    """
    found = _compared(values)
    proposals = calibration.propose(found.checked, read_rules(home.repo()).calibrations)
    _console().print(_proposed(proposals))
    fitted = {one.attribute_group: one.fitted for one in proposals if one.fitted is not None}
    if not fitted:
        raise UserError(f"no attribute group has {calibration.LEAST_CHECKED} checked values; nothing was calibrated")
    if write:
        sys.stdout.write(f"{write_calibrations(home.repo(), fitted)}\nbuild in full (`customer360 build`) to use it\n")


def _compared(path: Path | None) -> checked.Comparison:
    file = path or Path(os.environ.get("C360_LABELS") or home.home() / "labels") / "values.csv"
    true_values = checked.read_values(file)
    with connect(role=Role.STEWARD) as connection:
        found = checked.compare(connection, true_values)
    if not found.checked:
        raise UserError(f"of the records in {file} none has a golden value for a checked attribute; are they records of this warehouse?")
    return found


def _bins(measured: Reliability) -> Table:
    table = Table("confidence", "values", "mean", "right", "95 %", box=None)
    for one in measured.bins:
        told = f"{one.low:.2f}-{one.high:.2f}", f"{one.values:,}", f"{one.mean_confidence:.3f}", f"{one.share_right:.3f}"
        table.add_row(*told, f"{one.interval.low:.3f}-{one.interval.high:.3f}")
    return table


def _groups(measured: Iterable[Reliability]) -> Table:
    table = Table("group", "values", "mean confidence", "right", "calibration error", "Brier", box=None)
    for one in measured:
        share = one.right / one.values
        table.add_row(one.scope, f"{one.values:,}", *(f"{x:.3f}" for x in (one.mean_confidence, share, one.calibration_error, one.brier)))
    return table


def _proposed(proposals: Iterable[Proposal]) -> Table:
    table = Table("group", "checked", "slope, offset", "error", "Brier", "fitted", "error, held out", "Brier, held out", box=None)
    for one in proposals:
        row = [
            one.attribute_group,
            f"{one.checked:,}",
            _told(one.present),
            f"{one.before.calibration_error:.3f}",
            f"{one.before.brier:.3f}",
        ]
        if one.fitted is None or one.held_out is None:
            row.append(f"kept: fewer than {calibration.LEAST_CHECKED} checked")
        else:
            row += [_told(one.fitted), f"{one.held_out.calibration_error:.3f}", f"{one.held_out.brier:.3f}"]
        table.add_row(*row)
    return table


def _told(numbers: Calibration) -> str:
    return f"{numbers.slope:g}, {numbers.offset:g}"


def _console() -> Console:
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=160)  # a pipe has no width that would cut cells
