"""The identity report's page, from figures alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from customer360.identity.models.evaluation import Evaluation, Figures, Interval
from customer360.identity.models.labels import PairEvaluation, PairFigures
from customer360.identity.report.drift import Measure
from customer360.identity.report.summary import Rate, Summary
from customer360.pages import charts
from customer360.pages.shell import details, table, tiles, whole_page

_SERIES = ("precision", "recall", "F1")
_SHOWN_MEASURES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The newest run. Times are UTC. `counts` and `seconds`: per step, as the run told them."""

    run_id: int
    mode: str
    finished_at: datetime | None
    model_version: str
    model_origin: str
    counts: Mapping[str, int]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One summary of the past, for the lines over time. `f1`: on labels, None without."""

    at: datetime
    records: int
    customers: int
    grey_zone: int
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the page shows. `nights`: oldest first, the newest summary among them."""

    at: datetime
    run: Run
    summary: Summary
    measures: Sequence[Measure]
    nights: Sequence[Night]
    clusters: Evaluation | None
    pairs: PairEvaluation | None


def page(report: Report) -> str:
    """A whole HTML document that needs no other file and no network."""
    body = "\n".join(
        section
        for section in (
            _head(report),
            _clusters(report.clusters),
            _pairs(report.pairs),
            _no_labels(report),
            _evidence(report.clusters),
            _sizes(report),
            _drift(report),
            _fields(report.summary),
            _refusals(report.summary),
            _run(report.run),
        )
        if section
    )
    return whole_page(f"Identity report, {report.at:%Y-%m-%d}", body)


# ------------------------------------------------------------------------------------------------ sections
def _head(report: Report) -> str:
    summary, run = report.summary, report.run
    over = [one for one in report.measures if one.is_over]
    linked = summary.record_count - summary.cluster_sizes.get("1", 0)
    shown = [
        (f"{summary.record_count:,}", "records of living sources", ""),
        (f"{summary.customers:,}", "customers", ""),
        (f"{linked / summary.record_count:.1%}" if summary.record_count else "–", "of the records are linked", ""),
        (f"{summary.grey_zone:,}", "pairs in the grey zone", ""),
    ]
    if report.clusters is not None:
        shown.insert(2, (f"{report.clusters.overall.f1:.4f}", "F1 over pairs of records", ""))
    elif report.pairs is not None:
        shown.insert(2, (f"{report.pairs.overall.f1:.4f}", "F1 on judged pairs", ""))
    if report.measures:
        state = (
            (f"{len(over)} over", "of the drift limits", "bad")
            if over
            else ("within limits", f"drift, {len(report.measures)} measures", "good")
        )
        shown.append(state)
    finished = f", finished {run.finished_at:%Y-%m-%d %H:%M} UTC" if run.finished_at else ""
    return (
        "<h1>Identity report</h1>"
        f'<p class="soft">{report.at:%A, %d %B %Y, %H:%M} UTC · run {run.run_id} ({escape(run.mode)}){finished} · '
        f"model {escape(run.model_version)}, {escape(run.model_origin)}</p>"
        f"{tiles(shown)}"
    )


def _clusters(found: Evaluation | None) -> str:
    if found is None:
        return ""
    overall, clusters = found.overall, found.overall.clusters
    sample = found.overall.intervals is not None
    told = (
        f"{overall.records:,} records of known people make {overall.true:,} true pairs; {overall.claimed:,} pairs are claimed, "
        f"{overall.together:,} of them true."
    )
    if sample:
        told += f" {found.unknown:,} records are in no truth, so what is known counts as a sample of people."
    if found.missing:
        told += f" {found.missing:,} records of the truth are not among the customers (deleted, quarantined or not loaded)."
    rows = [("pairs of records", *_cells(overall.precision, overall.recall, overall.f1))]
    if clusters is not None:
        rows.append(("whole customers", *_cells(clusters.exact_precision, clusters.exact_recall, clusters.exact_f1)))
        rows.append(("records (B³)", *_cells(clusters.b3_precision, clusters.b3_recall, clusters.b3_f1)))
    parts = ["<h2>How right are the customers?</h2>", f"<p>{escape(told)}</p>", table(("", *_SERIES), rows)]
    if overall.intervals is not None:
        spans = overall.intervals
        parts.append(
            f'<p class="note">95 % intervals over pairs: precision {_span(spans.precision)}, recall {_span(spans.recall)}, '
            f"F1 {_span(spans.f1)} (people drawn at random; ratio of sums, linearised).</p>"
        )
    if found.locales:
        parts += ["<h3>Per locale</h3>", charts.legend(_SERIES), _dots(found.locales, "Precision, recall and F1 per locale")]
        parts.append(details("Figures per locale", _figures_table("locale", found.locales)))
    if found.source_pairs:
        parts += ["<h3>Per pair of sources</h3>", '<p class="note">F1 over pairs of one record of each; in brackets the true pairs.</p>']
        parts.append(_source_matrix(found.source_pairs))
        parts.append(details("Figures per pair of sources", _figures_table("sources", found.source_pairs)))
    return "\n".join(parts)


