"""What people read in an alert: the load, the expectation, observed against allowed, the link, and what to do."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from customer360.observe.incidents import Incident
from customer360.observe.messages import duration, render

OPENED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

REFUSED = Incident(
    incident_id=UUID("0199c0de-0000-7000-8000-00000000abcd"),
    kind="load_refused",
    subject="crm.contacts",
    severity="critical",
    title="crm.contacts: load 1812 refused",
    details={
        "load_id": 1812,
        "owner": "sales-ops",
        "owner_address": "sales-ops@example.com",
        "attempts_made": 1,
        "failures": [
            {
                "expectation": "expect_column_values_to_not_be_null(email)",
                "observed": 0.61234,
                "allowed": "at most 0.4",
                "failed_rows": 12345,
                "reason": "Mailings need it.",
            },
            {"expectation": "type(birth_date)"},
        ],
    },
    run_url="https://airflow.example.com/dags/ingest_crm/runs/1",
    opened_at=OPENED,
    last_seen_at=OPENED,
    occurrences=3,
    closed_at=None,
    close_reason=None,
)
OVER = dataclasses.replace(REFUSED, closed_at=OPENED + timedelta(hours=2, minutes=5), close_reason="load 1815 was published")


@pytest.mark.parametrize("form", ["text", "html", "blocks"])
def test_an_opening_says_all_that_is_needed_in_every_form(form: str) -> None:
    message = render([REFUSED], "opened")
    said = json.dumps(message.blocks, ensure_ascii=False) if form == "blocks" else getattr(message, form)
    for part in (
        "crm.contacts: load 1812 refused",
        "expect_column_values_to_not_be_null(email)",
        "observed 0.6123, allowed at most 0.4, 12,345 rows refused. Mailings need it.",
        "type(birth_date)",
        "sales-ops",
        "attempts made",
        "2026-11-22 10:00:00 UTC",
        "3 times",
        "https://airflow.example.com/dags/ingest_crm/runs/1",
        "the watermark has not moved",
        "customer360 incidents show 00000000abcd",
    ):
        assert part in said
    assert message.subject == "[critical] crm.contacts: load 1812 refused"
    assert message.owner_addresses == ("sales-ops@example.com",)


def test_the_end_says_how_long_it_lasted_and_why_it_is_over() -> None:
    text = render([OVER], "closed").text
    assert text.startswith("[over] crm.contacts")
    assert "To: 2026-11-22 12:05:00 UTC (2 h 5 min)" in text and "load 1815 was published" in text
    assert "What to do" not in text


def test_come_and_gone_is_one_notice() -> None:
    text = render([OVER], "opened_and_closed").text
    assert text.startswith("[was, is over]") and "2 h 5 min" in text and "expect_column_values_to_not_be_null(email)" in text


def test_markup_in_names_stays_text() -> None:
    incident = dataclasses.replace(REFUSED, title="a <b>&\nc", details={"error": "<!channel> & <x|y>"}, run_url="javascript:alert(1)")
    message = render([incident], "opened")
    assert message.subject == "[critical] a <b>& c"
    assert "a &lt;b&gt;&amp; c" in message.html and "<b>" not in message.html and "javascript" not in message.html
    section = message.blocks[1]["text"]["text"]
    assert "&lt;!channel&gt; &amp; &lt;x|y&gt;" in section and "javascript" not in json.dumps(message.blocks)


def test_slack_limits_hold_for_long_incidents() -> None:
    failures = [{"expectation": f"expectation_{number}", "reason": "x" * 400} for number in range(50)]
    incident = dataclasses.replace(REFUSED, title="t" * 400, details={"failures": failures, "error": "e" * 9_000})
    message = render([incident], "opened")
    assert len(message.blocks[0]["text"]["text"]) <= 150
    assert all(len(block["text"]["text"]) <= 3_000 for block in message.blocks if block["type"] == "section")
    assert "and 40 more" in message.text and "expectation_10" not in message.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (40, "40 s"), (3600, "1 h"), (3700, "1 h 1 min"), (7500, "2 h 5 min"), (90_000, "1 d 1 h"), (86_460, "1 d"), (-5, "0 s")],
)
def test_durations(seconds: int, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said
