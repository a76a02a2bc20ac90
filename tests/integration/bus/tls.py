"""TLS before a broker: a relay with a certificate of an authority that nobody knows but who is told."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate that signs itself, for 127.0.0.1."""

    public: Path
    private: Path


def certificate(folder: Path) -> Certificate:
    """A new one, below a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    found = Certificate(folder / "public.pem", folder / "private.pem")
    found.public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    found.private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return found


@contextlib.contextmanager
def relay(
    listener: socket.socket,
    target: tuple[str, int],
    shown: Certificate,
    *,
    admit: Callable[[socket.socket, socket.socket], bool] = lambda client, broker: True,
) -> Iterator[None]:
    """Takes TLS on a socket that is bound, and hands it on in the clear, once `admit` has let the client in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.public, shown.private)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=_connect, args=(context, accepted, target, admit), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listener.close()


def _connect(
    context: ssl.SSLContext, accepted: socket.socket, target: tuple[str, int], admit: Callable[[socket.socket, socket.socket], bool]
) -> None:
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(accepted, server_side=True) as outside,
        socket.create_connection(target) as inside,
    ):
        if not admit(outside, inside):
            return
        back = threading.Thread(target=_pass, args=(inside, outside), daemon=True)
        back.start()
        _pass(outside, inside)
        back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65_536):
            sink.sendall(block)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
