"""What an incident says to people: pure functions from an incident to Slack blocks, a mail and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any, Literal
from uuid import UUID

from customer360.observe.incidents import Incident

Event = Literal["opened", "closed", "opened_and_closed", "reminder"]

_LABELS = {
    "load_id": "Load",
    "expectation": "Expectation",
    "observed": "Observed",
    "allowed": "Allowed",
    "failed_rows": "Rows refused",
    "checked_rows": "Rows checked",
    "reason": "Why it is checked",
    "error": "Error",
    "owner": "Owner",
}
_NOT_SHOWN = {"failures", "owner_address", "system", "object"}  # said elsewhere in the message

_WHAT_TO_DO = {
    "load_refused": "Raw keeps its last good state and the watermark has not moved. Mend the source, or the contract or suite if the"
    " source is right; the next run takes the data again by itself.",
    "source_down": "The other systems run on. Check that the source answers and that its credentials are valid; the next run goes on"
    " where the last good one ended.",
    "stale": "Nothing new was taken in for longer than the contract allows. Look at the ingest runs of this system, and whether the"
    " source still delivers.",
    "dbt_test_failed": "Readers keep the last good tables. The failed test's name says the rule; run it alone with"
    " `dbt test --select <test>` and mend the model or the data.",
    "task_failed": "Open the run for its log. Every step may be run again safely: clear the task when its cause is mended.",
    "identity_gate_failed": "Customers keep their last good resolution. Compare the run's figures with the limits before resolving again.",
    "identity_drift": "Nothing was stopped. Look at the identity report (`customer360 resolve report`) and at what the sources began to"
    " send; if the change is meant, the next nights become the new measure.",
    "model_refused": "The model in use stays. `customer360 model list` shows the figures; look at what changed in the data that it was"
    " trained on.",
    "approval_awaited": "Open the run: its question shows what would change. Approve or reject there, or by `customer360 model approve` or"
    " `reject`. Without an answer in time it counts as rejected; the model in use stays until one is approved.",
    "data_quality": "Nothing was stopped. `customer360 quality show` prints every measure; the limits are in quality.yaml.",
    "row_warnings": "The rows were published. Look whether the source began to send something new, and adapt the suite or the source.",
    "stream_restarted": "The object was read again as a whole, so raw holds what the source holds; versions in between are not in history."
    " Find out why the source let go of what had not been read: its slot was dropped or passed its limit, its topic was made anew or"
    " keeps messages for too short a time.",
    "stream_retains": "The source's disk fills until the changes are read. See why the ingest runs do not read (switched off, held,"
    " failing); if the object is not to be followed any more, drop its slot at the source.",
}

_SLACK_TEXT = 2900  # a section holds 3,000 characters
_SLACK_HEADER = 150
_FAILURES_SHOWN = 10
_NAMED = 5  # subjects in the line of a message about several
_TOGETHER_SHOWN = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One notice about incidents of one cause, ready for any channel. `incident_id`: the first of them."""

    incident_id: UUID
    event: Event
    subject: str  # one line
    text: str
    html: str
    blocks: Sequence[Mapping[str, Any]]  # Slack Block Kit
    mail_id: str  # the same for the same notice sent again, so that mail programs show it once
    mail_parent: str | None  # of the notice whose thread it belongs to
    owner_addresses: tuple[str, ...]  # whom the contracts name, mailed besides the configured recipients


def render(told: Sequence[Incident], event: Event) -> Message:
    """The notice that incidents of one cause have opened, are over, have come and gone before anyone could be told, or last."""
    return _render_one(told[0], event) if len(told) == 1 else _render_together(told, event)


