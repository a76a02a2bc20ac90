"""Web events → raw by the real contract and suite."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from customer360.extract.files import SETTLED_AFTER
from customer360.load import landing
from tests.integration.sources.conftest import Folder, Pipeline, refused_for
from tests.integration.sources.records import web_event
from tests.killing import forked

pytestmark = pytest.mark.integration


def test_good_events_pass_every_expectation_once(pipeline: Pipeline, web: Folder) -> None:
    path = web.put_events("1", map(web_event, range(1_200)))
    outcome = pipeline.load("web.events")
    assert (outcome.state, outcome.counts.published) == ("published", 1_200)
    assert pipeline.complaints() == [] and pipeline.quarantine() == []
    assert pipeline.raw("web.events", "distinct _extra") == [({"context": {"locale": "ja-JP"}},), (
        {"context": {"locale": "ja-JP"}, "properties": {"colour": "rouge"}},)]  # fmt: skip
    assert pipeline.load("web.events").state == "nothing_new"
    path.rename(path.with_name("1-again.jsonl.gz"))
    web.put_events("2", map(web_event, range(1_100, 1_300)))
    outcome = pipeline.load("web.events")
    assert (outcome.counts.extracted, outcome.counts.unchanged, outcome.counts.inserted) == (200, 100, 100)


def without(event: dict[str, Any], outer: str, name: str) -> dict[str, Any]:
    if isinstance(event.get(outer), dict):
        event[outer].pop(name, None)
    return event


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda e: without(e, "properties", "path"), "expect_column_values_to_not_be_null(page_path)"),
        (lambda e: without(e, "properties", "product_id"), "expect_column_values_to_not_be_null(product_id)"),
        (lambda e: without(e, "properties", "order_id"), "expect_column_values_to_not_be_null(order_id)"),
        (lambda e: without(e, "properties", "revenue"), "expect_column_values_to_not_be_null(revenue)"),
        (lambda e: e | {"userId": None}, "expect_column_values_to_not_be_null(user_id)"),
        (lambda e: e | {"anonymousId": None, "userId": "7"}, "expect_column_proportion_of_non_null_values_to_be_between(anonymous_id)"),
        (lambda e: e | {"event": None}, "rows(track_has_an_event)"),
        (lambda e: e | {"type": "click"}, "expect_column_values_to_be_in_set(type)"),
        (lambda e: e | {"messageId": None}, "key(message_id)"),
    ],
)
def test_a_property_that_is_gone_refuses_the_load_by_name(
    pipeline: Pipeline, web: Folder, spoil: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    web.put_events("1", (spoil(web_event(number)) for number in range(400)))
    outcome = pipeline.load("web.events")
    assert outcome.state == "rejected" and reason in refused_for(outcome)
    assert pipeline.raw("web.events") == [(0,)]


def test_calls_that_break_the_specification_are_set_aside(pipeline: Pipeline, web: Folder) -> None:
    events = [web_event(number) for number in range(100)]
    events[1] |= {"event": " "}
    events[2] |= {"anonymousId": None, "userId": None}
    events[3] |= {"timestamp": "2027-11-01T08:00:00Z"}
    events[4] |= {"messageId": "x" * 101}
    events[5] |= {"type": "click"}
    web.put_events("1", events)
    outcome = pipeline.load("web.events")
    assert (outcome.state, outcome.counts.quarantined, outcome.counts.published) == ("published", 5, 95)


def test_broken_lines_are_set_aside_with_their_reason(pipeline: Pipeline, web: Folder) -> None:
    web.put_events("1", [web_event(0), "no object", web_event(1)])
    outcome = pipeline.load("web.events")
    assert (outcome.counts.extracted, outcome.counts.published, outcome.counts.quarantined) == (3, 2, 1)


def test_a_cut_file_waits_then_gives_what_it_holds_and_is_healed_by_the_whole_one(pipeline: Pipeline, web: Folder) -> None:
    path = web.put_events("1", (web_event(number) | {"noise": os.urandom(30).hex()} for number in range(400)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert pipeline.load("web.events").state == "nothing_new"  # fresh: it may be on its way
    then = path.stat().st_mtime - (SETTLED_AFTER + timedelta(minutes=1)).total_seconds()
    os.utime(path, (then, then))
    outcome = pipeline.load("web.events")
    assert outcome.state == "published" and 0 < outcome.counts.published < 400 and outcome.counts.quarantined == 1
    path.write_bytes(whole)
    outcome = pipeline.load("web.events")
    assert outcome.counts.extracted == 400 and pipeline.raw("web.events") == [(400,)]


def _odd_events() -> list[dict[str, Any]]:
    events = [web_event(number) for number in range(300)]
    events[3] |= {"timestamp": "2024-02-29T10:00:00Z"}  # is there, though not every year has it
    events[5] |= {"timestamp": "2026-02-30T10:00:00Z"}
    events[7] |= {"properties": {"path": "/", "product_id": "no number"}}
    events[9] |= {"receivedAt": None}
    events[11] |= {"name": "tab\there, a \\ and\na line"}
    events += [web_event(20) | {"event": "once more"}, web_event(20) | {"event": "and again"}]
    return events


def _state(warehouse: Any) -> list[list[tuple[Any, ...]]]:
    figures = "extracted, published, inserted, unchanged, superseded, stale, quarantined"
    return [
        warehouse.fetch("select (to_jsonb(r) - '{_load_id,_first_seen_at,_published_at}'::text[])::text from raw.web__events r order by 1"),
        warehouse.fetch("select record_key, payload, reasons from quarantine.row order by record_key"),
        warehouse.fetch(f"select {figures} from ops.load order by load_id"),
        warehouse.fetch("select count(*) from landing.web__events"),
    ]


def test_typed_and_text_rows_of_one_load_end_as_if_all_were_text(
    pipeline: Pipeline, web: Folder, pg_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.put_events("1", _odd_events())
    assert pipeline.load("web.events").counts.quarantined == 3
    work = pipeline.warehouse.fetch("select work ->> 'form', work ->> 'as_text' from ops.load")
    assert work == [("mixed", "3")]  # 29 February, 30 February, no number; a null is as good as any
    mixed = _state(pipeline.warehouse)
    with pg_server.database(template="c360_template", prefix="text") as other:
        monkeypatch.setenv("C360_CONN_WAREHOUSE", other.uri)
        monkeypatch.setattr(landing, "land", partial(landing.land, as_text=True))
        Pipeline(other).load("web.events")
        assert other.fetch("select work ->> 'form' from ops.load") == [("text",)]
        assert _state(other) == mixed


def test_what_postgresql_cannot_store_sends_the_load_back_to_text(pipeline: Pipeline, web: Folder) -> None:
    """An undeclared number beyond jsonb's range: its row is set aside, the others are published."""
    lines = "".join(json.dumps(web_event(number)) + "\n" for number in range(100))
    worst = json.dumps(web_event(100) | {"reading": 1})[:-2] + "1e400000}\n"
    web.put("events/1.jsonl.gz", gzip.compress((lines + worst).encode()))
    outcome = pipeline.load("web.events")
    assert (outcome.counts.published, outcome.counts.quarantined) == (100, 1)
    assert pipeline.warehouse.fetch("select work ->> 'form' from ops.load") == [("text",)]


@pytest.mark.parametrize("step", ["landing", "landed", "converted", "diffed", "gated", "merged"])
def test_a_load_of_typed_and_text_rows_is_taken_up_again(pipeline: Pipeline, web: Folder, step: str) -> None:
    web.put_events("1", _odd_events())
    assert forked(lambda: pipeline.load("web.events"), {"C360_KILL_AT": step}) == -9
    outcome = pipeline.load("web.events")
    assert (outcome.state, outcome.counts.extracted, outcome.counts.published) == ("published", 302, 297)
    assert pipeline.warehouse.fetch("select count(*) from landing.web__events") == [(0,)]


def test_typed_rows_that_are_lost_are_read_again(pipeline: Pipeline, web: Folder) -> None:
    web.put_events("1", _odd_events())
    assert forked(lambda: pipeline.load("web.events"), {"C360_KILL_AT": "gated"}) == -9
    with pipeline.warehouse.connect() as connection:
        connection.execute("drop table landing.load_1")
    assert pipeline.load("web.events").counts.published == 297
    assert pipeline.warehouse.fetch("select count(*) from ops.load") == [(1,)]
