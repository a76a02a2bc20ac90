"""Webhooks over HTTP into a real warehouse: what was answered with 2xx is in raw after the next load, once."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi.testclient import TestClient

from customer360.errors import UserError
from customer360.pipeline import held
from customer360.pipeline.ingest import ingest_object
from customer360.service.signatures import sign
from customer360.service.webhooks import application
from tests.integration.load.conftest import assert_adds_up
from tests.integration.streams.conftest import HEAD, write_checkout
from tests.killing import forked

pytestmark = pytest.mark.integration

SECRET, OLD = "a-secret-of-some-length", "the-secret-before-it"
NOW = 1_800_000_000.0
CONTRACT = (
    HEAD.format(system="partner")
    + """
servers:
  - server: partner
    type: custom
    customProperties:
      - {property: protocol, value: webhook}
      - {property: signature, value: {form: timestamped, header: Partner-Signature, tolerance: 5m}}
      - {property: delivery, value: {field: event}}
      - {property: max_bytes, value: 2000}
schema:
  - name: signups
    logicalType: object
    description: Sign-ups at the partner.
    dataGranularityDescription: one row per person who signed up
    customProperties:
      - {property: extract, value: {cursor: changed_at, deletes: {flag: is_gone}}}
    properties:
      - {name: person, physicalName: data.person, logicalType: string, primaryKey: true, required: true, unique: true, classification: internal}
      - {name: age, physicalName: data.age, logicalType: integer, classification: internal}
      - {name: is_gone, physicalName: data.gone, logicalType: boolean, classification: internal}
      - {name: changed_at, physicalName: at, logicalType: timestamp, required: true, classification: internal}
