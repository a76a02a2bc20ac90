"""Long-running processes the platform starts and later stops: exactly those, and no others.

Each process leads a session of its own and has a record file with its pid and start time. A pid alone may have been given to
somebody else's process by the time we look; pid and start time together are never reused.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from customer360.errors import UserError

_CLOCK_SLACK = 1.0  # seconds; a start time is derived from the boot time, which moves a little when the clock is set


class ProcessDied(UserError):
    """A process ended while it was being waited for; the message names its log."""


class ProcessSilent(UserError):
    """A process runs but does not answer; the message names its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One process we started. `started_at` is seconds since the epoch (UTC), as the system reports it."""

    name: str
    pid: int
    started_at: float
    log: str


class ProcessBook:
    """The records of one platform, as files in a folder: `<name>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Names of all recorded processes, running or not."""
        return sorted(path.stem for path in self._folder.glob("*.json")) if self._folder.is_dir() else []

    def read(self, name: str) -> ProcessRecord | None:
        """The record, or None. A file cut short by a crash counts as none."""
        try:
            return ProcessRecord(**json.loads((self._folder / f"{name}.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def is_running(self, name: str) -> bool:
        """Whether the recorded process still lives (a zombie does not)."""
        record = self.read(name)
        return record is not None and _live(record) is not None

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> ProcessRecord:
        """Start `command` in a session of its own, output to `log`; returns the running record if it runs already.

        What is left of an earlier session of this name (a worker that outlived its leader) is ended first.
        """
        record = self.read(name)
        if record is not None:
            if _live(record) is not None:
                return record
            self.stop(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = ProcessRecord(name=name, pid=child.pid, started_at=psutil.Process(child.pid).create_time(), log=str(log))
        temporary = self._folder / f".{name}.tmp"
        temporary.write_text(json.dumps(asdict(record)))
        temporary.replace(self._folder / f"{name}.json")
        return record

    def stop(self, name: str, *, timeout: float = 20.0) -> bool:
        """End the process and everything in its session; True if something was running. Safe to call again.

        SIGTERM to the leader first, which lets it end its children in order; what is left after `timeout` seconds is killed.
        """
        record = self.read(name)
        if record is None:
            return False
        leader = _live(record)
        members = _session(record)
        if leader is not None:
            _signal(leader, signal.SIGTERM)
            psutil.wait_procs([leader], timeout=timeout)
        survivors = [process for process in {*members, *_session(record)} if process.is_running()]
        for process in survivors:
            _signal(process, signal.SIGTERM)
        _, survivors = psutil.wait_procs(survivors, timeout=3)
        for process in survivors:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(survivors, timeout=5)
        (self._folder / f"{name}.json").unlink(missing_ok=True)
        return bool(leader or members)

    def wait_died(self, name: str) -> None:
        """Raise ProcessDied, with the end of its log, if the process has ended."""
        record = self.read(name)
        if record is None or _live(record) is None:
            log = Path(record.log) if record else None
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:]) if log and log.exists() else ""
            raise ProcessDied(f"{name} has ended. Its log {log} ends with:\n{tail}")

    def wait_answering(self, name: str, address: str, *, timeout: float) -> None:
        """Return once HTTP 200 comes from `address`. Raises ProcessDied, or ProcessSilent after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(address, timeout=2, trust_env=False).status_code == 200:
                    return
            self.wait_died(name)
            if time.monotonic() > deadline:
                record = self.read(name)
                raise ProcessSilent(f"{name} does not answer at {address}; see its log{f' {record.log}' if record else ''}")
            time.sleep(0.1)


def _live(record: ProcessRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.started_at) > _CLOCK_SLACK or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return process


def _session(record: ProcessRecord) -> list[psutil.Process]:
    """Processes of the record's session. A session id is not reused while a member lives, so the leader may be gone already."""
    try:
        if abs(psutil.Process(record.pid).create_time() - record.started_at) > _CLOCK_SLACK:
            return []  # the pid belongs to somebody else now: our session ended long ago
    except psutil.Error:
        pass
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == record.pid and process.create_time() >= record.started_at - _CLOCK_SLACK:
                members.append(process)
        except (psutil.Error, OSError):
            continue
    return members


def _signal(process: psutil.Process, number: int) -> None:
    """psutil checks pid and start time again before it sends, so that a recycled pid is never hit."""
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)
