"""SASL PLAIN before a Kafka broker that asks for none: what a broker says until it lets a client in, by Kafka's protocol guide."""

from __future__ import annotations

import socket
import struct

_API_VERSIONS, _HANDSHAKE, _AUTHENTICATE = 18, 17, 36
_FAILED = 58


def admit(client: socket.socket, broker: socket.socket, *, user: str, password: str) -> bool:
    """Answer a client until it has shown who it is; False, and it is told so, when it is somebody else."""
    while True:
        request = _frame(client)
        api, version, number = struct.unpack_from("!hhi", request)
        at = 10 + max(struct.unpack_from("!h", request, 8)[0], 0)  # behind the client's name
        if api == _API_VERSIONS:
            assert version == 3, f"ApiVersions v{version}"
            _send(broker, request)
            _send(client, _with_sasl(_frame(broker)))
        elif api == _HANDSHAKE:
            _send(client, struct.pack("!ihi", number, 0, 1) + _text(b"PLAIN"))
        elif api == _AUTHENTICATE:
            assert version == 1, f"SaslAuthenticate v{version}"
            (size,) = struct.unpack_from("!i", request, at)
            is_known = request[at + 4 : at + 4 + size] == f"\0{user}\0{password}".encode()
            _send(
                client,
                struct.pack("!ih", number, 0 if is_known else _FAILED) + _text(b"" if is_known else b"who?") + struct.pack("!iq", 0, 0),
            )
            return is_known
        else:
            raise AssertionError(f"request {api} of a client that nobody knows yet")


def _with_sasl(answer: bytes) -> bytes:
    """The answer to ApiVersions v3 (number, error, a compact array of key, least, greatest), with the two requests of SASL in it."""
    count = answer[6]
    assert count < 126, "a count of one byte"
    more = b"".join(struct.pack("!hhhB", api, 0, 1, 0) for api in (_HANDSHAKE, _AUTHENTICATE))
    return answer[:6] + bytes([count + 2]) + more + answer[7:]


def _text(value: bytes) -> bytes:
    return struct.pack("!h", len(value)) + value


def _frame(source: socket.socket) -> bytes:
    (size,) = struct.unpack("!i", _exactly(source, 4))
    return _exactly(source, size)


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        block = source.recv(size - len(found))
        if not block:
            raise ConnectionError("hung up")
        found += block
    return found


def _send(to: socket.socket, frame: bytes) -> None:
    to.sendall(struct.pack("!i", len(frame)) + frame)
