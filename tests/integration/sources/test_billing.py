"""Billing → raw by the real contract over HTTP: listed once, followed by events, on good and bad days."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from customer360.contracts.reader import load_contracts
from customer360.extract.protocol import ReadRequest, Rows
from customer360.extract.rest import RestReader
from customer360.identity.records.extraction import extract
from customer360.identity.records.sources import record_sources
from customer360.pipeline.load_run import SourceDown
from customer360.pipeline.reconcile import reconcile
from tests.integration.sources.conftest import Pipeline, refused_for
from tests.integration.sources.services import START, Services, charge, customer

pytestmark = pytest.mark.integration


def test_listed_once_then_followed_by_events(pipeline: Pipeline, services: Services) -> None:
    services.add("billing.customers", map(customer, range(250)))
    outcome = pipeline.load("billing.customers")
    assert outcome.counts.published == 250
    assert len([r for r in services.requests if r.startswith("/v1/customers")]) == 3, "a hundred a page"
    assert pipeline.complaints() == [] and pipeline.quarantine() == []
    services.requests.clear()
    later = int(time.time()) + 5
    services.tell("customer.updated", customer(7, name="Zoë Older"), later)
    services.tell("customer.updated", customer(7, name="Zoë Newer"), later)  # in the same second
    services.tell("customer.deleted", customer(8), later)
    services.tell("customer.created", customer(900, metadata={}), later)
    services.tell("charge.succeeded", charge(1), later)  # another object's
    outcome = pipeline.load("billing.customers")
    assert all(r.startswith("/v1/events") for r in services.requests), "what changed, and no list"
    assert (outcome.counts.extracted, outcome.counts.published, outcome.counts.superseded) == (4, 3, 1)
    assert pipeline.raw("billing.customers") == [(250,)]  # one more, one less
    assert pipeline.warehouse.fetch(
        "select name, _is_deleted from raw.billing__customers where id in ('cus_000007', 'cus_000008') order by id"
    ) == [
        ("Zoë Newer", False),
        ("José Müller-8", True),
    ]
    assert pipeline.load("billing.customers").state == "nothing_new"


def test_an_event_told_late_is_not_older_than_the_list_that_did_not_show_it(pipeline: Pipeline, services: Services) -> None:
    services.add("billing.customers", map(customer, range(20)))
    earlier = int(time.time()) - 300
    services.tell("customer.updated", customer(5, name="Passed through"), earlier - 60)  # the list shows what came of it
    services.tell("customer.updated", customer(5), earlier)
    assert pipeline.load("billing.customers").counts.published == 20
    services.tell("customer.deleted", customer(1), earlier)  # it happened before the list was given out, and is told after it
    services.tell("customer.updated", customer(2, name="Told Late"), earlier)
    outcome = pipeline.load("billing.customers")
    assert (outcome.counts.published, outcome.counts.stale) == (3, 0)
    assert pipeline.warehouse.fetch(
        "select id, name, _is_deleted from raw.billing__customers where id in ('cus_000001', 'cus_000002', 'cus_000005') order by id"
    ) == [
        ("cus_000001", "José Müller-1", True),
        ("cus_000002", "Told Late", False),
        ("cus_000005", "José Müller-5", False),
    ]
    services.change("billing.customers", {**customer(1), "deleted": True})  # as the API's list has had it since
    (found,) = reconcile("billing", "customers")
    assert found.state == "agrees", found


def test_what_was_listed_may_be_as_old_as_its_record(pipeline: Pipeline, services: Services) -> None:
    """Else whatever is listed without a date would be newer than all that other systems know."""
    (source,) = [one for one in record_sources(load_contracts().values()) if one.name == "billing.customers"]

    def observed() -> dict[str, datetime]:
        with pipeline.warehouse.connect() as connection, connection.transaction():
            (record,) = [one for one in extract(connection, source, only_pending=False) if one.record_id.endswith("cus_000002")]
            return {one.attribute: datetime.fromisoformat(one.observed_since) for one in record.content.attributes}

    services.add("billing.customers", map(customer, range(5)))
    pipeline.load("billing.customers")
    made = datetime.fromtimestamp(START + 2, tz=UTC)
    assert set(observed().values()) == {made}
    later = int(time.time()) + 5
    services.tell("customer.updated", customer(2, email="new@example.es"), later)
    pipeline.load("billing.customers")
    found = observed()
    assert found.pop("email") == datetime.fromtimestamp(later, tz=UTC)
    assert set(found.values()) == {made}, "it told of the address alone"


def test_amounts_and_moments_arrive_typed(pipeline: Pipeline, services: Services) -> None:
    services.add("billing.charges", map(charge, range(30)))
    pipeline.load("billing.charges")
    ((amount, created, method),) = pipeline.warehouse.fetch(
        "select amount, created_at, method from raw.billing__charges where id = 'ch_000003'"
    )
    assert (amount, method) == (2002, "card")
    assert created == datetime(2025, 10, 9, 8, 53, 23, tzinfo=UTC)


def test_events_that_no_longer_reach_back_make_it_list_again(services: Services) -> None:
    services.add("billing.customers", map(customer, range(5)))
    contract = load_contracts()["billing"]
    now = datetime.now(UTC)
    for age, path in ((timedelta(days=28), "/v1/events"), (timedelta(days=30), "/v1/customers")):
        services.requests.clear()
        reader = RestReader(contract, services.billing_uri, clock=lambda: now)
        parts = list(reader.read(ReadRequest(object=contract.object("customers"), since=(now - age).isoformat())))
        reader.close()
        assert services.requests[0].startswith(path)
        assert sum(len(part.rows) for part in parts if isinstance(part, Rows)) == (5 if path == "/v1/customers" else 0)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("server_error", {"rate": 0.4}),
        ("rate_limit", {"every": 3, "retry_after": 0}),
        ("cut_connection", {"rate": 0.4}),
    ],
)
def test_passing_trouble_costs_no_row_and_doubles_none(
    pipeline: Pipeline, services: Services, fault: str, options: dict[str, float]
) -> None:
    services.add("billing.charges", map(charge, range(320)))
    services.fault("billing", fault, **options)
    outcome = pipeline.load("billing.charges")
    assert (outcome.counts.extracted, outcome.counts.published) == (320, 320)
    assert len(services.requests) > 4, "some requests were made again"


@pytest.mark.parametrize(
    ("fault", "options", "reason"),
    [
        ("renamed_column", {"object": "charges", "field": "amount"}, "expect_column_values_to_not_be_null(amount)"),
        ("missing_column", {"object": "charges", "field": "currency"}, "expect_column_values_to_not_be_null(currency)"),
        ("garbage_column", {"object": "charges", "field": "status"}, "expect_column_values_to_be_in_set(status)"),
    ],
)
def test_a_broken_field_is_refused_and_raw_stays(
    pipeline: Pipeline, services: Services, fault: str, options: dict[str, str], reason: str
) -> None:
    services.add("billing.charges", map(charge, range(100)))
    services.fault("billing", fault, **options)
    outcome = pipeline.load("billing.charges")
    assert outcome.state == "rejected" and reason in refused_for(outcome)
    assert pipeline.raw("billing.charges") == [(0,)]
    services.mend()
    assert pipeline.load("billing.charges").counts.published == 100


def test_bad_rows_are_set_aside(pipeline: Pipeline, services: Services) -> None:
    services.add("billing.charges", (charge(number, amount=-1 if number % 50 == 0 else 5) for number in range(200)))
    outcome = pipeline.load("billing.charges")
    assert (outcome.counts.published, outcome.counts.quarantined) == (196, 4)


def test_a_refused_key_is_an_incident_that_does_not_name_it(
    pipeline: Pipeline, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C360_CONN_BILLING", services.billing_uri.replace("sk_hunter2", "sk_wrong"))
    with pytest.raises(SourceDown, match="credentials") as caught:
        pipeline.load("billing.charges")
    assert "sk_wrong" not in str(caught.value)
    ((kind, subject, details),) = pipeline.incidents()
    assert (kind, subject) == ("source_down", "billing.charges") and "sk_wrong" not in str(details)
