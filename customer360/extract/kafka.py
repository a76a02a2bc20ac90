"""Kafka: a topic from the offsets that are landed to its end, partition by partition, bounded by count and time.

Partitions are assigned by hand: the offsets that landing stores decide where a read begins, and no group has to find its balance
first. What is committed to the broker under our group is for its monitoring alone.

Offsets mean something only for the topic that gave them. A topic that was made anew (its id is another one, or it ends before what
was read of it) is read from its beginning; what was known already changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from customer360.contracts.model import SourceContract, SourceObject
from customer360.extract.bus import MOST_MESSAGES, MOST_SECONDS, Message, MessageRows
from customer360.extract.protocol import Lag, Part, ReadRequest, SourceRefused, SourceUnavailable, StreamPosition

TIMEOUT_SECONDS = 15.0
SILENCE_SECONDS = 20.0
"""A broker that hands over nothing for so long, though there is more, counts as down."""

_REFUSED = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError._UNKNOWN_TOPIC,
    }
)

_NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # sixteen zero bytes, as the protocol writes them

Offsets = dict[int, int]
"""Partition → offset of the next message."""

Ends = dict[int, tuple[int, int]]
"""Partition → first offset that is kept, and the one that the next message will get."""


def settings(uri: str) -> dict[str, str]:
    """librdkafka's settings from `kafka://user:password@host:9092,host:9092/?security.protocol=SASL_SSL&sasl.mechanism=PLAIN`."""
    address = urlsplit(uri)
    credentials, _, hosts = address.netloc.rpartition("@")
    found = {"bootstrap.servers": hosts, **dict(parse_qsl(address.query))}
    if credentials:
        user, _, password = credentials.partition(":")
        found |= {"sasl.username": unquote(user), "sasl.password": unquote(password)}
    return found


