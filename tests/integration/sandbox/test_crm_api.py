"""The CRM over a real connection: Salesforce's shapes, pages, tokens and errors."""

from __future__ import annotations

import base64
import re

import httpx
import pytest

from customer360.platform import home
from sandbox.crm import store
from tests.integration.sandbox.conftest import Running, log_in, query_all

pytestmark = pytest.mark.integration
API = "/services/data/v61.0"


def test_pages_of_a_query(running: Running) -> None:
    soql = "SELECT Id, SystemModstamp, IsDeleted FROM Contact WHERE SystemModstamp >= 1970-01-01T00:00:00Z ORDER BY SystemModstamp, Id"
    with running.crm() as client:
        first = client.get(f"{API}/queryAll", params={"q": soql}, headers={"Sforce-Query-Options": "batchSize=200"})
        assert first.headers["content-type"].startswith("application/json")
        body = first.json()
        assert list(body) == ["totalSize", "done", "nextRecordsUrl", "records"]
        assert (len(body["records"]), body["done"]) == (200, False)
        assert re.fullmatch(rf"{API}/query/01g\w+-200", body["nextRecordsUrl"])
        record = body["records"][0]
        assert record["attributes"] == {"type": "Contact", "url": f"{API}/sobjects/Contact/{record['Id']}"}
        assert record["IsDeleted"] in (True, False)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", record["SystemModstamp"])
        every = query_all(client, soql, size=200)
        assert len(every) == body["totalSize"] == len({r["Id"] for r in every})
        order = [(r["SystemModstamp"], r["Id"]) for r in every]
        assert order == sorted(order)


def test_deleted_rows_come_through_query_all_alone(running: Running) -> None:
    with running.crm() as client:
        with running.world() as world:
            chosen = world.connection.execute("select Id from Contact where IsDeleted = 0 limit 1").fetchone()[0]
            assert store.update(world.connection, "Contact", chosen, {"IsDeleted": 1}, modified=1_795_000_000_000_000)
        every = query_all(client, "SELECT Id, IsDeleted FROM Contact")
        living = query_all(client, "SELECT Id, IsDeleted FROM Contact", path="query")
        deleted = {r["Id"] for r in every if r["IsDeleted"]}
        assert chosen in deleted
        assert {r["Id"] for r in every} - {r["Id"] for r in living} == deleted
        count = client.get(f"{API}/query", params={"q": "SELECT COUNT() FROM Contact"}).json()
        assert count == {"totalSize": len(living), "done": True, "records": []}


def test_since_is_inclusive_and_reads_any_offset(running: Running) -> None:
    with running.crm() as client:
        stamps = [r["SystemModstamp"] for r in query_all(client, "SELECT SystemModstamp FROM Lead ORDER BY SystemModstamp")]
        middle = stamps[len(stamps) // 2]
        utc = middle.replace("+0000", "Z")
        newer = query_all(client, f"SELECT SystemModstamp FROM Lead WHERE SystemModstamp >= {utc}")
        assert len(newer) == sum(stamp >= middle for stamp in stamps)
        assert len(query_all(client, f"SELECT Id FROM Lead WHERE SystemModstamp >= {middle}")) == len(newer)


def test_tokens_by_form_and_by_header(running: Running) -> None:
    secret = home.secret("crm_client")
    answer = log_in(running.base, "c360_platform", secret).json()
    assert {"access_token", "instance_url", "token_type", "issued_at", "id", "signature"} <= set(answer)
    assert answer["instance_url"] == running.base
    basic = base64.b64encode(f"c360_platform:{secret}".encode()).decode()
    by_header = httpx.post(
        f"{running.base}/services/oauth2/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert by_header.json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("client_id", "secret", "error"), [("c360_platform", "wrong", "invalid_client"), ("nobody", "x", "invalid_client_id")]
)
def test_wrong_credentials(running: Running, client_id: str, secret: str, error: str) -> None:
    answer = log_in(running.base, client_id, secret)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


def test_errors_are_salesforces(running: Running) -> None:
    with running.crm(token="stale") as stranger:
        refused = stranger.get(f"{API}/query", params={"q": "SELECT Id FROM Contact"})
    assert refused.status_code == 401
    assert refused.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    with running.crm() as client:
        for soql, code in (
            ("SELECT Nope FROM Contact", "INVALID_FIELD"),
            ("SELECT Id FROM Nope", "INVALID_TYPE"),
            ("nope", "MALFORMED_QUERY"),
        ):
            answer = client.get(f"{API}/query", params={"q": soql})
            assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
        lost = client.get(f"{API}/query/01g000000000009999-2000")
        assert (lost.status_code, lost.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
        assert client.get(f"{API}/sobjects/Contact/003000000000000AAA").status_code == 404


def test_describe_and_single_records(running: Running) -> None:
    with running.crm() as client:
        fields = {f["name"]: f for f in client.get(f"{API}/sobjects/Contact/describe").json()["fields"]}
        assert fields["Loyalty_Id__c"]["custom"]
        assert fields["SystemModstamp"]["type"] == "datetime"
        record = query_all(client, "SELECT Id, LastName FROM Contact LIMIT 1", path="query")[0]
        assert client.get(record["attributes"]["url"]).json()["LastName"] == record["LastName"]
