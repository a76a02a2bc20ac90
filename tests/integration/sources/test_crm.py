"""CRM → raw by the real contract and suites: good records pass, a broken column is refused by name, and mending it is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.load.reconciliation import Counted
from customer360.pipeline.reconcile import reconcile
from tests.integration.sources.conftest import Pipeline, refused_for
from tests.integration.sources.records import account, contact, lead, moment
from tests.unit.extract.crm_server import Crm

pytestmark = pytest.mark.integration


def serve(crm: Crm, obj: str, records: list[dict[str, Any]]) -> None:
    crm.columns = {field.source_name for field in load_contracts()["crm"].object(obj).fields}
    crm.records = records


@pytest.mark.parametrize(("obj", "make"), [("contacts", contact), ("leads", lead), ("accounts", account)])
def test_good_records_of_many_countries_pass_every_expectation(
    pipeline: Pipeline, crm: Crm, obj: str, make: Callable[[int], dict[str, Any]]
) -> None:
    serve(crm, obj, [make(number) for number in range(400)])
    outcome = pipeline.load(f"crm.{obj}")
    assert (outcome.state, outcome.counts.published) == ("published", 400)
    assert pipeline.complaints() == [] and pipeline.quarantine() == []
    evaluated = pipeline.warehouse.fetch("select count(*) from ops.gate_result where severity = 'critical'")[0][0]
    assert evaluated >= 6  # the suite was there
    assert pipeline.raw(f"crm.{obj}") == [(396,)]  # every hundredth came flagged as deleted
    assert pipeline.load(f"crm.{obj}").state == "nothing_new"


def refused_column(crm: Crm) -> None:
    crm.columns.remove("Email")


def absent_column(crm: Crm) -> None:
    for record in crm.records:
        del record["Email"]


def null_column(crm: Crm) -> None:
    for record in crm.records:
        record["Email"] = None


def garbage_column(crm: Crm) -> None:
    for number, record in enumerate(crm.records):
        record["Email"] = ("###", "NULL", "#REF!", "undefined", "????", "[object Object]")[number % 6]


def one_value(crm: Crm) -> None:
    for record in crm.records:
        record["Email"] = "info@example.com"


BROKEN = [
    (refused_column, "column_present(email)"),
    (absent_column, "column_present(email)"),
    (null_column, "expect_column_proportion_of_non_null_values_to_be_between(email)"),
    (garbage_column, "expect_column_values_to_match_regex(email)"),
    (one_value, "expect_column_unique_value_count_to_be_between(email)"),
]


@pytest.mark.parametrize(("breaks", "reason"), BROKEN)
def test_a_broken_column_is_refused_by_name_and_mending_it_is_enough(
    pipeline: Pipeline, crm: Crm, breaks: Callable[[Crm], None], reason: str
) -> None:
    serve(crm, "contacts", [contact(number) for number in range(300)])
    assert pipeline.load("crm.contacts").state == "published"
    before = pipeline.raw("crm.contacts", "id, email, _load_id")

    def changed() -> list[dict[str, Any]]:
        return [contact(number) | {"SystemModstamp": moment(1_000 + number)} for number in range(250)]

    serve(crm, "contacts", changed())
    breaks(crm)
    outcome = pipeline.load("crm.contacts")
    assert outcome.state == "rejected" and reason in refused_for(outcome)
    assert pipeline.raw("crm.contacts", "id, email, _load_id") == before
    ((kind, subject, details),) = pipeline.incidents()
    assert (kind, subject) == ("load_refused", "crm.contacts")
    assert reason in [failure["expectation"] for failure in details["failures"]]
    assert "@" not in str(details["failures"])  # no value

    serve(crm, "contacts", changed())
    outcome = pipeline.load("crm.contacts")
    assert (outcome.state, outcome.counts.updated) == ("published", 250)
    assert pipeline.incidents() == []


def test_a_few_bad_rows_are_set_aside_and_the_rest_is_published(pipeline: Pipeline, crm: Crm) -> None:
    records = [contact(number) for number in range(100)]
    spoiled: list[dict[str, Any]] = [
        {"Birthdate": "31.02.1999"},
        {"LastName": None},
        {"IsDeleted": "maybe"},
        {"CreatedDate": "yesterday"},
        {"HasOptedOutOfEmail": None},
        {"AccountId": "003not-an-account"},
    ]
    for record, spoil in zip(records, spoiled, strict=False):
        record |= spoil
    serve(crm, "contacts", records)
    outcome = pipeline.load("crm.contacts")
    assert (outcome.state, outcome.counts.quarantined, outcome.counts.published) == ("published", 6, 94)
    reasons = [reason for _, reason in pipeline.quarantine()]
    assert "expect_column_values_to_not_be_null(last_name)" in reasons
    assert "expect_column_values_to_not_be_null(has_opted_out_of_email)" in reasons
    assert "expect_column_values_to_match_regex(account_id)" in reasons


def test_mistyped_addresses_cost_nobody_their_record(pipeline: Pipeline, crm: Crm) -> None:
    records = [contact(number) for number in range(200)]
    for number in range(0, 200, 20):
        records[number]["Email"] = "n/a"
    serve(crm, "contacts", records)
    outcome = pipeline.load("crm.contacts")
    assert (outcome.state, outcome.counts.published) == ("published", 200)


def test_records_of_another_object_are_refused(pipeline: Pipeline, crm: Crm) -> None:
    serve(crm, "accounts", [account(number) | {"Id": lead(number)["Id"]} for number in range(100)])
    outcome = pipeline.load("crm.accounts")
    assert outcome.state == "rejected" and "expect_column_values_to_match_regex(id)" in refused_for(outcome)


def test_its_count_is_held_beside_raw(pipeline: Pipeline, crm: Crm) -> None:
    """What changed after the last load is on its way; what raw lost is missing; an answer without a number is no count."""
    serve(crm, "contacts", [contact(number) for number in range(200)])
    assert pipeline.load("crm.contacts").state == "published"
    (found,) = reconcile("crm", "contacts")
    assert (found.state, found.counted) == ("agrees", Counted(source_rows=198, in_flight=0, raw_rows=198, set_aside=0))
    crm.records.append(contact(1_000) | {"SystemModstamp": moment(10_000)})
    (found,) = reconcile("crm", "contacts")
    assert (found.state, found.counted) == ("agrees", Counted(source_rows=199, in_flight=1, raw_rows=198, set_aside=0))
    with pipeline.warehouse.connect() as connection:
        connection.execute("delete from raw.crm__contacts where id = (select min(id) from raw.crm__contacts where not _is_deleted)")
    (found,) = reconcile("crm", "contacts")
    assert found.state == "differs" and found.counted is not None and found.counted.missing == 1
    crm.faults = [lambda handler: handler.answer(200, {"size": 3}) is None]
    (found,) = reconcile("crm", "contacts")
    assert found.state == "source_down" and "no whole number at totalSize" in str(found.why)
