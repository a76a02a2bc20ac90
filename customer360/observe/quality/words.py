"""How the report's measures are called and their values written, in the page and as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from customer360.observe.quality.judge import Judged, Report

TITLES = {
    "turned_away": "rows turned away",
    "refused_loads": "loads refused",
    "unmet": "expectations not met",
    "quarantine_rows": "open in quarantine",
    "quarantine_days": "oldest open, days",
    "age": "age of agreed age",
    "duplicates": "held twice",
    "unreconciled": "differs from source",
    "agreement": "found",
}
_SHARES = frozenset({"turned_away", "unmet", "age", "duplicates", "unreconciled", "agreement"})

_COMMANDS = {
    "turned_away": "customer360 quarantine list {subject}",
    "refused_loads": "customer360 incidents list --kind load_refused",
    "unmet": "customer360 incidents list --kind row_warnings",
    "quarantine_rows": "customer360 quarantine list {subject}",
    "quarantine_days": "customer360 quarantine list {subject}",
    "age": "customer360 incidents freshness",
    "duplicates": "customer360 review list",
    "unreconciled": "customer360 reconcile {subject}",
    "agreement": "customer360 quality show",
}


def shown(measure: str, value: float) -> str:
    """`0.12%`, `85%`, `<0.1%`, `1,204`, `3.5`."""
    if measure in _SHARES:
        percent = 100 * value
        if 0 < percent < 0.1:
            return "<0.1%"
        return f"{percent:.0f}%" if percent == round(percent) or percent >= 10 else f"{percent:.2g}%"
    return f"{value:,.1f}" if measure == "quarantine_days" else f"{value:,.0f}"


def sentence(one: Judged) -> str:
    """What is wrong, in one line."""
    least = "at least" if one.measure == "agreement" else "at most"
    limit = one.amber if one.state == "amber" else one.red
    return f"{one.subject}: {TITLES[one.measure]} {shown(one.measure, one.value)}, {least} {shown(one.measure, limit)}"


def command(one: Judged) -> str:
    """What shows more of it."""
    return _COMMANDS[one.measure].format(subject=one.subject)


def unwell(report: Report) -> Sequence[Judged]:
    """What is not good, the red first."""
    return sorted((one for one in report.judged if one.state != "good"), key=lambda one: (one.state != "red", one.subject, one.measure))


def headline(report: Report) -> str:
    """The report in one line."""
    red, amber = report.count("red"), report.count("amber")
    told = ", ".join(part for part in (f"{red} red" if red else "", f"{amber} amber" if amber else "") if part)
    return f"Data quality {report.at:%Y-%m-%d}: {told or 'all good'}"


def text(report: Report) -> str:
    """The report as plain text: what needs a person, then a line per object and check."""
    lines = [headline(report), ""]
    for one in unwell(report):
        lines += [f"[{one.state}] {sentence(one)}", f"        {one.reason}", f"        {command(one)}"]
    lines += ["", "Objects"] if report.objects else []
    for figures in report.objects:
        told = ", ".join(f"{TITLES[name]} {shown(name, value)}" for name, value in figures.measures.items())
        lines.append(f"  {figures.subject}: {told}")
    lines += ["", "Agreement between systems"] if report.agreements else []
    for agreement in report.agreements:
        share = agreement.share
        told = (
            f"{agreement.found:,} of {agreement.whole:,} ({shown('agreement', share)})" if share is not None else "nothing to compare yet"
        )
        lines.append(f"  {agreement.check.name}: {told}")
    return "\n".join(lines) + "\n"
