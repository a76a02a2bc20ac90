"""The quality report's page, from figures alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from customer360.observe.quality.judge import Judged, ObjectFigures, Report, State, worst
from customer360.observe.quality.settings import MEASURES
from customer360.observe.quality.words import TITLES, command, sentence, shown, unwell
from customer360.pages.charts import lines
from customer360.pages.shell import details, table, tiles, whole_page

_SHORTEST_LINE = 2  # days
_KIND: dict[State, str] = {"good": "good", "amber": "amber", "red": "bad"}


def page(report: Report) -> str:
    """A whole HTML document that needs no other file and no network."""
    sections = (
        _head(report),
        _needs(report),
        _objects(report),
        _agreements(report),
        _failing(report),
        _quarantine(report),
        _limits(report),
    )
    return whole_page(f"Data quality, {report.at:%Y-%m-%d}", "\n".join(section for section in sections if section))


def _head(report: Report) -> str:
    systems = {figures.system for figures in report.objects}
    rows = sum(day.rows for figures in report.objects for day in figures.days if day.day == report.at.date())
    open_rows = sum(figures.quarantine.get("open", 0) for figures in report.objects)
    shown_ = [
        (str(report.count("red")), "measures are red", "bad" if report.count("red") else "good"),
        (str(report.count("amber")), "are amber", "amber" if report.count("amber") else "good"),
        (f"{len(report.objects)}", f"objects of {len(systems)} systems", ""),
        (f"{rows:,}", "rows read today", ""),
        (f"{open_rows:,}", "rows open in quarantine", ""),
    ]
    return f'<h1>Data quality</h1><p class="soft">{report.at:%A, %d %B %Y, %H:%M} UTC</p>{tiles(shown_)}'


def _needs(report: Report) -> str:
    found = unwell(report)
    if not found:
        return '<h2>What needs a person</h2><p class="good">Nothing: every measure is within its limit.</p>'
    rows = "".join(
        f'<tr><td class="{_KIND[one.state]}">{one.state}</td>'
        f'<td>{escape(sentence(one))}<br><span class="note">{escape(one.reason)}</span></td>'
        f"<td><code>{escape(command(one))}</code></td></tr>"
        for one in found
    )
    told = f'<table class="told"><tr><th></th><th>what</th><th>look</th></tr>{rows}</table>'
    return f'<h2>What needs a person</h2><div class="scroll">{told}</div>'


def _objects(report: Report) -> str:
    head = "".join(f"<th>{escape(TITLES[measure])}</th>" for measure in MEASURES)
    rows, system = [], ""
    for figures in report.objects:
        if figures.system != system:
            system = figures.system
            states = [one.state for one in report.judged if one.subject.startswith(f"{system}.")]
            rows.append(
                f'<tr><th scope="rowgroup" colspan="{len(MEASURES) + 1}">{escape(system)}'
                f' <span class="{_KIND[worst(states)]}">{worst(states)}</span> <span class="note">{escape(figures.owner)}</span></th></tr>'
            )
        judged = report.of(figures.subject)
        cells = "".join(_cell(judged.get(measure)) for measure in MEASURES)
        rows.append(f"<tr><td>{escape(figures.object)}</td>{cells}</tr>")
    told = f'<div class="scroll"><table class="states"><tr><th>object</th>{head}</tr>{"".join(rows)}</table></div>'
    return (
        "<h2>Sources</h2><p>Rows and loads of the last seven days; expectations of the last load; quarantine and age as they stand.</p>"
        f"{told}{_trends(report.objects)}"
    )


def _cell(one: Judged | None) -> str:
    if one is None:
        return '<td class="soft">–</td>'
    said = "" if one.state == "good" else f' <span class="note">{one.state}</span>'  # not by colour alone
    return f'<td class="{_KIND[one.state]}">{shown(one.measure, one.value)}{said}</td>'


def _trends(objects: Sequence[ObjectFigures]) -> str:
    pictures = []
    for figures in objects:
        read = [day for day in figures.days if day.rows]
        if len(read) < _SHORTEST_LINE:
            continue
        passed = [(f"{day.day:%d %b}", 1 - day.turned_away / day.rows) for day in read]
        volume = [(f"{day.day:%d %b}", float(day.rows)) for day in read]
        pictures.append(
            f"<h3>{escape(figures.subject)}</h3>"
            f'<div class="row">{lines(passed, title="share of rows passed", percent=True)}{lines(volume, title="rows read")}</div>'
        )
    return details(f"Day by day: rows passed and rows read, {len(pictures)} objects", "".join(pictures)) if pictures else ""


def _agreements(report: Report) -> str:
    if not report.agreements:
        return ""
    rows, pictures = [], []
    for one in report.agreements:
        share, judged = one.share, report.of(one.check.name).get("agreement")
        rows.append(
            f"<tr><td>{escape(one.check.name)}<br><span class='note'>{escape(one.check.reason)}</span></td>"
            f"<td>{one.found:,} of {one.whole:,}</td>{_cell(judged)}<td>{shown('agreement', one.check.amber)}</td></tr>"
        )
        past = [*report.earlier.get(one.check.name, []), *([(report.at.date(), share)] if share is not None else [])]
        if len(past) >= _SHORTEST_LINE:
            pictures.append(lines([(f"{day:%d %b}", value) for day, value in past], title=one.check.name[:44], percent=True))
    told = '<table class="told"><tr><th>check</th><th>found</th><th>share</th><th>at least</th></tr>' + "".join(rows) + "</table>"
    drawn = f'<div class="row">{"".join(pictures)}</div>' if pictures else ""
    return f'<h2>Agreement between systems</h2><div class="scroll">{told}</div>{drawn}'


def _failing(report: Report) -> str:
    rows = [
        (figures.subject, one.expectation, one.severity, f"{one.loads:,}", "" if one.failed_rows is None else f"{one.failed_rows:,}")
        for figures in report.objects
        for one in figures.failing
    ]
    if not rows:
        return ""
    return "<h2>Expectations not met in the last seven days</h2>" + table(
        ("object", "expectation", "severity", "loads", "rows, newest load"), rows
    )


def _quarantine(report: Report) -> str:
    rows = [
        (figures.subject, *(f"{figures.quarantine.get(state, 0):,}" for state in ("open", "replayed", "waived")))
        for figures in report.objects
        if figures.quarantine
    ]
    return "<h2>Quarantine</h2>" + table(("object", "open", "replayed", "waived"), rows) if rows else ""


def _limits(report: Report) -> str:
    rows = [
        (
            one.subject,
            TITLES[one.measure],
            shown(one.measure, one.value),
            shown(one.measure, one.amber),
            shown(one.measure, one.red),
            one.state,
        )
        for one in report.judged
    ]
    return "<h2>Every measure</h2>" + details(
        f"{len(rows)} measures beside their limits (quality.yaml)",
        table(("subject", "measure", "is", "amber beyond", "red beyond", ""), rows),
    )
