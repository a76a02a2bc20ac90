"""Message buses, over real brokers: every message is in raw once, whatever is killed on the way."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from customer360.errors import UserError
from customer360.load.killpoints import STEPS
from customer360.pipeline import streams
from customer360.pipeline.ingest import SourceDown, ingest_object
from tests.integration.bus import brokers, sasl, tls
from tests.integration.load.conftest import assert_adds_up, snapshot
from tests.integration.streams.conftest import HEAD, write_checkout
from tests.killing import forked

pytestmark = pytest.mark.integration

OBJECT = """
schema:
  - name: levels
    physicalName: "@TOPIC@"
    logicalType: object
    description: Stock levels.
    dataGranularityDescription: one row per article
    customProperties:
      - {property: extract, value: {}}
    properties:
      - {name: article, logicalType: string, primaryKey: true, required: true, unique: true, classification: internal}
      - {name: level, logicalType: integer, classification: internal}
      - {name: trace, physicalName: _headers.trace, logicalType: string, classification: internal}
"""
SERVERS = {
    "kafka": "servers: [{server: stock, type: kafka}]",
    "amqp": "servers: [{server: stock, type: custom, customProperties: [{property: protocol, value: amqp}]}]",
}
SUITE = {
    "name": "stock.levels",
    "meta": {"max_failed_rows": 5, "max_failed_share": 0.05},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "level", "min_value": 0},
            "severity": "critical",
            "meta": {"level": "row", "reason": "There is no less than nothing."},
        }
    ],
}
RAW = "select article, level, _is_deleted from raw.stock__levels order by 1"


def level(article: str, number: int, **more: Any) -> bytes:
    return json.dumps({"article": article, "level": number, **more}).encode()


def load(**options: Any) -> Any:
    outcome = ingest_object("stock", "levels", **{"sleep": lambda _: None, **options})
    if outcome.state in ("published", "nothing_new"):
        assert_adds_up(outcome.counts)
    return outcome


@dataclass
class Topic:
    """A topic or queue of a test, by the name the contract gives it."""

    name: str
    send: Callable[..., None]
    make: Callable[[], None]


def checkout(folder: Path, patch: pytest.MonkeyPatch, *, kind: str, topic: str, uri: str) -> None:
    write_checkout(
        folder, {"stock": HEAD.format(system="stock") + SERVERS[kind] + OBJECT.replace("@TOPIC@", topic)}, {"stock/levels": SUITE}
    )
    patch.setenv("C360_REPO", str(folder))
    patch.setenv("C360_CONN_STOCK", uri)


@pytest.fixture(scope="module")
def broker() -> Iterator[brokers.KafkaBroker]:
    with brokers.kafka() as made:
        yield made


@pytest.fixture(scope="module")
def rabbit() -> Iterator[str]:
    with brokers.rabbitmq() as address:
        yield address


_names = iter(f"stock-{number}" for number in range(1, 10_000))


@pytest.fixture
def topic(broker: brokers.KafkaBroker, warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topic:
    name = next(_names)
    broker.make(name, partitions=2)
    checkout(tmp_path / "repo", monkeypatch, kind="kafka", topic=name, uri=broker.uri)
    return Topic(name, lambda *messages, **options: broker.send(name, *messages, **options), lambda: broker.make(name, partitions=2))


# ------------------------------------------------------------------------------------------------- Kafka
def test_messages_tombstones_poison_and_headers(topic: Topic, warehouse: Any) -> None:
    assert load().state == "nothing_new"
    topic.send((b"a", level("a", 1)), (b"b", level("b", 2, colour="red")), headers={"trace": "t1", "source": "x"})
    topic.send((b"c", level("c", 3)), partition=1)
    outcome = load()
    assert (outcome.counts.extracted, outcome.counts.inserted) == (3, 3)
    assert warehouse.fetch("select trace, _extra from raw.stock__levels where article = 'b'") == [
        ("t1", {"_headers": {"source": "x"}, "colour": "red"})
    ]
    topic.send(
        (b"a", level("a", 10)),
        (b"a", level("a", 11)),
        (b"b", None),
        (b"d", level("d", 4)),
        (b"d", None),
        (b"e", b"{cut"),
        (b"\xff", None),
        (b"f", b'{"article": "f\\u0000"}'),
        (b"g", level("g", -1)),
    )
    topic.send((b'{"article": "c"}', None), partition=1)
    outcome = load()
    assert outcome.state == "published"
    assert (outcome.counts.updated, outcome.counts.deleted, outcome.counts.quarantined) == (1, 2, 4)
    assert warehouse.fetch(RAW) == [("a", 11, False), ("b", 2, True), ("c", 3, True)]
    places = warehouse.fetch("select payload ->> '_place' from quarantine.row where payload ? '_raw' order by 1")
    assert len(places) == 3
    assert all(place.startswith(f"{topic.name}[0] offset ") for (place,) in places)
    assert load().state == "nothing_new"
    assert load(full_refresh=True).state == "nothing_new", "the last of each is what raw holds"
    assert warehouse.fetch("select position -> 'partitions', behind_messages, behind_seconds from ops.stream") == [
        ({"0": 11, "1": 2}, 0, 0)
    ]
    assert streams.watch() == {"measured": 1, "unreachable": 0}


def test_a_topic_made_anew_is_read_from_its_beginning(topic: Topic, broker: brokers.KafkaBroker, warehouse: Any) -> None:
    """Its offsets begin again: those that were read mean nothing, even where the new topic is longer than the old one was."""
    topic.send((b"a", level("a", 1)), (b"b", level("b", 2)))
    assert load().counts.inserted == 2
    broker.remove(topic.name)
    topic.make()
    topic.send((b"a", level("a", 1)), (b"b", level("b", 2)), (b"c", level("c", 3)), (b"d", level("d", 4)))
    outcome = load()
    assert (outcome.counts.extracted, outcome.counts.unchanged, outcome.counts.inserted) == (4, 2, 2)
    opened = "select kind, details ->> 'reason' from ops.incident where closed_at is null"
    assert warehouse.fetch(opened) == [("stream_restarted", "the topic was made anew")]
    assert load().state == "nothing_new"
    assert warehouse.fetch(opened) == []
    assert warehouse.fetch(RAW) == [("a", 1, False), ("b", 2, False), ("c", 3, False), ("d", 4, False)]


def test_a_dry_run_moves_nothing(topic: Topic, warehouse: Any) -> None:
    topic.send((b"a", level("a", 1)))
    assert load(dry_run=True).counts.extracted == 1
    assert warehouse.fetch("select count(*) from ops.stream") == [(0,)]
    assert load().counts.inserted == 1


def test_the_broker_is_down_or_lacks_the_topic(topic: Topic, warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "repo" / "contracts" / "stock.yaml"
    text = path.read_text()
    path.write_text(text.replace(topic.name, "nothing-like-it"))
    with pytest.raises(SourceDown, match="no topic nothing-like-it"):
        load()
    path.write_text(text)
    monkeypatch.setattr("customer360.extract.kafka.TIMEOUT_SECONDS", 1.0)
    with monkeypatch.context() as patch:
        patch.setenv("C360_CONN_STOCK", "kafka://127.0.0.1:1/")
        with pytest.raises(SourceDown, match="cannot be reached"):
            load()
    topic.send((b"a", level("a", 1)))
    assert load().counts.inserted == 1


def _kill_at_every_step(send: Callable[..., None], warehouse: Any, *, steps: tuple[str, ...], seed: int) -> None:
    """Loads die at each step in turn while messages come; in the end raw holds what a calm run would."""
    chance = random.Random(seed)
    expected: dict[str, int] = {}
    sent = 0
    for step in steps:
        while warehouse.fetch("select count(*) from ops.load where state in ('extracting', 'landed', 'gated')") != [(0,)]:
            load()  # finishes what was killed, so that the next one comes to its step
        batch = []
        for _ in range(chance.randint(3, 9)):
            article = f"a{chance.randint(0, 9)}"
            sent += 1
            expected[article] = sent
            batch.append((article.encode(), level(article, sent)))
        send(*batch)
        assert forked(load, {"C360_KILL_AT": step}) == -9, f"the load never came to {step}"
        if chance.random() < 0.5:
            forked(load, {}, kill_after=chance.uniform(0.02, 0.8))
    for _ in range(3):
        load()
    assert warehouse.fetch(RAW) == [(article, number, False) for article, number in sorted(expected.items())]
    assert warehouse.fetch("select sum(extracted) from ops.load where state = 'published'") == [(sent,)], "each came through one load"
    history = warehouse.fetch("select article, level from raw_history.stock__levels order by article, _replaced_by_load_id")
    for article in expected:
        versions = [number for name, number in history if name == article] + [expected[article]]
        assert versions == sorted(set(versions)), "no version came twice or after a newer one"
    assert snapshot(warehouse, "stock__levels", "article")["left over"] == []


STREAM_STEPS = tuple(step for step in STEPS if step not in ("diffing", "gated_result", "publishing", "watermark_moved", "change_logged"))


def test_loads_of_a_topic_are_killed(topic: Topic, warehouse: Any) -> None:
    _kill_at_every_step(topic.send, warehouse, steps=STREAM_STEPS, seed=7)


@pytest.mark.broad
@pytest.mark.parametrize("seed", range(20, 30))
def test_loads_of_a_topic_are_killed_often(topic: Topic, warehouse: Any, seed: int) -> None:
    steps = [random.Random(seed).choice(STREAM_STEPS) for _ in range(40)]
    _kill_at_every_step(topic.send, warehouse, steps=tuple(steps), seed=seed)


# ---------------------------------------------------------------------------------------------- RabbitMQ
@pytest.fixture
def queue(rabbit: str, warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topic:
    import pika

    name = next(_names)
    checkout(tmp_path / "repo", monkeypatch, kind="amqp", topic=name, uri=rabbit)
    numbers = iter(range(1, 1_000_000))

    def send(*messages: tuple[bytes | None, bytes | None], headers: dict[str, str] | None = None, names: bool = True) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(rabbit))
        channel = connection.channel()
        channel.confirm_delivery()
        for _, value in messages:
            message_id = f"m{next(numbers)}" if names else None
            properties = pika.BasicProperties(message_id=message_id, headers=headers, delivery_mode=2)
            channel.basic_publish("", name, value or b"", properties, mandatory=True)
        connection.close()

    def make() -> None:
        connection = pika.BlockingConnection(pika.URLParameters(rabbit))
        connection.channel().queue_declare(name, durable=True)
        connection.close()

    make()
    return Topic(name, send, make)


def test_messages_of_a_queue(queue: Topic, warehouse: Any) -> None:
    assert load().state == "nothing_new"
    queue.send((None, level("a", 1)), (None, level("a", 2)), (None, level("b", 3)), (None, b"{cut"), headers={"trace": "t1"})
    outcome = load()
    assert (outcome.counts.inserted, outcome.counts.superseded, outcome.counts.quarantined) == (2, 1, 1)
    assert warehouse.fetch("select article, level, trace from raw.stock__levels order by 1") == [("a", 2, "t1"), ("b", 3, "t1")]
    assert load().counts.extracted == 0
    queue.send((None, level("a", 1)))
    assert load().counts.updated == 1, "a new message of an old content is a new message"
    queue.send((None, level("a", 5)), names=False)
    assert forked(load, {"C360_KILL_AT": "landed"}) == -9
    queue.send((None, level("a", 6)), names=False)
    for _ in range(2):
        load()
    assert warehouse.fetch("select level from raw.stock__levels where article = 'a'") == [(6,)]
    assert warehouse.fetch("select level from raw_history.stock__levels where article = 'a' order by _replaced_by_load_id") == [
        (2,),
        (1,),
        (5,),
    ]
    with pytest.raises((SourceDown, UserError), match="cannot be read again"):
        load(full_refresh=True)


def test_loads_of_a_queue_are_killed(queue: Topic, warehouse: Any) -> None:
    _kill_at_every_step(
        queue.send, warehouse, steps=("landing", "landing_done", "landed", "acknowledged", "gated", "merged", "published"), seed=3
    )


# ------------------------------------------------------------------------------------------- TLS and SASL
def test_a_kafka_broker_behind_tls_that_knows_its_users(warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tls.certificate(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with brokers.kafka(advertised=port) as hidden:
        host, _, inner = hidden.address.partition(":")
        with tls.relay(listener, (host, int(inner)), shown, admit=partial(sasl.admit, user="reader", password="p@ss")):
            secured = {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "ssl.ca.location": str(shown.public)}
            broker = brokers.KafkaBroker(f"{host}:{port}", secured | {"sasl.username": "reader", "sasl.password": "p@ss"})
            broker.make("stock")
            broker.send("stock", (b"a", level("a", 1)))
            checkout(tmp_path / "repo", monkeypatch, kind="kafka", topic="stock", uri=f"kafka://{broker.address}/?security.protocol=ssl")
            with pytest.raises(SourceDown, match=r"certificate cannot be verified.*C360_CONN_STOCK: \?ssl\.ca\.location"):
                load()
            monkeypatch.setenv("C360_CONN_STOCK", f"kafka://reader:hunter2@{broker.address}/?{urlencode(secured)}")
            with pytest.raises(SourceDown, match=r"the broker refuses us \(.*C360_CONN_STOCK") as refused:
                load()
            assert "hunter2" not in str(refused.value)
            monkeypatch.setenv("C360_CONN_STOCK", f"kafka://reader:p%40ss@{broker.address}/?{urlencode(secured)}")
            assert load().counts.inserted == 1


def test_a_rabbitmq_behind_tls(rabbit: str, queue: Topic, warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tls.certificate(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    inner = urlsplit(rabbit)
    queue.send((None, level("a", 1)))
    with tls.relay(listener, ("127.0.0.1", inner.port or 0), shown):
        address = f"amqps://{inner.username}:{inner.password}@127.0.0.1:{listener.getsockname()[1]}/%2F"
        monkeypatch.setenv("C360_CONN_STOCK", address)
        with pytest.raises(SourceDown, match=r"certificate cannot be verified \(.*C360_CONN_STOCK: \?ssl_options"):
            load()
        monkeypatch.setenv("C360_CONN_STOCK", f"{address}?{urlencode({'ssl_options': repr({'ca_certs': str(shown.public)})})}")
        assert load().counts.inserted == 1