class KafkaReader:
    """Reader of a `kafka` system; an object's physicalName is its topic."""

    def __init__(self, contract: SourceContract, uri: str) -> None:
        self._contract = contract
        self._settings = settings(uri)
        self._consumer: Consumer | None = None
        self._to_commit: list[TopicPartition] = []
        self._refusal: KafkaError | None = None

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """The messages from the position on."""
        obj = request.object
        try:
            consumer = self._connect(request.consumer)
            ends = self._ends(consumer, obj)
            topic_id = self._topic_id(obj)
            start, restarted = _start(request, ends, topic_id)
            yield from self._messages(consumer, obj, start, ends, restarted, topic_id)
        except KafkaException as error:
            raise self._judge(error.args[0], obj) from None

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """A topic cannot list the keys that are alive."""
        raise SourceRefused(f"{obj.full_name}: a topic cannot list its keys; take the sweep out of the contract")

    def measure(self, request: ReadRequest) -> Lag:
        """Messages beyond the position."""
        try:
            ends = self._ends(self._connect(request.consumer), request.object)
        except KafkaException as error:
            raise self._judge(error.args[0], request.object) from None
        start, _ = _start(request, ends, None)
        return Lag(behind_messages=sum(max(high - start[partition], 0) for partition, (_, high) in ends.items()))

    def acknowledge(self) -> None:
        """Tell the broker how far we are, for its monitoring."""
        if self._consumer is None or not self._to_commit:
            return
        try:
            self._consumer.commit(offsets=self._to_commit, asynchronous=False)
        except KafkaException as error:
            raise SourceUnavailable(f"{self._contract.system}: the broker took no offsets ({error.args[0].name()})") from None

    def close(self) -> None:
        """Leave the broker."""
        if self._consumer is not None:
            with suppress(KafkaException, RuntimeError):
                self._consumer.close()
            self._consumer = None

    def _connect(self, consumer: str) -> Consumer:
        if self._consumer is None:
            try:
                self._consumer = Consumer(
                    {
                        "enable.auto.commit": False,
                        "enable.partition.eof": True,
                        "fetch.wait.max.ms": 100,
                        "auto.offset.reset": "error",
                        "isolation.level": "read_committed",
                        "client.id": "customer360",
                        "error_cb": self._note,
                        "log_level": 0,  # its messages name hosts and topics on stderr; what matters is raised
                        **self._settings,
                        "group.id": f"{consumer}_{self._contract.system}",
                    }
                )
            except KafkaException as error:
                raise SourceRefused(f"{self._contract.system}: the connection's settings are not usable ({error.args[0].name()})") from None
        return self._consumer

    def _ends(self, consumer: Consumer, obj: SourceObject) -> Ends:
        """The ends of each partition, as they are now."""
        topic = self._listed(consumer, obj)
        if topic.error is not None:
            raise KafkaException(topic.error)
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(obj.source_name, partition), timeout=TIMEOUT_SECONDS, cached=False)
            for partition in sorted(topic.partitions)
        }

    def _listed(self, consumer: Consumer, obj: SourceObject) -> Any:
        """What the broker says of the topic. A refusal is not waited out: librdkafka tells of it aside and tries on."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return consumer.list_topics(obj.source_name, timeout=1.0).topics[obj.source_name]
            except KafkaException as error:
                consumer.poll(0)
                if self._refusal is not None:
                    raise KafkaException(self._refusal) from None
                if error.args[0].code() not in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT) or time.monotonic() > deadline:
                    raise

    def _note(self, error: KafkaError) -> None:
        if error.code() in _REFUSED or _is_of_the_certificate(error):
            self._refusal = error

    def _topic_id(self, obj: SourceObject) -> str | None:
        """What the broker calls this making of the topic; None where it has no word for it (before Kafka 2.8) or we may not ask."""
        client = AdminClient({"client.id": "customer360", "log_level": 0, **self._settings})
        try:
            described = client.describe_topics(TopicCollection([obj.source_name]), request_timeout=TIMEOUT_SECONDS)
            found = str(described[obj.source_name].result(TIMEOUT_SECONDS).topic_id)
        except (KafkaException, TimeoutError):
            return None
        return None if found == _NO_TOPIC_ID else found

    def _messages(
        self, consumer: Consumer, obj: SourceObject, start: Offsets, ends: Ends, restarted: str | None, topic_id: str | None
    ) -> Iterator[Part]:
        """Until each partition is read to its end, which the broker tells when there is nothing more to hand over."""
        rows = MessageRows(obj)
        reached = dict(start)
        waiting = set(start)
        consumer.assign([TopicPartition(obj.source_name, partition, offset) for partition, offset in start.items()])
        began = heard = time.monotonic()
        taken, newest = 0, None
        while waiting and taken < MOST_MESSAGES and time.monotonic() - began < MOST_SECONDS:
            messages = consumer.consume(1_000, timeout=0.2)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise SourceUnavailable(f"{self._contract.system}: the broker neither hands over messages nor says that there are none")
            for message in messages:
                partition, offset, error = int(message.partition() or 0), int(message.offset() or 0), message.error()
                if error is None:
                    yield from rows.take(_message(obj, message))
                    reached[partition] = offset + 1
                    taken += 1
                    newest = _seconds(message) or newest
                elif error.code() == KafkaError._PARTITION_EOF:
                    reached[partition] = max(reached[partition], offset)  # passes what is no message: ends of transactions
                    waiting.discard(partition)
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    restarted = f"partition {partition} ends before what was read of it: the topic was made anew"
                    reached[partition] = ends[partition][0]
                    consumer.seek(TopicPartition(obj.source_name, partition, reached[partition]))
                elif not error.retriable() and error.code() not in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
                    raise KafkaException(error)
        yield from rows.flush()
        self._to_commit = [TopicPartition(obj.source_name, partition, offset) for partition, offset in reached.items()]
        behind = sum(max(ends[partition][1] - offset, 0) for partition, offset in reached.items()) if waiting else 0
        yield StreamPosition(
            position={"topic_id": topic_id, "partitions": {str(partition): offset for partition, offset in reached.items()}},
            lag=Lag(behind_messages=behind, behind_seconds=max(time.time() - newest, 0.0) if waiting and newest is not None else 0.0),
            restarted=restarted,
        )

    def _judge(self, error: KafkaError, obj: SourceObject) -> SourceUnavailable | SourceRefused:
        self.close()
        system = self._contract.system
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            return SourceRefused(f"{obj.full_name}: the broker has no topic {obj.source_name}; mend physicalName, or create it")
        if _is_of_the_certificate(error):
            return SourceRefused(
                f"{system}: the broker's certificate cannot be verified; name its authority in "
                f"C360_CONN_{self._contract.connection.upper()}: ?ssl.ca.location=<file>"
            )
        if error.code() in _REFUSED:
            return SourceRefused(
                f"{system}: the broker refuses us ({error.name()}); mend C360_CONN_{self._contract.connection.upper()} or our rights"
            )
        return SourceUnavailable(f"{system}: the broker cannot be reached or cut the connection ({error.name()})")


def _is_of_the_certificate(error: KafkaError) -> bool:
    """A handshake fails for passing reasons too; librdkafka tells this one by its words alone."""
    return bool(error.code() == KafkaError._SSL and "verify failed" in error.str())


def _start(request: ReadRequest, ends: Ends, topic_id: str | None) -> tuple[Offsets, str | None]:
    """Where each partition is read from, and why that is not where the last read ended, if so."""
    landed: dict[str, Any] = {} if request.full or request.position is None else dict(request.position)
    offsets: dict[str, Any] = dict(landed.get("partitions", {}))
    restarted = None
    known = landed.get("topic_id")
    if topic_id is not None and known not in (None, topic_id):
        restarted, offsets = "the topic was made anew", {}
    start: Offsets = {}
    for partition, (low, _) in ends.items():
        offset = int(offsets.get(str(partition), low))
        if offset < low and str(partition) in offsets:
            restarted = f"partition {partition} lost {low - offset} messages that were not read: the topic keeps them for too short a time"
        start[partition] = max(offset, low)
    return start, restarted


def _message(obj: SourceObject, message: Any) -> Message:
    headers = {name: (value or b"").decode(errors="backslashreplace").replace("\0", "\\x00") for name, value in message.headers() or ()}
    place = f"{obj.source_name}[{message.partition()}] offset {message.offset()}"
    return Message(key=message.key(), value=message.value(), headers=headers, place=place)


def _seconds(message: Any) -> float | None:
    kind, milliseconds = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000
