"""An SFTP server over one folder: one user, by password or key; its host key stays the same over restarts."""

from __future__ import annotations

import asyncio
import secrets
import threading
from pathlib import Path
from urllib.parse import quote

import asyncssh

USER = "c360"


def host_key(path: Path) -> asyncssh.SSHKey:
    """The key kept at `path`; made at first use."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519", comment="sandbox")
        partial = path.with_name(f".{path.name}.new")
        partial.touch(mode=0o600)
        partial.write_bytes(key.export_private_key())
        partial.replace(path)
    return asyncssh.read_private_key(path)


def uri(port: int, *, password: str, key: asyncssh.SSHKey, folder: str = "") -> str:
    """How the platform gets in, the server's public key included."""
    public = " ".join(key.export_public_key().decode().split()[:2])
    return f"sftp://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/{folder}?host_key={quote(public, safe='')}"


class _Login(asyncssh.SSHServer):
    def __init__(self, password: str, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._password = password
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and secrets.compare_digest(password, self._password)


class SftpServer:
    """Listens on 127.0.0.1 in a thread of its own. The folder is all that who comes in can see, and nobody can write."""

    def __init__(self, folder: Path, *, password: str, key: asyncssh.SSHKey, port: int = 0) -> None:
        self._folder = folder
        self._password = password
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp", daemon=True)
        self._server: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self.port = port

    @property
    def uri(self) -> str:
        """The connection's URI."""
        return uri(self.port, password=self._password, key=self._key)

    def start(self) -> None:
        """Begin to listen; with port 0 on any free one, found in `port` afterwards. OSError when the port is taken."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=30)
        self.port = self._server.get_port()

    def stop(self) -> None:
        """Close the server and every connection."""
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._server), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    async def _close(self, server: asyncssh.SSHAcceptor) -> None:
        server.close()
        for connection in list(self._connections):
            connection.abort()
        await server.wait_closed()  # from Python 3.12 on, for the connections as well

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Login(self._password, self._connections),
            server_host_keys=[self._key],
            sftp_factory=lambda connection: _ReadOnly(connection, chroot=bytes(self._folder)),
            allow_scp=False,
        )


class _ReadOnly(asyncssh.SFTPServer):
    """What writes is refused, as by an export server whose files belong to somebody else."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC):
            raise asyncssh.SFTPPermissionDenied("this server is read only")
        return super().open(path, pflags, attrs)

    def remove(self, path: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("this server is read only")

    rmdir = remove