def _render_together(told: Sequence[Incident], event: Event) -> Message:
    """One message for several: what they share is said once, then a line for each."""
    worst = next((incident for incident in told if incident.severity == "critical"), told[0])
    shown = [incident.subject for incident in told[:_NAMED]] + ([f"{len(told) - _NAMED} more"] if len(told) > _NAMED else [])
    subject = _one_line(f"{_mark(worst, event)} {len(told)} × {worst.kind.replace('_', ' ')}: {', '.join(shown)}")
    lines = [f"{incident.title}{_ended(incident)} ({_reference(incident)})" for incident in told]
    if len(lines) > _TOGETHER_SHOWN:
        lines[_TOGETHER_SHOWN:] = [f"and {len(lines) - _TOGETHER_SHOWN} more: customer360 incidents list --kind {worst.kind}"]
    facts = [("Incidents", str(len(told))), ("Since", _moment(min(incident.opened_at for incident in told)))]
    advice = _WHAT_TO_DO.get(worst.kind, "") if event in ("opened", "reminder") else ""
    return Message(
        incident_id=told[0].incident_id,
        event=event,
        subject=subject,
        text=_text(worst, subject, facts, lines, advice),
        html=_html(worst, subject, facts, lines, advice),
        blocks=_blocks(worst, subject, facts, lines, advice),
        mail_id=_mail_id(told[0], event),
        mail_parent=_mail_parent(told[0], event),
        owner_addresses=_owners(told),
    )


def _mail_id(incident: Incident, event: Event) -> str:
    which = f"reminder.{incident.last_seen_at:%Y%m%d%H%M%S}" if event == "reminder" else event
    return f"<{incident.incident_id}.{which}@customer360.invalid>"


def _mail_parent(incident: Incident, event: Event) -> str | None:
    return _mail_id(incident, "opened") if event in ("closed", "reminder") else None


def _owners(told: Sequence[Incident]) -> tuple[str, ...]:
    named = [incident.details.get("owner_address") for incident in told]
    return tuple(dict.fromkeys(address for address in named if isinstance(address, str) and address))


def _ended(incident: Incident) -> str:
    return f", over after {duration(incident.closed_at - incident.opened_at)}" if incident.closed_at else ""


def _render_one(incident: Incident, event: Event) -> Message:
    subject = _one_line(f"{_mark(incident, event)} {incident.title}")
    facts = _facts(incident, event)
    failures = _failures(incident.details)
    advice = _WHAT_TO_DO.get(incident.kind, "") if event in ("opened", "reminder") else ""
    return Message(
        incident_id=incident.incident_id,
        event=event,
        subject=subject,
        text=_text(incident, subject, facts, failures, advice),
        html=_html(incident, subject, facts, failures, advice),
        blocks=_blocks(incident, subject, facts, failures, advice),
        mail_id=_mail_id(incident, event),
        mail_parent=_mail_parent(incident, event),
        owner_addresses=_owners([incident]),
    )