def _pairs(found: PairEvaluation | None) -> str:
    if found is None:
        return ""
    rows = [("all", found.overall), *((one.scope, one) for one in found.source_pairs)]
    rows += [(f"edge: {one.scope}", one) for one in found.evidence]
    missing = f" {found.missing:,} name a record that identity does not hold." if found.missing else ""
    return "\n".join(
        [
            "<h2>Judged pairs</h2>",
            f"<p>{found.overall.pairs:,} pairs of records that somebody has judged.{missing} Ranges are Wilson's 95 % intervals: "
            "true of pairs drawn at random, not of hand-picked ones.</p>",
            table(
                ("", "pairs", "hits", "wrong", "missed", "precision", "", "recall", "", "F1"),
                [_pair_row(scope, one) for scope, one in rows],
            ),
        ]
    )


def _no_labels(report: Report) -> str:
    if report.clusters is not None or report.pairs is not None:
        return ""
    return (
        "<h2>How right are the customers?</h2>"
        "<p>Nobody has said what is true yet: put <code>clusters.csv</code> (record_id, person_id, locale) or <code>pairs.csv</code> "
        "(record_id_l, record_id_r, is_match) into the folder of labels, and the next report has the figures.</p>"
    )


def _evidence(found: Evaluation | None) -> str:
    if found is None or not found.evidence:
        return ""
    rows = [
        (one.scope, f"{one.pairs:,}", f"{one.right:,}", f"{one.precision:.4f}", f"{one.recall_alone:.4f}", f"{one.recall_brought:.4f}")
        for one in found.evidence
    ]
    return "\n".join(
        [
            "<h2>Which evidence is right, and what it brings</h2>",
            "<p>Pairs of records with such an edge, the share of them that is one person, the recall this evidence would reach without any "
            "other, and the recall that would be lost without it.</p>",
            table(("evidence", "pairs", "right", "precision", "recall alone", "recall lost without"), rows),
        ]
    )


def _sizes(report: Report) -> str:
    summary = report.summary
    kinds = [(kind, f"{count:,}") for kind, count in summary.edges.items()]
    return "\n".join(
        [
            "<h2>Customers and the evidence that holds them</h2>",
            '<div class="row"><div><h3>Customers by number of records</h3>',
            charts.bars(summary.cluster_sizes, title="Customers by their number of records"),
            "</div><div><h3>Scored pairs by match weight, in bits</h3>",
            charts.bars(summary.match_weights, title="Scored pairs by match weight in bits"),
            "</div></div>",
            '<p class="note">The weight is log2 of the odds that both records are one person. '
            f"{summary.grey_zone:,} pairs lie in the grey zone: scored too high to be forgotten, too low to be linked, and not one "
            "customer by other evidence.</p>",
            table(("evidence", "edges"), kinds),
        ]
    )


def _drift(report: Report) -> str:
    parts = ["<h2>Drift</h2>"]
    nights = report.nights
    if len(nights) > 1:
        days = [f"{night.at:%d %b}" for night in nights]
        shown = [
            charts.lines(list(zip(days, [float(night.records) for night in nights], strict=True)), title="records"),
            charts.lines(list(zip(days, [float(night.customers) for night in nights], strict=True)), title="customers"),
            charts.lines(list(zip(days, [float(night.grey_zone) for night in nights], strict=True)), title="grey zone"),
        ]
        scored = [(day, night.f1) for day, night in zip(days, nights, strict=True) if night.f1 is not None]
        if len(scored) > 1:
            shown.append(charts.lines(scored, title="F1", percent=True))
        parts.append(f'<div class="row">{"".join(shown)}</div>')
    if not report.measures:
        return "\n".join([*parts, "<p>There is no earlier summary to compare with yet.</p>"])
    over = [one for one in report.measures if one.is_over]
    told = (
        f"{len(over)} of {len(report.measures)} measures are over their limit."
        if over
        else f"All {len(report.measures)} measures are within their limits."
    )
    ranked = sorted(report.measures, key=lambda one: -abs(one.drift) / one.limit)
    parts.append(
        f"<p>{told} Each is compared with every one of the last nights, and the median counts: distributions by the population stability "
        "index, counts by their relative change, rates by their change.</p>"
    )
    parts.append(_measure_table(ranked[:_SHOWN_MEASURES]))
    if len(ranked) > _SHOWN_MEASURES:
        parts.append(details(f"The other {len(ranked) - _SHOWN_MEASURES}", _measure_table(ranked[_SHOWN_MEASURES:])))
    return "\n".join(parts)


