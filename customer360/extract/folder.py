"""Opens the folder that a connection's URI names, and lists its files: local, an S3 bucket, an SFTP server, or what else fsspec knows.

    file:///exports/mail
    s3://KEY:SECRET@bucket/folder?endpoint_url=https://…&region=eu-central-1     without KEY:SECRET, what the machine itself may do
    sftp://user:password@host:22/folder?host_key=ssh-ed25519%20AAAA…             or ?private_key=/path/to/key, ?known_hosts=/path

An SFTP server must prove who it is: by the key in the URI, or a known_hosts file (`~/.ssh/known_hosts` if none is named). What stands
in a URI is never logged nor part of a message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from customer360.extract.protocol import SourceRefused, SourceUnavailable
from customer360.extract.stored_file import FileEntry

_CONNECT_SECONDS = 15
_S3_OPTIONS = {"endpoint_url", "region"}
_SFTP_OPTIONS = {"host_key", "known_hosts", "private_key"}
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".uploading", ".inprogress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An open folder; `root` is its path as the file system knows it."""

    system: str
    scheme: str  # of the connection's URI
    fs: AbstractFileSystem
    root: str

    def files(self, pattern: str) -> list[FileEntry]:
        """Finished files that a glob pattern below the folder names, by name. Raises SourceUnavailable, SourceRefused."""
        with self.errors_named():
            self.fs.invalidate_cache()
            found = self.fs.glob(f"{self.root}/{pattern}", detail=True)
            if not found and not self._exists():
                raise SourceUnavailable(f"{self.system}: the connection's folder does not exist")
        entries = [FileEntry.of(path, self.root, info) for path, info in found.items() if info.get("type") != "directory"]
        return sorted((entry for entry in entries if not is_unfinished(entry.name)), key=lambda entry: entry.name)

    def has(self, name: str) -> bool:
        """Whether a file of that name lies below the folder now."""
        return bool(self.fs.exists(f"{self.root}/{name}"))

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """What drivers raise, as SourceUnavailable or SourceRefused in words that hold no address."""
        try:
            yield
        except _driver_errors() as error:
            self._fail(error)

    def _exists(self) -> bool:
        """In an object store a folder exists only while something is in it; its bucket does."""
        if self.scheme == "s3":
            return bool(self.fs.exists(self.root.split("/")[0]))
        return self.scheme not in ("file", "local", "", "sftp") or bool(self.fs.isdir(self.root))

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, PermissionError):
            raise SourceRefused(f"{self.system}: not allowed to read the connection's folder; check its credentials") from None
        if type(error).__name__ == "HostKeyNotVerifiable":
            raise SourceRefused(
                f"{self.system}: the server did not show the host key we know; add host_key=<algorithm key> to the connection's URI"
                " if the server was set up anew, or look who answers in its place"
            ) from None
        raise SourceUnavailable(f"{self.system}: the connection's folder cannot be read ({type(error).__name__})") from None


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that it is still being written, or is a marker: `.hidden`, `_SUCCESS`, `x.csv.part`."""
    last = name.rpartition("/")[2]
    return last.startswith((".", "_")) or last.lower().endswith(_UNFINISHED)


def open_folder(system: str, uri: str) -> Folder:
    """The folder at `uri`. Raises SourceUnavailable when its server does not answer, SourceRefused when it turns us away."""
    try:
        parts = urlsplit(uri)
        options = dict(parse_qsl(parts.query))
        known = {"s3": _S3_OPTIONS, "sftp": _SFTP_OPTIONS}.get(parts.scheme) if parts.port != 0 else None
    except ValueError:
        raise SourceRefused(f"{system}: the connection is no address; write s3://…, sftp://… or file:///…") from None
    if known is not None and (strange := sorted(options.keys() - known)):
        raise SourceRefused(f"{system}: the connection's URI has an unknown option {strange[0]!r}; known: {', '.join(sorted(known))}")
    folder = Folder(system=system, scheme=parts.scheme, fs=AbstractFileSystem(), root="")
    try:
        with folder.errors_named():
            if parts.scheme == "s3":
                fs, root = _s3(parts, options), f"{parts.netloc.rpartition('@')[2]}{parts.path}"
            elif parts.scheme == "sftp":
                fs, root = _sftp(system, parts, options), unquote(parts.path)
            else:
                fs, root = url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise SourceRefused(
            f"{system}: no file system for {parts.scheme}:// ({type(error).__name__}); install fsspec's driver for it"
        ) from None
    return replace(folder, fs=fs, root=root.rstrip("/"))


def _s3(parts: SplitResult, options: dict[str, str]) -> AbstractFileSystem:
    from s3fs import S3FileSystem

    client: dict[str, Any] = {"endpoint_url": options.get("endpoint_url"), "region_name": options.get("region")}
    fs = S3FileSystem(
        key=unquote(parts.username) if parts.username else None,
        secret=unquote(parts.password) if parts.password else None,
        client_kwargs={name: value for name, value in client.items() if value},
        config_kwargs={"connect_timeout": _CONNECT_SECONDS, "retries": {"max_attempts": 1}},
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    fs.retries = 1  # a load has retries of its own
    return fs


def _sftp(system: str, parts: SplitResult, options: dict[str, str]) -> AbstractFileSystem:
    """Connects at once."""
    from sshfs import SSHFileSystem

    login: dict[str, Any] = {"client_keys": [options["private_key"]] if "private_key" in options else None}
    if parts.password:
        login["password"] = unquote(parts.password)
    elif "private_key" not in options:
        login = {}  # the keys of whoever runs this
    if "host_key" in options:
        login["known_hosts"] = ([_host_key(system, options["host_key"])], [], [])
    else:  # the driver's own default is to believe any server
        known_hosts = Path(options.get("known_hosts", "~/.ssh/known_hosts")).expanduser()
        login["known_hosts"] = str(known_hosts) if known_hosts.exists() else b""
    return SSHFileSystem(
        parts.hostname or "",
        port=parts.port or 22,
        username=unquote(parts.username or ""),
        connect_timeout=_CONNECT_SECONDS,
        login_timeout=_CONNECT_SECONDS,
        skip_instance_cache=True,
        **login,
    )


def _host_key(system: str, text: str) -> Any:
    """A public key as it stands in a known_hosts file: algorithm and base64. A plus sign that nobody escaped came as a blank."""
    import asyncssh

    algorithm, _, encoded = text.partition(" ")
    try:
        return asyncssh.import_public_key(f"{algorithm} {encoded.replace(' ', '+')}")
    except asyncssh.KeyImportError:
        raise SourceRefused(
            f"{system}: host_key in the connection's URI is no public key; write host_key=ssh-ed25519%20AAAA…, as ssh-keyscan prints it"
        ) from None


def _driver_errors() -> tuple[type[Exception], ...]:
    """Not every driver's errors are OSError; those of one that is not loaded cannot come."""
    errors: list[type[Exception]] = [OSError]
    if asyncssh := sys.modules.get("asyncssh"):
        errors.append(asyncssh.Error)
    if botocore := sys.modules.get("botocore.exceptions"):
        errors += [botocore.BotoCoreError, botocore.ClientError]
    return tuple(errors)
