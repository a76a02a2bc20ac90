"""What a source holds is counted beside what was taken in: of file sets by file, of an API that cannot count by its keys."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from customer360.load.reconciliation import Counted
from customer360.pipeline.reconcile import Reconciled, reconcile
from tests.integration.sources.conftest import Folder, Pipeline
from tests.integration.sources.records import subscriber, web_event
from tests.integration.sources.services import Services, customer

pytestmark = pytest.mark.integration


def count_of(name: str) -> Reconciled:
    system, _, obj = name.partition(".")
    (found,) = reconcile(system, obj)
    return found


def files(*, held: int, taken_in: int, in_flight: int) -> Counted:
    return Counted(unit="files", source_rows=held, raw_rows=taken_in, in_flight=in_flight, set_aside=0)


def aged(path: Path, seconds: float) -> Path:
    """The file, as if written that long ago."""
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_each_file_was_taken_in_or_is_on_its_way(pipeline: Pipeline, web: Folder) -> None:
    assert count_of("web.events").state == "never_loaded"
    for number in range(3):
        aged(web.put_events(str(number), [web_event(number)]), 3_600)
    pipeline.load("web.events")
    assert count_of("web.events") == Reconciled(subject="web.events", state="agrees", counted=files(held=3, taken_in=3, in_flight=0))
    web.put_events("3", [web_event(3)])
    (web.path / "events/0.jsonl.gz").rename(web.path / "events/renamed.jsonl.gz")
    (web.path / "events/1.jsonl.gz").unlink()  # the source need not keep what was taken in
    found = count_of("web.events")
    assert (found.state, found.counted) == ("agrees", files(held=3, taken_in=2, in_flight=1))
    pipeline.load("web.events")
    aged(web.path / "events/3.jsonl.gz", 3_600)  # opened, since its listing has changed, and known by its content
    assert count_of("web.events").counted == files(held=3, taken_in=3, in_flight=0)


def test_a_file_that_was_passed_over_is_missing(pipeline: Pipeline, web: Folder) -> None:
    for number in range(2):
        aged(web.put_events(str(number), [web_event(number)]), 3_600)
    pipeline.load("web.events")
    with pipeline.warehouse.connect() as connection:
        connection.execute("delete from ops.source_file where path = 'events/1.jsonl.gz'")
    found = count_of("web.events")
    assert found.state == "differs" and found.counted is not None
    assert (found.counted, found.counted.missing) == (files(held=2, taken_in=1, in_flight=0), 1)
    assert pipeline.warehouse.fetch("select unit, source_rows, missing from ops.reconciliation") == [("files", 2, 1)]


def test_of_snapshots_the_last_one_counts(pipeline: Pipeline, mail_tool: Folder) -> None:
    """The list of the day before holds nothing that today's does not say better."""
    for day in ("2026-11-01", "2026-11-02"):
        aged(mail_tool.put_subscribers(day, map(subscriber, range(200))), 3_600)
    assert pipeline.load("email.subscribers").state == "published"
    assert count_of("email.subscribers").counted == files(held=1, taken_in=1, in_flight=0)
    mail_tool.put_subscribers("2026-11-03", map(subscriber, range(201)))
    assert count_of("email.subscribers").counted == files(held=1, taken_in=0, in_flight=1)


def test_keys_are_listed_where_an_api_cannot_count(pipeline: Pipeline, services: Services) -> None:
    services.add("billing.customers", map(customer, range(250)))
    pipeline.load("billing.customers")
    found = count_of("billing.customers")
    assert found.state == "agrees" and found.counted is not None and (found.counted.source_rows, found.counted.raw_rows) == (250, 250)
    later = int(time.time()) + 5
    services.add("billing.customers", [customer(900)])
    services.tell("customer.created", customer(900), later)
    services.tell("customer.updated", customer(901), later)  # told of twice, and gone in the end
    services.tell("customer.deleted", customer(901), later)
    found = count_of("billing.customers")
    assert found.state == "agrees" and found.counted == Counted(source_rows=251, in_flight=1, raw_rows=250, set_aside=0, gone_in_flight=1)
    services.tell("customer.deleted", customer(7), later)
    services.change("billing.customers", {**customer(7), "deleted": True, "changed": later})
    services.tell("customer.deleted", customer(8), later)
    services.change("billing.customers", {**customer(8), "deleted": True, "changed": later})
    found = count_of("billing.customers")
    assert found.counted == Counted(source_rows=249, in_flight=1, raw_rows=250, set_aside=0, gone_in_flight=3)
    assert (found.state, found.counted.surplus) == ("agrees", 0), "they are told, and not loaded yet"
    pipeline.load("billing.customers")
    with pipeline.warehouse.connect() as connection:
        connection.execute("delete from raw.billing__customers where id in ('cus_000003', 'cus_000004')")
    found = count_of("billing.customers")
    assert found.state == "differs" and found.counted is not None and found.counted.missing >= 1