def duration(span: timedelta) -> str:
    """`2 d 3 h`, `1 h 5 min`, `40 s`: the two greatest units that are not zero."""
    seconds = max(0, int(span.total_seconds()))
    units = [("d", seconds // 86400), ("h", seconds % 86400 // 3600), ("min", seconds % 3600 // 60), ("s", seconds % 60)]
    first = next((place for place, (_, amount) in enumerate(units) if amount), len(units) - 1)
    return " ".join(f"{amount} {unit}" for unit, amount in units[first : first + 2] if amount) or "0 s"


def _mark(incident: Incident, event: Event) -> str:
    if event == "closed":
        return "[over]"
    if event == "opened_and_closed":
        return "[was, is over]"
    if event == "reminder":
        return f"[{incident.severity}, still open]"
    return f"[{incident.severity}]"


def _facts(incident: Incident, event: Event) -> list[tuple[str, str]]:
    facts = [("Subject", incident.subject)]
    if event in ("opened", "reminder"):
        facts += [(_LABELS.get(key, key.replace("_", " ")), _shown(value)) for key, value in _ordered(incident.details)]
        facts.append(("Since", _moment(incident.opened_at)))
    else:
        closed_at = incident.closed_at or incident.last_seen_at
        facts.append(("From", _moment(incident.opened_at)))
        facts.append(("To", f"{_moment(closed_at)} ({duration(closed_at - incident.opened_at)})"))
        if incident.close_reason:
            facts.append(("Over because", incident.close_reason))
    if incident.occurrences > 1:
        facts.append(("Seen", f"{incident.occurrences} times"))
    return [(label, value) for label, value in facts if value]


def _ordered(details: Mapping[str, Any]) -> list[tuple[str, Any]]:
    known = [(key, details[key]) for key in _LABELS if key in details]
    other = [(key, value) for key, value in sorted(details.items()) if key not in _LABELS and key not in _NOT_SHOWN]
    return [(key, value) for key, value in known + other if value is not None]


def _failures(details: Mapping[str, Any]) -> list[str]:
    listed = details.get("failures")
    if not isinstance(listed, list):
        return []
    lines = [_failure(each) for each in listed if isinstance(each, Mapping)]
    if len(lines) > _FAILURES_SHOWN:
        lines[_FAILURES_SHOWN:] = [f"and {len(lines) - _FAILURES_SHOWN} more"]
    return lines


def _failure(failure: Mapping[str, Any]) -> str:
    parts = [str(failure.get("expectation", "expectation"))]
    if failure.get("observed") is not None:
        parts.append(f"observed {_shown(failure['observed'])}")
    if failure.get("allowed") is not None:
        parts.append(f"allowed {_shown(failure['allowed'])}")
    if failure.get("failed_rows") is not None:
        parts.append(f"{_shown(failure['failed_rows'])} rows refused")
    line = f"{parts[0]}: {', '.join(parts[1:])}" if len(parts) > 1 else parts[0]
    return f"{line}. {failure['reason']}" if failure.get("reason") else line


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value:.4g}" if isinstance(value, float) else _one_line(str(value))
    return f"{value:,}"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _link(incident: Incident) -> str | None:
    """Only a web address becomes a link."""
    return incident.run_url if incident.run_url and incident.run_url.startswith(("http://", "https://")) else None


def _reference(incident: Incident) -> str:
    return f"customer360 incidents show {str(incident.incident_id)[-12:]}"


def _text(incident: Incident, subject: str, facts: Sequence[tuple[str, str]], failures: Sequence[str], advice: str) -> str:
    lines = [subject, ""] + [f"{label}: {value}" for label, value in facts]
    if failures:
        lines += ["", "In detail:"] + [f"- {failure}" for failure in failures]
    if advice:
        lines += ["", f"What to do: {advice}"]
    if link := _link(incident):
        lines += ["", f"Run: {link}"]
    lines += ["", f"More: {_reference(incident)}"]
    return "\n".join(lines) + "\n"


def _html(incident: Incident, subject: str, facts: Sequence[tuple[str, str]], failures: Sequence[str], advice: str) -> str:
    rows = "".join(
        f'<tr><th style="text-align:left;padding:2px 12px 2px 0">{escape(label)}</th><td>{escape(value)}</td></tr>'
        for label, value in facts
    )
    parts = [f"<h2>{escape(subject)}</h2>", f"<table>{rows}</table>"]
    if failures:
        parts.append("<p>In detail:</p><ul>" + "".join(f"<li>{escape(failure)}</li>" for failure in failures) + "</ul>")
    if advice:
        parts.append(f"<p>What to do: {escape(advice)}</p>")
    if link := _link(incident):
        parts.append(f'<p><a href="{escape(link, quote=True)}">Open the run</a></p>')
    parts.append(f"<p>More: <code>{escape(_reference(incident))}</code></p>")
    return f'<!doctype html><html lang="en"><body style="font-family:sans-serif">{"".join(parts)}</body></html>'


def _blocks(
    incident: Incident, subject: str, facts: Sequence[tuple[str, str]], failures: Sequence[str], advice: str
) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(subject, _SLACK_HEADER), "emoji": False}},
        _section("\n".join(f"*{_slack(label)}:* {_slack(value)}" for label, value in facts)),
    ]
    if failures:
        blocks.append(_section("*In detail:*\n" + "\n".join(f"• {_slack(failure)}" for failure in failures)))
    if advice:
        blocks.append(_section(f"*What to do:* {_slack(advice)}"))
    footer = f"`{_reference(incident)}`"
    if link := _link(incident):
        footer = f"<{_slack(link).replace('|', '%7C')}|Open the run> · {footer}"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]})
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, _SLACK_TEXT)}}


def _slack(text: str) -> str:
    """Slack's three control characters, escaped as its documentation asks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
