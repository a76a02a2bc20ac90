"""Mail tool → raw by the real contract and suites: increments, and a list that is whole each time."""

from __future__ import annotations

import pytest

from tests.integration.sources.conftest import Folder, Pipeline, refused_for
from tests.integration.sources.records import ENGAGEMENT_COLUMNS, SUBSCRIBER_COLUMNS, engagement, subscriber

pytestmark = pytest.mark.integration


def test_good_rows_pass_every_expectation(pipeline: Pipeline, mail_tool: Folder) -> None:
    mail_tool.put_subscribers("1", map(subscriber, range(300)))
    mail_tool.put_engagement("1", map(engagement, range(600)))
    assert pipeline.load("email.subscribers").counts.published == 300
    assert pipeline.load("email.engagement").counts.published == 600
    assert pipeline.complaints() == [] and pipeline.quarantine() == []
    assert pipeline.load("email.subscribers").state == pipeline.load("email.engagement").state == "nothing_new"


def test_who_is_no_longer_on_the_list_is_buried_and_may_return(pipeline: Pipeline, mail_tool: Folder) -> None:
    mail_tool.put_subscribers("1", map(subscriber, range(300)))
    pipeline.load("email.subscribers")
    mail_tool.put_subscribers("2", map(subscriber, range(10, 300)))
    outcome = pipeline.load("email.subscribers")
    assert (outcome.state, outcome.counts.deleted) == ("published", 10)
    assert pipeline.raw("email.subscribers") == [(290,)]
    kept = pipeline.warehouse.fetch("select email from raw.email__subscribers where _is_deleted and subscriber_id = 'sub_000000'")
    assert kept == [("0.jose@example.es",)]
    mail_tool.put_subscribers("3", map(subscriber, range(300)))  # byte for byte the first list again
    pipeline.load("email.subscribers")
    assert pipeline.raw("email.subscribers") == [(300,)]


def test_a_cut_list_buries_nobody(pipeline: Pipeline, mail_tool: Folder) -> None:
    mail_tool.put_subscribers("1", map(subscriber, range(300)))
    pipeline.load("email.subscribers")
    mail_tool.put_subscribers("2", map(subscriber, range(100)))
    outcome = pipeline.load("email.subscribers")
    assert outcome.state == "rejected" and refused_for(outcome) == ["rows_gone"]
    assert pipeline.raw("email.subscribers") == [(300,)]


def test_a_list_with_a_broken_line_buries_nobody(pipeline: Pipeline, mail_tool: Folder) -> None:
    path = mail_tool.put_subscribers("1", map(subscriber, range(100)))
    pipeline.load("email.subscribers")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5] = b'sub_000004,"x@example.com\r\n'
    mail_tool.put("subscribers/2.csv", b"".join(lines))
    outcome = pipeline.load("email.subscribers")
    assert (outcome.counts.quarantined, outcome.counts.deleted) == (1, 0)
    assert pipeline.raw("email.subscribers") == [(100,)]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("email", None, "column_present(email)"),
        ("status", None, "column_present(status)"),
        ("email", "", "expect_column_values_to_not_be_null(email)"),
        ("email", "###", "expect_column_values_to_match_regex(email)"),
        ("status", "active", "expect_column_values_to_be_in_set(status)"),
        ("double_opt_in", "", "expect_column_proportion_of_non_null_values_to_be_between(double_opt_in)"),
    ],
)
def test_a_broken_column_of_the_list_is_refused(pipeline: Pipeline, mail_tool: Folder, column: str, value: str | None, reason: str) -> None:
    place = SUBSCRIBER_COLUMNS.index(column)
    columns = [name for name in SUBSCRIBER_COLUMNS if value is not None or name != column]
    rows = [subscriber(number) for number in range(200)]
    for row in rows:
        row[place : place + 1] = [] if value is None else [value]
    mail_tool.put_csv("subscribers/1", columns, rows)
    outcome = pipeline.load("email.subscribers")
    assert outcome.state == "rejected" and reason in refused_for(outcome)
    assert pipeline.raw("email.subscribers") == [(0,)]


def test_broken_engagement_is_set_aside_or_refused(pipeline: Pipeline, mail_tool: Folder) -> None:
    rows = [engagement(number) for number in range(100)]
    kind, bounce = ENGAGEMENT_COLUMNS.index("event_type"), ENGAGEMENT_COLUMNS.index("bounce_type")
    rows[0][kind] = "seen"
    rows[4][bounce] = "medium"
    mail_tool.put_engagement("1", rows)
    outcome = pipeline.load("email.engagement")
    assert (outcome.state, outcome.counts.published, outcome.counts.quarantined) == ("published", 98, 2)
    for row in (rows := [engagement(number) for number in range(100, 200)]):
        row[kind] = "seen"
    mail_tool.put_engagement("2", rows)
    assert pipeline.load("email.engagement").state == "rejected"
