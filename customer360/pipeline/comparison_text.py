"""What a candidate model would change, for whoever decides about it: Markdown, figures alone, no value of any record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from customer360.identity.models.churn import Churn
from customer360.identity.models.paired import Estimate, Loss
from customer360.pipeline.models import Comparison

_TOLD_BY = {"clusters": "known people", "pairs": "labelled pairs"}


def comparison_text(found: Comparison) -> str:
    """The whole comparison."""
    verdict = "**Refused by the model gate.**" if found.is_refused else "Passes the model gate."
    lines = [f"Model `{found.version}` beside `{found.compared_with}`, which is in use. {verdict}", ""]
    lines += [f"- {one}" for one in found.breaches]
    return "\n".join([*lines, "", *_labels(found.losses), "", churn_text(found.churn)]).replace("\n\n\n", "\n\n")


def churn_text(churn: Churn) -> str:
    """What would happen to the customers there are."""
    rows: list[tuple[str, int]] = [
        ("customers now", churn.customers_before),
        ("customers then", churn.customers_after),
        ("unchanged", churn.kept),
        ("born", churn.born),
        ("revived", churn.revived),
        ("merged into another", churn.merged),
        ("records taken from them", churn.split),
        ("records added to them", churn.grown),
        ("records under another id", churn.changing),
        ("pairs of records joined", churn.pairs_gained),
        ("pairs of records parted", churn.pairs_lost),
        ("records of the largest customer", churn.largest),
    ]
    kinds = sorted(set(churn.edges_before) | set(churn.edges_after))
    return "\n".join(
        [
            f"{churn.disturbed:,} of {churn.customers_before:,} customers ({churn.changed_share:.2%}) would change id or lose records.",
            "",
            *_table(("customers", "count"), ((name, f"{count:,}") for name, count in rows)),
            "",
            *_table(
                ("source", "records", "under another id"), ((one.source, f"{one.records:,}", f"{one.changing:,}") for one in churn.sources)
            ),
            "",
            *_table(
                ("evidence", "edges now", "edges then"),
                ((kind, f"{churn.edges_before.get(kind, 0):,}", f"{churn.edges_after.get(kind, 0):,}") for kind in kinds),
            ),
        ]
    )


def _labels(losses: Sequence[Loss]) -> list[str]:
    if not losses:
        return ["No labels are configured: how right it is cannot be said here."]
    rows = []
    for loss in (one for one in losses if one.scope == "all"):
        told_by = f"({_TOLD_BY[loss.told_by]})"
        for place, (name, estimate) in enumerate((("precision", loss.precision), ("recall", loss.recall))):
            rows.append(
                (f"{name} {told_by}", f"{loss.before[place]:.4f}", f"{loss.after[place]:.4f}", _signed(-estimate.value), _span(estimate))
            )
        before, after = loss.f1
        rows.append((f"f1 {told_by}", f"{before:.4f}", f"{after:.4f}", _signed(after - before), ""))
    whole = _table(("labels", "now", "then", "difference", "with 95 % confidence"), rows)
    locales = [one for one in losses if one.scope != "all"]
    touched = [one for one in locales if one.touched]
    if touched:
        whole += ["", *_table(("known people of", "touched", "precision now", "then", "recall now", "then"), map(_locale_row, touched))]
    if same := [one.scope for one in locales if not one.touched]:
        whole += ["", f"No known person is touched of {', '.join(same)}."]
    return whole


def _locale_row(loss: Loss) -> tuple[str, ...]:
    (precision, recall), (precision_then, recall_then) = loss.before, loss.after
    return (loss.scope, f"{loss.touched:,}", f"{precision:.4f}", f"{precision_then:.4f}", f"{recall:.4f}", f"{recall_then:.4f}")


def _span(loss: Estimate) -> str:
    return f"{_signed(-loss.high)} to {_signed(-loss.low)}"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if round(value, 4) else "0.0000"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table, padded so that it also reads well as plain text."""
    body = [list(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in body) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = [[row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))] for row in body]
    return ["| " + " | ".join(cells) + " |" for cells in [padded[0], rule, *padded[1:]]]
