"""Where a platform keeps its state: folders, ports, secrets, connections. Nothing outside `$C360_HOME` is written.

Two platforms run side by side when their `C360_HOME` differ.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from customer360.errors import UserError

# name -> (environment variable, port when it is not set)
_RELEASE_SECONDS = 3.0

PORTS: dict[str, tuple[str, int]] = {
    "pg": ("C360_PG_PORT", 5460),
    "shop_pg": ("C360_SHOP_PG_PORT", 5461),
    "sandbox": ("C360_SANDBOX_PORT", 5480),
    "smtp": ("C360_SMTP_PORT", 5481),
    "sftp": ("C360_SFTP_PORT", 5486),
    "bus": ("C360_BUS_PORT", 5487),
    "airflow": ("C360_AIRFLOW_PORT", 8360),
    "webhooks": ("C360_WEBHOOKS_PORT", 8361),
}
_LAST_PORT = 65535


class PlatformError(UserError):
    """The platform's own folders, ports or state are not usable."""


def repo() -> Path:
    """The checkout: `$C360_REPO`, or the nearest folder from the working directory upwards that holds `contracts/`, or the
    one this package is installed from. Raises PlatformError when there is none."""
    named = os.environ.get("C360_REPO")
    if named:
        folder = Path(named).expanduser().resolve()
        if not _is_checkout(folder):
            raise PlatformError(f"C360_REPO={named} holds no contracts/ folder; point it at the checkout")
        return folder
    here = Path.cwd()
    installed = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, installed):
        if _is_checkout(folder):
            return folder
    raise PlatformError(f"no contracts/ folder in {here} or above it; change into the checkout or set C360_REPO")


def _is_checkout(folder: Path) -> bool:
    # customer360/contracts is a Python package, not a folder of contracts
    return (folder / "contracts").is_dir() and not (folder / "contracts" / "__init__.py").exists()


def home() -> Path:
    """`$C360_HOME`, or `.c360` in the checkout; absolute. It need not exist yet."""
    named = os.environ.get("C360_HOME")
    return Path(named).expanduser().absolute() if named else repo() / ".c360"


def ensure_home() -> Path:
    """`home()`, made if need be, readable by its owner alone."""
    folder = home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"cannot make {folder}: {error.strerror}; set C360_HOME to a folder you may write") from error
    return folder


# --------------------------------------------------------------------------------------------------- state
def read_state() -> dict[str, Any]:
    """What the running platform remembers (`platform.json`): ports, process ids, addresses. Empty before the first start."""
    return _read_json(home() / "platform.json")


def update_state(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Apply `change` to the state, one process at a time, and return the new state."""
    return _update_json("platform.json", change)


# --------------------------------------------------------------------------------------------------- ports
def port(name: str) -> int:
    """The port of `name` (a key of PORTS): its environment variable, else the one remembered, else the default or, where that is
    taken, the next free one, which is then remembered."""
    variable, _ = _port_entry(name)
    if variable in os.environ:
        return _port_from_environment(variable)
    remembered = read_state().get("ports", {}).get(name)
    return int(remembered) if remembered else _remember_free_port(name)


def claim_port(name: str) -> int:
    """The port to start a server on: as `port`, but sure to be free. A server that was just killed may hold it for a moment.

    Raises PlatformError when the environment names a taken one; a remembered one that is taken gives way to the next free one.
    """
    variable, _ = _port_entry(name)
    chosen = port(name)
    deadline = time.monotonic() + _RELEASE_SECONDS
    while not (is_free := port_is_free(chosen)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if is_free:
        return chosen
    if variable in os.environ:
        raise PlatformError(f"port {chosen} ({variable}) is taken by another process; free it, set another, or unset {variable}")
    return _remember_free_port(name)


def port_is_free(number: int) -> bool:
    """Whether nothing listens on that port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def unused_port() -> int:
    """A port of 127.0.0.1 that the system gives out: two processes that ask at once get two."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_entry(name: str) -> tuple[str, int]:
    if name not in PORTS:
        raise KeyError(f"no port is called {name!r}; known: {', '.join(PORTS)}")
    return PORTS[name]


def _port_from_environment(variable: str) -> int:
    text = os.environ[variable]
    if not text.isdecimal() or not 1 <= int(text) <= _LAST_PORT:
        raise PlatformError(f"{variable}={text!r} is no port number (1 to {_LAST_PORT})")
    return int(text)


def _remember_free_port(name: str) -> int:
    def choose(state: dict[str, Any]) -> None:
        ports = state.setdefault("ports", {})
        others = {number for other, number in ports.items() if other != name}
        others |= {default for other, (_, default) in PORTS.items() if other != name and other not in ports}
        default = PORTS[name][1]
        for number in range(default, min(default + 1000, _LAST_PORT) + 1):
            if number not in others and port_is_free(number):
                ports[name] = number
                return
        raise PlatformError(f"no free port from {default} upwards; set {PORTS[name][0]}")

    return int(update_state(choose)["ports"][name])


# ------------------------------------------------------------------------------------- secrets, connections
def secret(name: str) -> str:
    """The generated secret of that name; made at first use, kept in `secrets.json` (mode 0600)."""
    known = _read_json(home() / "secrets.json").get(name)
    if known:
        return str(known)

    def make(state: dict[str, Any]) -> None:
        state.setdefault(name, secrets.token_urlsafe(24))

    return str(_update_json("secrets.json", make)[name])


def read_connections() -> dict[str, str]:
    """Connection URIs by name, from `connections.json`; empty when there is none."""
    return {str(name): str(uri) for name, uri in _read_json(home() / "connections.json").items()}


def write_connection(name: str, uri: str) -> None:
    """Keep the URI of a connection in `connections.json` (mode 0600)."""
    _update_json("connections.json", lambda connections: connections.update({name: uri}))


# --------------------------------------------------------------------------------------------------- files
def _read_json(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PlatformError(f"cannot read {path}: {error.strerror}; set C360_HOME to a folder that you may use") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise PlatformError(f"{path} is not JSON ({error}); mend it, or delete it to start afresh") from error
    if not isinstance(content, dict):
        raise PlatformError(f"{path} must hold one JSON object; mend it, or delete it to start afresh")
    return content


def _update_json(name: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    folder = ensure_home()
    with locked(folder / f".{name}.lock"):
        content = _read_json(folder / name)
        change(content)
        write_private(folder / name, json.dumps(content, indent=2, sort_keys=True) + "\n")
    return content


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`: one process at a time, freed even when the holder is killed."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file frees the lock


def write_page(path: Path, content: bytes) -> None:
    """Write a file that others may read, whole or not at all: who opens it meanwhile sees the one before."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write the whole file or nothing, mode 0600 from the first byte: secrets, and what names people."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