"""
)
SUITE = {
    "name": "partner.signups",
    "meta": {"max_failed_rows": 1, "max_failed_share": 0.01},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "age", "min_value": 0, "max_value": 150},
            "severity": "critical",
            "meta": {"level": "row", "reason": "Nobody is older."},
        }
    ],
}
RAW = "select person, age, _is_deleted from raw.partner__signups order by 1"


def event(name: str, person: str, age: int | None = 1, *, minute: int = 0, **data: Any) -> bytes:
    moment = f"2026-01-01T00:{minute // 60:02}:{minute % 60:02}Z"
    return json.dumps({"event": name, "at": moment, "data": {"person": person, "age": age, **data}}).encode()


def signed(body: bytes, *, secret: str = SECRET, now: float = NOW) -> dict[str, str]:
    moment = int(now)
    return {"Partner-Signature": f"t={moment},v1={sign(secret, f'{moment}.'.encode() + body).hex()}"}


@pytest.fixture
def partner(tmp_path: Path, warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    write_checkout(tmp_path / "repo", {"partner": CONTRACT}, {"partner/signups": SUITE})
    monkeypatch.setenv("C360_REPO", str(tmp_path / "repo"))
    monkeypatch.setenv("C360_CONN_PARTNER", f"webhook://:{SECRET}@receiver?previous={OLD}")
    return warehouse


@pytest.fixture
def client(partner: Any) -> Iterator[TestClient]:
    with TestClient(application(now=lambda: NOW)) as made:
        yield made


def post(client: TestClient, body: bytes, **options: Any) -> httpx.Response:
    return client.post("/webhooks/partner/signups", content=body, headers=signed(body, **options))


def load() -> Any:
    outcome = ingest_object("partner", "signups")
    if outcome.state in ("published", "nothing_new"):
        assert_adds_up(outcome.counts)
    return outcome


def test_deliveries_wait_in_landing_and_are_loaded_once(client: TestClient, partner: Any) -> None:
    assert load().state == "nothing_new"
    with partner.connect() as listener:
        listener.execute("listen c360_landing")
        assert post(client, event("e1", "ada", 30, extra="kept")).json() == {"status": "received"}
        notices = list(listener.notifies(timeout=5, stop_after=1))
        assert [notice.payload for notice in notices] == ["partner.signups"]
    assert post(client, event("e1", "ada", 30, extra="kept")).json() == {"status": "known"}
    assert post(client, event("e2", "bob", 40), secret=OLD).json() == {"status": "received"}
    both = b"[" + event("x", "cyd", 5) + b"," + event("y", "dan", 6) + b"]"
    assert [post(client, both).json()["status"] for _ in range(2)] == ["received", "known"], "by its content"
    outcome = load()
    assert (outcome.counts.extracted, outcome.counts.inserted) == (4, 4)
    assert partner.fetch("select _extra from raw.partner__signups where person = 'ada'") == [({"data": {"extra": "kept"}, "event": "e1"},)]
    # late and deleted
    post(client, event("e3", "ada", 31, minute=5))
    post(client, event("e4", "bob", None, minute=5, gone=True))
    assert load().counts.updated == 1
    post(client, event("e5", "ada", 29, minute=4))
    assert load().counts.stale == 1
    assert partner.fetch(RAW) == [("ada", 31, False), ("bob", None, True), ("cyd", 5, False), ("dan", 6, False)]
    with pytest.raises(UserError, match="cannot be read again"):
        ingest_object("partner", "signups", full_refresh=True)


def test_what_is_refused_says_why_and_leaves_nothing(client: TestClient, partner: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = event("secret-event", "nobody-must-see-me")
    refused = [
        client.post("/webhooks/partner/signups", content=body),
        post(client, body, secret="some-other-secret-than-ours"),
        post(client, body, now=NOW - 301),
        client.post("/webhooks/partner/others", content=body, headers=signed(body)),
        post(client, event("large", "x" * 2000)),
        client.post("/webhooks/partner/signups", content=iter([b"x" * 1500, b"y" * 1500])),
    ]
    assert [response.status_code for response in refused] == [401, 401, 401, 404, 413, 413]
    assert all(response.json()["error"] for response in refused)
    assert "nobody-must-see-me" not in caplog.text + "".join(response.text for response in refused)
    assert partner.fetch("select count(*) from landing.partner__signups") == [(0,)]
    assert partner.fetch("select count(*) from ops.stream_message") == [(0,)]


def test_poison_goes_to_quarantine(client: TestClient, partner: Any) -> None:
    for body in (b"{not json", b"null", b'[1, {"event": "e"}]', b'{"event": "nul", "data": {"person": "a\\u0000b"}}'):
        assert post(client, body).json() == {"status": "received"}
    assert post(client, event("ok", "ada")).status_code == 200
    assert load().state == "held", "more bad rows than the suite allows"
    held.settle(held.listed()[0].load.load_id, "accept", by="Ada", why="a test")
    reasons = partner.fetch("select reasons -> 0 ->> 'reason' from quarantine.row order by quarantine_id")
    assert [reason for (reason,) in reasons] == [*["not a JSON object"] * 3, "has no key", "holds a NUL character"]
    assert partner.fetch(RAW) == [("ada", 1, False)]


def test_deliveries_wait_behind_a_held_load(client: TestClient, partner: Any) -> None:
    for number in range(3):
        post(client, event(f"bad{number}", f"old{number}", 900))
    refused = load()
    assert refused.state == "held"
    post(client, event("good", "ada", 30))
    assert load().state == "waiting"
    held.settle(refused.load_id, "waive", by="Ada", why="a test")
    assert load().counts.inserted == 1
    assert partner.fetch(RAW) == [("ada", 30, False)]


def test_the_warehouse_is_down(client: TestClient, partner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered for that is not written; kept connections that broke are made anew."""
    assert post(client, event("e1", "ada")).status_code == 200
    with monkeypatch.context() as patch:
        patch.setenv("C360_CONN_WAREHOUSE", "postgresql://nobody:x@127.0.0.1:1/nothing")
        with psycopg.connect(partner.uri, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            )
        answers = [post(client, event("e2", "bob")) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert answers[0].headers["Retry-After"]
    assert post(client, event("e2", "bob")).json() == {"status": "received"}
    assert load().counts.inserted == 2


def test_a_contract_without_a_usable_secret_is_not_served(partner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("webhook://receiver", "webhook://:short@receiver", f"webhook://:{SECRET}@receiver?previous=short"):
        monkeypatch.setenv("C360_CONN_PARTNER", address)
        with pytest.raises(UserError, match="C360_CONN_PARTNER"):
            application()


# ------------------------------------------------------------------------------------------------- kills
def _serve(port: int, kill_at: str | None) -> None:
    import uvicorn

    if kill_at:
        os.environ["C360_KILL_AT"] = kill_at
    uvicorn.run(application(), host="127.0.0.1", port=port, access_log=False, log_level="critical")


class _Server:
    """The service in a process of its own, started again whenever it is dead."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: Any = None
        self.kills = 0

    def ensure(self, kill_at: str | None = None) -> None:
        if self.process is None or not self.process.is_alive():
            self.process = multiprocessing.get_context("fork").Process(target=_serve, args=(self.port, kill_at))
            self.process.start()

    def kill(self) -> None:
        if self.process is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
            self.kills += 1
        if self.process is not None:
            self.process.join()


def _send(server: _Server, body: bytes, *, next_kill: Callable[[], str | None]) -> None:
    """As a sender does: again and again, until it is told that the delivery was taken in."""
    deadline = time.monotonic() + 30
    while True:
        server.ensure(next_kill())
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{server.port}/webhooks/partner/signups",
                content=body,
                headers=signed(body, now=time.time()),
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the service does not come up"
            time.sleep(0.02)


def _fire(partner: Any, *, seed: int, deliveries: int) -> None:
    chance = random.Random(seed)
    server = _Server()
    kills = iter(["landing_done", "landed", f"landed:{chance.randint(2, 5)}", f"landing_done:{chance.randint(2, 5)}"])
    try:
        for number in range(deliveries):
            if chance.random() < 0.1:
                server.kill()
            _send(server, event(f"e{number}", f"p{number % 17}", number % 100, minute=number), next_kill=lambda: next(kills, None))
            if chance.random() < 0.08:
                forked(load, {"C360_KILL_AT": chance.choice(["landed", "converted", "gated", "merged", "published", "opened"])})
    finally:
        server.kill()
    while load().state != "nothing_new":
        pass
    expected = {f"p{number % 17}": number % 100 for number in range(deliveries)}
    assert partner.fetch(RAW) == sorted((person, age, False) for person, age in expected.items())
    assert partner.fetch("select count(*) from ops.stream_message") == [(deliveries,)]
    totals = "select sum(extracted), (select count(*) from landing.partner__signups) from ops.load where state = 'published'"
    assert partner.fetch(totals) == [(deliveries, 0)], "each delivery came through exactly one load"


def test_service_and_loads_are_killed(partner: Any) -> None:
    _fire(partner, seed=1, deliveries=60)


@pytest.mark.broad
@pytest.mark.parametrize("seed", range(10, 25))
def test_service_and_loads_are_killed_often(partner: Any, seed: int) -> None:
    _fire(partner, seed=seed, deliveries=400)
