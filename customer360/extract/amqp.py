"""RabbitMQ: a queue, bounded by what was in it when the read began. Acknowledged when landing has committed.

A queue has no position: what was landed but not acknowledged (the process was killed in between) is delivered again. So the
names of deliveries are stored in the landing transaction: `message_id` as the producer set it, else a hash of the content. A
message that names itself is known whenever it comes again; one that does not, only when the broker says that it is a redelivery.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pika
import pika.exceptions

from customer360.contracts.model import SourceContract, SourceObject
from customer360.extract.bus import MOST_SECONDS, Message, MessageRows
from customer360.extract.protocol import Lag, Part, ReadRequest, Received, SourceRefused, SourceUnavailable, StreamPosition

WINDOW = 20_000
"""Messages that one read takes: the broker hands over no more before the first ones are acknowledged, which landing allows."""

SILENCE_SECONDS = 2.0
_NO_QUEUE, _NO_ACCESS = 404, 403
_ERRORS = (pika.exceptions.AMQPError, OSError)  # a name that leads nowhere and a certificate come as they are


class AmqpReader:
    """Reader of a system whose protocol is `amqp`; an object's physicalName is its queue. `uri`: amqp://user:password@host:5672/vhost"""

    def __init__(self, contract: SourceContract, uri: str) -> None:
        self._contract = contract
        self._uri = uri
        self._connection: pika.BlockingConnection | None = None
        self._channel: Any = None
        self._last_tag: int | None = None

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """What is in the queue now."""
        if request.full and request.position is not None:
            raise SourceRefused(f"{request.object.full_name}: a queue forgets what was read of it and cannot be read again")
        obj = request.object
        try:
            channel = self._open()
            depth = self._depth(channel, obj)
            yield from self._messages(channel, request, depth)
        except _ERRORS as error:
            raise self._judge(error, obj) from None

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """A queue cannot list the keys that are alive."""
        raise SourceRefused(f"{obj.full_name}: a queue cannot list its keys; take the sweep out of the contract")

    def measure(self, request: ReadRequest) -> Lag:
        """Messages in the queue."""
        try:
            return Lag(behind_messages=self._depth(self._open(), request.object))
        except _ERRORS as error:
            raise self._judge(error, request.object) from None

    def acknowledge(self) -> None:
        """The broker may forget what was yielded."""
        if self._last_tag is None:
            return
        try:
            self._channel.basic_ack(self._last_tag, multiple=True)
            self._connection.process_data_events(time_limit=0)  # type: ignore[union-attr]  # open while there is a tag
        except _ERRORS:
            raise SourceUnavailable(f"{self._contract.system}: the broker heard no acknowledgement") from None

    def close(self) -> None:
        """Leave the broker; what was not acknowledged goes back into the queue."""
        if self._connection is not None:
            with suppress(*_ERRORS):
                self._connection.close()
        self._connection = self._channel = self._last_tag = None

    def _open(self) -> Any:
        if self._channel is None:
            try:
                parameters = pika.URLParameters(self._uri)
            except (ValueError, TypeError):
                raise SourceRefused(f"{self._contract.system}: the connection is no amqp://user:password@host:5672/vhost") from None
            parameters.socket_timeout = parameters.blocked_connection_timeout = 15
            self._connection = pika.BlockingConnection(parameters)
            self._channel = self._connection.channel()
            self._channel.basic_qos(prefetch_count=WINDOW)
        return self._channel

    def _depth(self, channel: Any, obj: SourceObject) -> int:
        return int(channel.queue_declare(obj.source_name, passive=True).method.message_count)

    def _messages(self, channel: Any, request: ReadRequest, depth: int) -> Iterator[Part]:
        """Messages that were not landed before."""
        obj = request.object
        rows = MessageRows(obj)
        names: dict[str, None] = {}
        began = time.monotonic()
        wanted = min(depth, WINDOW)
        taken = 0
        if wanted:
            for method, properties, body in channel.consume(obj.source_name, inactivity_timeout=SILENCE_SECONDS):
                if method is None:
                    break
                taken += 1
                self._last_tag = method.delivery_tag
                name, names_itself = _name(properties, body)
                known = name in names or request.is_known_message(name) if names_itself or method.redelivered else False
                if not known:
                    names[name] = None
                    yield from rows.take(_message(obj, properties, body, method.delivery_tag))
                if taken >= wanted or time.monotonic() - began > MOST_SECONDS:
                    break
        yield from rows.flush()
        yield Received(message_ids=list(names))
        yield StreamPosition(position={"queue": obj.source_name}, lag=Lag(behind_messages=max(depth - taken, 0)))

    def _judge(self, error: Exception, obj: SourceObject) -> SourceUnavailable | SourceRefused:
        self.close()
        system = self._contract.system
        code = getattr(error, "reply_code", None)
        if code == _NO_QUEUE:
            return SourceRefused(f"{obj.full_name}: the broker has no queue {obj.source_name}; mend physicalName, or declare it")
        refused = (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError)
        if code == _NO_ACCESS or isinstance(error, refused):
            return SourceRefused(f"{system}: the broker refuses us; mend C360_CONN_{self._contract.connection.upper()} or our rights")
        if isinstance(error, ssl.SSLCertVerificationError):
            return SourceRefused(
                f"{system}: the broker's certificate cannot be verified ({error.verify_message}); name its authority in "
                f"C360_CONN_{self._contract.connection.upper()}: ?ssl_options={{'ca_certs': '<file>'}}, percent-encoded"
            )
        return SourceUnavailable(f"{system}: the broker cannot be reached or cut the connection ({type(error).__name__})")


def _name(properties: Any, body: bytes) -> tuple[str, bool]:
    """What a delivery is called, and whether its producer called it so."""
    if properties.message_id:
        return f"id:{properties.message_id[:500]}", True
    return f"sha256:{hashlib.sha256(body).hexdigest()}", False


def _message(obj: SourceObject, properties: Any, body: bytes, tag: int) -> Message:
    headers = {str(name): str(value).replace("\0", "\\x00") for name, value in (properties.headers or {}).items()}
    place = f"queue {obj.source_name} delivery {properties.message_id or tag}"
    return Message(key=None, value=body, headers=headers, place=place)
