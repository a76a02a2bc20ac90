"""The REST reader against a real local HTTP server that speaks Salesforce's query API, on good and bad days."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from customer360.contracts.model import SourceContract
from customer360.extract.protocol import MissingFields, Part, ReadRequest, Reject, Row, Rows, SourceRefused, SourceUnavailable
from customer360.extract.rest import RestReader
from customer360.extract.rest_session import Patience
from tests.unit.extract.crm_server import Crm, Handler, cut, fine, status

Declared = Callable[..., SourceContract]

FIELDS = {"id": "Id", "email": "Email", "stamp": "SystemModstamp", "amount": "Amount"}
SERVER = {
    "location": "/services/data/v61.0",
    "client": {
        "auth": {"type": "oauth2_client_credentials", "access_token_url": "/services/oauth2/token"},
        "paginator": {"type": "json_link", "next_url_path": "nextRecordsUrl"},
        "data_selector": "records",
    },
}
QUERY = {
    "path": "queryAll",
    "params": {"q": "SELECT {fields} FROM {object} WHERE SystemModstamp >= {since} ORDER BY SystemModstamp, Id"},
}
IMPATIENT = Patience(attempts=3, first_pause=0.0, longest_pause=0.01, read_timeout=5.0)


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "attributes": {"type": "Contact", "url": f"/services/data/v61.0/sobjects/Contact/{number}"},
        "Id": f"003{number}",
        "Email": f"p{number}@example.com",
        "SystemModstamp": "2026-01-01T00:00:00.000+0000",
        "Amount": None,
        **fields,
    }


@pytest.fixture
def crm() -> Iterator[Crm]:
    with Crm() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.records = [record(number) for number in range(5)]
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def contract(declared: Declared) -> SourceContract:
    return declared(
        FIELDS,
        system="crm",
        name="contacts",
        source_name="Contact",
        kind="api",
        server=SERVER,
        cursor="stamp",
        logical_types={"stamp": "timestamp"},
        endpoint=QUERY,
    )


def read(contract: SourceContract, crm: Crm, since: str | None = None) -> list[Part]:
    reader = RestReader(contract, crm.uri, patience=IMPATIENT)
    try:
        return list(reader.read(ReadRequest(object=contract.objects[0], since=since)))
    finally:
        reader.close()


def rows(parts: Iterable[Part]) -> list[Row]:
    return [row for part in parts if isinstance(part, Rows) for row in part.rows]


def ids(parts: Iterable[Part]) -> list[str | None]:
    return [row[0] for row in rows(parts)]


ALL = ["0030", "0031", "0032", "0033", "0034"]


def test_pages_are_followed_and_the_query_is_the_contracts(contract: SourceContract, crm: Crm) -> None:
    parts = read(contract, crm, since="2026-11-22T10:00:00.123999Z")
    assert ids(parts) == ALL and not any(isinstance(part, MissingFields) for part in parts)
    assert rows(parts)[0] == ("0030", "p0@example.com", "2026-01-01T00:00:00.000+0000", None, None)
    assert crm.queries == [
        "SELECT Id, Email, SystemModstamp, Amount FROM Contact"
        " WHERE SystemModstamp >= 2026-11-22T10:00:00.123Z ORDER BY SystemModstamp, Id",
        "/services/data/v61.0/query/01g-2",
        "/services/data/v61.0/query/01g-4",
    ]


def test_a_first_read_asks_for_everything(contract: SourceContract, crm: Crm) -> None:
    read(contract, crm)
    assert "SystemModstamp >= 1970-01-01T00:00:00.000Z" in crm.queries[0]


def test_nothing_new_is_no_row_and_nothing_missing(contract: SourceContract, crm: Crm) -> None:
    crm.records = []
    assert read(contract, crm) == []


def test_numbers_keep_their_digits_and_the_undeclared_is_kept(contract: SourceContract, crm: Crm) -> None:
    crm.raw_page = (
        b'{"records": [{"attributes": {"type": "Contact", "url": "/x"}, "Id": "1", "Email": null, "SystemModstamp": "t",'
        b' "Amount": 12345678901234567.10, "Region": {"Code": 1.50}}]}'
    )
    assert rows(read(contract, crm)) == [("1", None, "t", "12345678901234567.10", '{"Region":{"Code":1.50}}')]


@pytest.mark.parametrize(
    "faults",
    [
        [status(503)],
        [status(500), status(502)],
        [status(429, Retry_After="0")],
        [cut],
        [fine, cut, status(503)],
        [fine, fine, status(429), cut],
    ],
)
def test_passing_trouble_costs_no_row_and_doubles_none(contract: SourceContract, crm: Crm, faults: list[Any]) -> None:
    crm.faults = faults
    assert ids(read(contract, crm)) == ALL


@pytest.mark.parametrize("fault", [status(503), cut])
def test_lasting_trouble_is_an_outage(contract: SourceContract, crm: Crm, fault: Any) -> None:
    crm.faults = [fine, *[fault] * 3]
    with pytest.raises(SourceUnavailable) as caught:
        read(contract, crm)
    assert "example.com" not in str(caught.value) and len(crm.queries) == 4


def test_an_outage_says_how_long_the_source_asked_us_to_wait(contract: SourceContract, crm: Crm) -> None:
    crm.faults = [status(429, Retry_After="120")] * 3
    with pytest.raises(SourceUnavailable, match="429") as caught:
        read(contract, crm)
    assert caught.value.retry_after == 120.0


def test_a_source_out_of_reach_is_an_outage_without_its_secret(contract: SourceContract) -> None:
    reader = RestReader(contract, "http://client-7:s3cr%2Ft@127.0.0.1:9", patience=IMPATIENT)
    with pytest.raises(SourceUnavailable, match="cannot be reached") as caught:
        list(reader.read(ReadRequest(object=contract.objects[0])))
    assert "s3cr" not in str(caught.value)


def test_a_token_that_expires_between_pages_is_renewed(contract: SourceContract, crm: Crm) -> None:
    crm.requests_per_token = 1
    assert ids(read(contract, crm)) == ALL
    assert crm.tokens == 3


@pytest.mark.parametrize("rotates", [False, True])
def test_a_refresh_token_signs_in_and_follows_the_one_that_replaces_it(contract: SourceContract, crm: Crm, rotates: bool) -> None:
    crm.requests_per_token, crm.rotates = 1, rotates
    reader = RestReader(contract, f"{crm.uri}/?refresh_token=refresh-0", patience=IMPATIENT)
    assert ids(reader.read(ReadRequest(object=contract.objects[0]))) == ALL
    reader.close()
    assert {form["grant_type"][0] for form in crm.forms} == {"refresh_token"}
    sent = [form["refresh_token"][0] for form in crm.forms]
    assert sent == ["refresh-0", "refresh-1", "refresh-2"] if rotates else sent == ["refresh-0"] * 3


def test_a_retry_after_may_be_a_date(contract: SourceContract, crm: Crm) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    crm.faults = [status(429, Retry_After=soon)] * IMPATIENT.attempts
    with pytest.raises(SourceUnavailable) as caught:
        read(contract, crm)
    assert caught.value.retry_after is not None and 60 < caught.value.retry_after <= 90


def test_a_lost_place_is_taken_up_at_the_last_cursor_where_records_come_in_order(contract: SourceContract, crm: Crm) -> None:
    crm.records = [record(n, SystemModstamp=f"2026-01-0{n + 1}T00:00:00.000+0000") for n in range(5)]
    crm.faults = [fine, fine, status(410)]
    read(contract, crm)
    asked = [query for query in crm.queries if query.startswith("SELECT")]
    assert [query.split(">= ")[1].split(" ")[0] for query in asked] == ["1970-01-01T00:00:00.000Z", "2026-01-04T00:00:00.000Z"]


def test_refused_credentials_are_no_outage(contract: SourceContract, crm: Crm) -> None:
    reader = RestReader(contract, crm.uri.replace("s3cr", "wrong"), patience=IMPATIENT)
    with pytest.raises(SourceRefused, match="credentials") as caught:
        list(reader.read(ReadRequest(object=contract.objects[0])))
    assert "wrong" not in str(caught.value)
    crm.requests_per_token = 0  # every token is refused at once
    with pytest.raises(SourceRefused, match="401"):
        read(contract, crm)
    assert crm.tokens == 2


def test_a_token_endpoint_that_is_down_is_an_outage(contract: SourceContract, crm: Crm) -> None:
    crm.token_status = 503
    with pytest.raises(SourceUnavailable, match="503"):
        read(contract, crm)


def test_a_column_the_api_does_not_know_is_reported_and_the_rest_still_read(contract: SourceContract, crm: Crm) -> None:
    crm.columns -= {"Email", "Amount"}
    parts = read(contract, crm)
    assert parts[-1] == MissingFields(fields=frozenset({"email", "amount"}), place="queryAll")
    assert ids(parts) == ALL
    assert crm.queries[2].startswith("SELECT Id, SystemModstamp FROM")


def test_a_missing_cursor_ends_the_read_with_its_name(contract: SourceContract, crm: Crm) -> None:
    crm.columns -= {"SystemModstamp"}
    assert read(contract, crm) == [MissingFields(fields=frozenset({"stamp"}), place="queryAll")]


def test_a_column_that_no_record_holds_is_missing(contract: SourceContract, crm: Crm) -> None:
    for each in crm.records:
        del each["Email"]
    del crm.records[0]["Amount"]  # one record without it proves nothing
    assert read(contract, crm)[-1] == MissingFields(fields=frozenset({"email"}), place="queryAll")


def test_where_the_request_names_no_field_an_absent_one_is_null(declared: Declared, crm: Crm) -> None:
    contract = declared(FIELDS, kind="api", server=SERVER, endpoint={"path": "query/all-0"})
    for each in crm.records:
        del each["Email"]
    parts = read(contract, crm)
    assert ids(parts) == ALL and not any(isinstance(part, MissingFields) for part in parts)


def test_another_refusal_names_its_code_but_not_what_was_said(contract: SourceContract, crm: Crm) -> None:
    crm.faults = [status(400)]
    with pytest.raises(SourceRefused, match="TROUBLE") as caught:
        read(contract, crm)
    assert "ann@example.com" not in str(caught.value)


def test_a_lost_place_while_paging_begins_again(contract: SourceContract, crm: Crm) -> None:
    def lost(handler: Handler) -> bool:
        handler.answer(400, [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}])
        return True

    crm.faults = [fine, fine, lost]
    assert [*dict.fromkeys(ids(read(contract, crm)))] == ALL  # what came before comes again; the diff sees to that
    crm.faults = [fine, lost] * 5
    with pytest.raises(SourceRefused, match="INVALID_QUERY_LOCATOR"):
        read(contract, crm)


def test_a_page_that_is_no_json_is_an_outage(contract: SourceContract, crm: Crm) -> None:
    crm.raw_page = b"<html>maintenance</html>"
    with pytest.raises(SourceUnavailable, match="no JSON"):
        read(contract, crm)


def test_records_that_cannot_be_stored_cost_themselves(contract: SourceContract, crm: Crm) -> None:
    crm.raw_page = b'{"records": [{"Id": "1", "Email": "a\\u0000"}, "text", {"Id": "2", "X": ["\\ud800"]}, {"Id": "3"}]}'
    parts = read(contract, crm)
    assert ids(parts) == ["3"]
    assert [(reject.reason, reject.place) for reject in parts if isinstance(reject, Reject)] == [
        ("holds a NUL character", "queryAll record 1"),
        ("not a JSON object", "queryAll record 2"),
        ("holds half a character", "queryAll record 3"),
    ]


def test_a_page_served_twice_is_read_on_and_a_circle_ends(contract: SourceContract, crm: Crm) -> None:
    crm.raw_page = json.dumps({"records": [record(1)], "nextRecordsUrl": "/services/data/v61.0/query/01g-2"}).encode()
    with pytest.raises(SourceUnavailable, match="circle"):
        read(contract, crm)


def test_the_token_goes_to_no_other_host(contract: SourceContract, crm: Crm) -> None:
    crm.next_host = "http://localhost:9"
    with pytest.raises(SourceRefused, match="another host"):
        read(contract, crm)


def test_keys_are_listed_without_the_deleted(declared: Declared, crm: Crm) -> None:
    contract = declared(FIELDS | {"gone": "IsDeleted"}, kind="api", server=SERVER, cursor="stamp", source_name="Contact", endpoint=QUERY)
    obj = contract.objects[0]
    obj = dataclasses.replace(obj, extract=dataclasses.replace(obj.extract, deletes=dataclasses.replace(obj.extract.deletes, flag="gone")))
    crm.columns.add("IsDeleted")
    crm.records = [record(number, IsDeleted=number == 1) for number in range(3)]
    reader = RestReader(contract, crm.uri, patience=IMPATIENT)
    assert [key for keys in reader.read_keys(obj) for key in keys] == [("0030",), ("0032",)]
    assert crm.queries[0].startswith("SELECT Id, IsDeleted FROM Contact WHERE SystemModstamp >= 1970")


def test_nothing_secret_or_personal_is_logged(contract: SourceContract, crm: Crm, caplog: pytest.LogCaptureFixture) -> None:
    crm.faults = [status(503)]
    crm.requests_per_token = 2
    with caplog.at_level(logging.DEBUG):
        read(contract, crm)
    for secret in ("s3cr", "token-1", "example.com"):
        assert secret not in caplog.text


@pytest.mark.parametrize("uri", ["ftp://a:hunter2@host", "hunter2", "http://a:hunter2@host:x"])
def test_a_wrong_connection_is_refused_without_its_secret(contract: SourceContract, uri: str) -> None:
    with pytest.raises(SourceRefused, match="https://client_id") as caught:
        RestReader(contract, uri)
    assert "hunter2" not in str(caught.value)


def test_a_connection_without_credentials_is_refused(contract: SourceContract) -> None:
    with pytest.raises(SourceRefused, match="no credentials"):
        RestReader(contract, "http://127.0.0.1:9")