def _fields(summary: Summary) -> str:
    attributes = sorted({name for rates in summary.completeness.values() for name in rates})
    if not attributes:
        return ""
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in attributes)
    rows = "".join(
        f"<tr><td>{escape(source)}</td>{''.join(charts.heat_cell(_share(rates.get(name))) for name in attributes)}</tr>"
        for source, rates in summary.completeness.items()
    )
    agreed = "".join(charts.heat_cell(_share(summary.agreement.get(name))) for name in attributes)
    return (
        "<h2>Fields</h2><p>Records with a usable value, per source; in the last line, linked pairs of records with an equal value, of "
        "those where both have one.</p>"
        f'<div class="scroll"><table class="heat"><tr><th>source</th>{head}</tr>{rows}'
        f"<tr><td>linked pairs agree</td>{agreed}</tr></table></div>"
    )


def _refusals(summary: Summary) -> str:
    if not summary.refusals:
        return "<h2>Refusals</h2><p>No identifier value is refused.</p>"
    rows = [
        (name, f"{count:,}", f"{summary.refused[name].share:.2%}" if name in summary.refused else "–")
        for name, count in summary.refusals.items()
    ]
    return (
        "<h2>Refusals</h2><p>Values that join nobody: held by too many records or people, role and throw-away mailboxes, placeholders. "
        f"The share is of the values that several records hold.</p>{table(('identifier', 'values refused', 'share'), rows)}"
    )


def _run(run: Run) -> str:
    counts = [(name.replace("_", " "), f"{count:,}") for name, count in run.counts.items()]
    seconds = [(name, f"{value:.1f} s") for name, value in run.seconds.items()]
    return f'<h2>The run</h2><div class="row">{table(("figure", "count"), counts)}{table(("step", "time"), seconds)}</div>'


# -------------------------------------------------------------------------------------------------- pieces
def _dots(figures: Iterable[Figures], title: str) -> str:
    return charts.dots([(one.scope, (one.precision, one.recall, one.f1)) for one in figures], _SERIES, title=title)


def _figures_table(name: str, figures: Sequence[Figures]) -> str:
    with_spans = any(one.intervals for one in figures)
    rows = [
        (
            one.scope,
            f"{one.records:,}",
            f"{one.true:,}",
            f"{one.claimed:,}",
            *_cells(one.precision, one.recall, one.f1),
            *((_span(one.intervals.f1) if one.intervals else "–",) if with_spans else ()),
            f"{one.clusters.exact_f1:.4f}" if one.clusters else "–",
            f"{one.clusters.b3_f1:.4f}" if one.clusters else "–",
        )
        for one in figures
    ]
    return table(
        (name, "records", "true pairs", "claimed", *_SERIES, *(("F1 from–to",) if with_spans else ()), "whole customers F1", "B³ F1"), rows
    )


def _source_matrix(figures: Sequence[Figures]) -> str:
    """Sources by sources; the figures name them `left – right`."""
    by_pair = {tuple(one.scope.split(" – ", 1)): one for one in figures}
    sources = sorted({source for pair in by_pair for source in pair})
    head = "".join(f"<th>{escape(source)}</th>" for source in sources)
    rows = []
    for position, left in enumerate(sources):
        cells = []
        for other, right in enumerate(sources):
            one = by_pair.get((left, right))
            if other < position or one is None:
                cells.append("<td></td>")
            elif not one.true and not one.claimed:
                cells.append('<td class="soft">none</td>')
            else:
                cells.append(
                    f'<td style="background: rgba(var(--heat), {0.05 + 0.4 * one.f1**4:.2f})">{one.f1:.3f} '
                    f'<span class="note">({one.true:,})</span></td>'
                )
        rows.append(f"<tr><td>{escape(left)}</td>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table class="heat"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _pair_row(scope: str, one: PairFigures) -> tuple[str, ...]:
    return (
        scope,
        f"{one.pairs:,}",
        f"{one.hits:,}",
        f"{one.wrong:,}",
        f"{one.missed:,}",
        f"{one.precision:.4f}",
        _span(one.precision_interval),
        f"{one.recall:.4f}",
        _span(one.recall_interval),
        f"{one.f1:.4f}",
    )


def _measure_table(measures: Sequence[Measure]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td>{''.join(f'<td>{cell}</td>' for cell in _measured(one))}"
        f'<td class="{"bad" if one.is_over else "good"}">{"over" if one.is_over else "within"}</td></tr>'
        for one in measures
    )
    head = "".join(f"<th>{name}</th>" for name in ("measure", "was", "is", "drift", "limit", ""))
    return f"<table><tr>{head}</tr>{rows}</table>"


def _measured(one: Measure) -> Iterator[str]:
    told = "{:,.0f}" if one.kind == "count" else "{:.1%}"
    for value in (one.before, one.now):
        yield told.format(value) if value is not None else "–"
    if one.kind == "distribution":
        yield f"{one.drift:.3f}"
        yield f"{one.limit:g}"
    else:
        points = " points" if one.kind == "rate" else " %"
        yield f"{100 * one.drift:+.1f}{points}"
        yield f"±{100 * one.limit:g}{points}"


def _cells(*values: float) -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in values)


def _span(span: Interval) -> str:
    return f"{span.low:.3f}–{span.high:.3f}"


def _share(rate: Rate | None) -> float | None:
    return rate.share if rate is not None and rate.whole else None
