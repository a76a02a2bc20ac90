"""What `down` may end: exactly what was started, with all its children, and never a stranger that got the same pid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from customer360.platform.processes import ProcessBook, ProcessDied, ProcessSilent

# A leader with a child in a process group of its own, as Airflow's scheduler has its tasks.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ProcessBook]:
    made = ProcessBook(tmp_path / "processes")
    yield made
    for name in made.names():
        made.stop(name, timeout=1)


def start(book: ProcessBook, code: str, tmp_path: Path, name: str = "part") -> int:
    record = book.start(name, [sys.executable, "-c", code], environment=os.environ, log=tmp_path / f"{name}.log", cwd=tmp_path)
    return record.pid


def printed(tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]) -> str:
    log = tmp_path / "part.log"
    wait_until(lambda: log.read_text().endswith("\n"))
    return log.read_text().strip()


def test_stop_ends_the_leader_and_its_children_and_may_be_called_again(
    book: ProcessBook, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    leader = start(book, FAMILY, tmp_path)
    child = int(printed(tmp_path, wait_until))
    assert book.is_running("part") and psutil.pid_exists(child)
    assert book.stop("part") is True
    assert not _lives(leader) and not _lives(child)
    assert book.stop("part") is False
    assert book.names() == []


def test_stop_ends_children_that_outlived_their_leader(book: ProcessBook, tmp_path: Path, wait_until: Callable[..., None]) -> None:
    leader = start(book, FAMILY, tmp_path)
    child = int(printed(tmp_path, wait_until))
    psutil.Process(leader).kill()
    psutil.Process(leader).wait(5)
    assert not book.is_running("part") and _lives(child)
    assert book.stop("part") is True
    assert not _lives(child)


def test_stop_kills_what_does_not_listen(book: ProcessBook, tmp_path: Path, wait_until: Callable[..., None]) -> None:
    leader = start(book, STUBBORN, tmp_path)
    assert printed(tmp_path, wait_until) == "ready"
    assert book.stop("part", timeout=0.2) is True
    assert not _lives(leader)


def test_a_stranger_with_the_recorded_pid_is_left_alone(book: ProcessBook, tmp_path: Path) -> None:
    """Pids are given out again: a record of yesterday may name today's editor."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        book_folder = tmp_path / "processes"
        book_folder.mkdir()
        yesterday = {"name": "part", "pid": stranger.pid, "started_at": time.time() - 86_400, "log": str(tmp_path / "part.log")}
        (book_folder / "part.json").write_text(json.dumps(yesterday))
        assert not book.is_running("part")
        assert book.stop("part") is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_start_returns_what_runs_already(book: ProcessBook, tmp_path: Path) -> None:
    assert start(book, STUBBORN, tmp_path) == start(book, STUBBORN, tmp_path)


def test_a_dead_process_is_told_with_the_end_of_its_log(book: ProcessBook, tmp_path: Path, wait_until: Callable[..., None]) -> None:
    start(book, "import sys; sys.exit('the port is taken')", tmp_path)
    wait_until(lambda: not book.is_running("part"))
    with pytest.raises(ProcessDied, match="the port is taken"):
        book.wait_died("part")


ANSWERING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    answers = 0
    def do_GET(self):
        Handler.answers += 1
        self.send_response(503 if Handler.answers == 1 else 200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_process_is_waited_for_until_it_answers(book: ProcessBook, tmp_path: Path, wait_until: Callable[..., None]) -> None:
    start(book, ANSWERING, tmp_path)
    address = f"http://127.0.0.1:{printed(tmp_path, wait_until)}/health"
    with pytest.raises(ProcessSilent, match=r"part does not answer .* see its log .*part\.log"):
        book.wait_answering("part", address, timeout=0)
    book.wait_answering("part", address, timeout=10)
    book.stop("part")
    with pytest.raises(ProcessDied):
        book.wait_answering("part", address, timeout=10)


def test_a_record_cut_short_counts_as_none(book: ProcessBook, tmp_path: Path) -> None:
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / "part.json").write_text('{"name": "pa')
    assert book.read("part") is None
    assert book.is_running("part") is False


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
