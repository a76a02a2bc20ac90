"""Each fault of the CRM over a real connection, and that it is over when it is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.faults import registry, switch
from sandbox.faults.registry import FaultError
from tests.integration.sandbox.conftest import Running, query_all

pytestmark = pytest.mark.integration
QUERY = "/services/data/v61.0/queryAll?q=SELECT Id, LastName, Email, SystemModstamp FROM Contact ORDER BY SystemModstamp DESC"
SOQL = QUERY.partition("q=")[2]


@pytest.fixture(autouse=True)
def mended(running: Running) -> Iterator[None]:
    yield
    switch.switch_off(running.layout, "crm")


def on(running: Running, fault: str, **options: Any) -> None:
    switch.switch_on(running.layout, "crm", fault, options)


def off(running: Running) -> None:
    assert switch.switch_off(running.layout, "crm")


def test_server_error_for_every_request_or_a_share(running: Running) -> None:
    with running.crm() as client:
        on(running, "server_error", status=502)
        answer = client.get(QUERY)
        assert answer.status_code == 502
        assert answer.json()[0]["errorCode"] == "SERVER_UNAVAILABLE"
        off(running)
        on(running, "server_error", rate=0.5)
        codes = [client.get(QUERY).status_code for _ in range(6)]
        assert codes.count(503) == 3
        off(running)
        assert client.get(QUERY).status_code == 200


def test_rate_limit_says_when_to_come_back(running: Running) -> None:
    with running.crm() as client:
        on(running, "rate_limit", every=1, retry_after=7)
        answer = client.get(QUERY)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_tokens_expire_after_a_few_requests_and_new_ones_work(running: Running) -> None:
    on(running, "expired_tokens", uses=2)
    with running.crm() as client:
        assert [client.get(QUERY).status_code for _ in range(3)] == [200, 200, 401]
    with running.crm() as client:
        assert client.get(QUERY).status_code == 200


def test_connections_are_cut_in_the_middle_of_the_body(running: Running) -> None:
    on(running, "cut_connection")
    with running.crm() as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(QUERY)


def test_slow_answers(running: Running) -> None:
    with running.crm() as client:
        on(running, "slow", milliseconds=700)
        with pytest.raises(httpx.ReadTimeout):
            client.get(QUERY, timeout=0.3)


def test_duplicated_pages_end_and_double_every_record(running: Running) -> None:
    with running.crm() as client:
        plain = [r["Id"] for r in query_all(client, SOQL, size=200)]
        on(running, "duplicated_pages")
        doubled = [r["Id"] for r in query_all(client, SOQL, size=200)]
        assert len(doubled) == 2 * len(plain)
        assert set(doubled) == set(plain)


def test_a_missing_column_is_one_switch_and_its_rows_are_read_again_after(running: Running) -> None:
    with running.crm() as client:
        before = {r["Id"]: r for r in query_all(client, SOQL)}
        newest = max(r["SystemModstamp"] for r in before.values())
        on(running, "missing_column", object="contacts", field="Email", rows=30)
        broken = query_all(client, SOQL)
        assert all("Email" not in r and "LastName" in r for r in broken)
        touched = {r["Id"] for r in broken if r["SystemModstamp"] > newest}
        assert len(touched) == 30
        limit = max(r["SystemModstamp"] for r in broken)
        off(running)
        mended = query_all(client, SOQL)
        assert all(r["Email"] == before[r["Id"]]["Email"] for r in mended)
        assert {r["Id"] for r in mended if r["SystemModstamp"] > limit} == touched


def test_a_missing_column_can_be_null_or_refused(running: Running) -> None:
    with running.crm() as client:
        on(running, "missing_column", object="Contact", field="email", mode="null")
        assert all(r["Email"] is None for r in query_all(client, SOQL))
        off(running)
        on(running, "missing_column", object="contacts", field="Email", mode="refused")
        answer = client.get(QUERY)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
        assert "Email" not in [f["name"] for f in client.get("/services/data/v61.0/sobjects/Contact/describe").json()["fields"]]
        assert client.get(QUERY.replace(", Email", "")).status_code == 200


def test_renamed_and_garbage_columns_leave_other_objects_alone(running: Running) -> None:
    with running.crm() as client:
        on(running, "renamed_column", object="contacts", field="Email", to="E_Mail__c")
        assert all("E_Mail__c" in r and "Email" not in r for r in query_all(client, SOQL))
        assert all("Email" in r for r in query_all(client, "SELECT Id, Email FROM Lead"))
        off(running)
        on(running, "garbage_column", object="contacts", field="Email")
        assert not any("@" in r["Email"] for r in query_all(client, SOQL))


def test_malformed_rows_are_few_and_named_for_as_long_as_it_lasts(running: Running) -> None:
    soql = "SELECT Id, LastName, Email, Birthdate, CreatedDate, IsDeleted FROM Contact"
    with running.crm() as client:
        before = {r["Id"]: r for r in query_all(client, soql)}
        on(running, "malformed_rows", object="contacts", rows=10)
        changed = [r for r in query_all(client, soql) if r != before[r["Id"]]]
        assert len(changed) == 10
        assert {"31.02.1999", "nobody at nowhere", "yesterday", None, "maybe"} <= {
            v for r in changed for v in r.values() if not isinstance(v, dict)
        }
        off(running)
        assert {r["Id"]: r for r in query_all(client, soql)} == before


def test_a_fault_is_kept_until_it_is_switched_off(running: Running) -> None:
    on(running, "slow", milliseconds=1)
    with running.world() as world:
        assert list(registry.active(world)) == [("crm", "slow")]
    assert httpx.get(f"{running.base}/health").json()["faults"] == ["crm slow"]
    with pytest.raises(FaultError, match="is on already"):
        on(running, "slow")
    off(running)
    assert httpx.get(f"{running.base}/health").json()["faults"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [({"object": "orders", "field": "x"}, "contacts, leads, accounts"), ({"object": "leads", "field": "x"}, "fields: Id"),
     ({"object": "leads", "field": "Id"}, "choose another")],
)  # fmt: skip
def test_unknown_objects_and_fields_are_refused(running: Running, options: dict[str, str], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        on(running, "missing_column", **options)
    with running.world() as world:
        assert not registry.active(world)
