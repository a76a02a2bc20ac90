"""The embedded server under what happens to servers: kills, taken ports, half-made folders, root."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys

import psutil
import psycopg
import pytest

from customer360.platform import home
from customer360.platform.home import unused_port
from customer360.warehouse import runner
from customer360.warehouse.embedded import EmbeddedServer, EmbeddedServerError

pytestmark = pytest.mark.integration

PASSWORD = secrets.token_urlsafe(12)


@pytest.fixture
def server(tmp_path):
    made = EmbeddedServer(tmp_path / "platform" / "pg", unused_port(), password=PASSWORD, settings={"fsync": "off"})
    yield made
    made.stop()


def ask(server, query):
    with psycopg.connect(server.uri(), autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def test_it_starts_stops_and_keeps_its_data(server):
    assert not server.status().running
    server.start()
    server.start()  # again: nothing happens
    status = server.status()
    assert (status.running, status.port) == (True, server.port)
    ask(server, "create table kept as select 1 as a")
    assert server.stop()
    assert not server.status().running
    assert not server.stop()
    server.start()
    assert ask(server, "select a from kept") == [(1,)]


def test_it_is_set_up_as_documented(server):
    server.start()
    assert ask(
        server,
        """select current_setting('server_encoding'), current_setting('listen_addresses'), current_setting('unix_socket_directories'),
                  current_setting('password_encryption'), current_setting('data_checksums'), current_setting('timezone')""",
    ) == [("UTF8", "127.0.0.1", "", "scram-sha-256", "on", "UTC")]
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    listening = {c.laddr.ip for c in psutil.Process(server.status().pid).net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_settings_of_the_caller_hold(tmp_path):
    server = EmbeddedServer(tmp_path / "shop", unused_port(), password=PASSWORD, settings={"wal_level": "logical", "fsync": "off"})
    try:
        server.start()
        assert ask(server, "show wal_level") == [("logical",)]
    finally:
        server.stop()


def test_nobody_enters_without_the_password(server):
    server.start()
    for uri in (server.uri().replace(PASSWORD, "wrong"), server.uri().replace(f":{PASSWORD}", "")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(uri)


def test_its_log_holds_no_value_of_a_failed_statement(server):
    server.start()
    ask(server, "create table people (email text primary key)")
    for statement in (
        "insert into people values ('anna@example.com'), ('anna@example.com')",
        "select 'anna@example.com'::int",
        "select * from anna where email = 'anna@example.com'",
    ):
        with pytest.raises(psycopg.Error):
            ask(server, statement)
    server.stop()
    assert "shut down" in server.log_file.read_text()
    assert "anna" not in server.log_file.read_text()


def test_a_killed_server_starts_again_with_what_was_committed(server):
    server.start()
    ask(server, "create table kept as select 1 as a")
    os.kill(server.status().pid, signal.SIGKILL)
    restarted = EmbeddedServer(server.data_dir, server.port, password=PASSWORD)
    restarted.start()
    assert ask(restarted, "select a from kept") == [(1,)]


def test_a_pid_file_that_names_another_process_by_now_does_no_harm(server):
    server.start()
    server.stop()
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n1\n{server.port}\n\n127.0.0.1\n0 0\nready\n")
    assert not server.status().running
    assert not server.stop()  # the process of that number is not ours to stop
    server.start()
    assert ask(server, "select 1") == [(1,)]


def test_it_outlives_the_process_that_started_it(tmp_path):
    data, port = tmp_path / "pg", unused_port()
    code = (
        "import sys; from pathlib import Path; from customer360.warehouse.embedded import EmbeddedServer;"
        "EmbeddedServer(Path(sys.argv[1]), int(sys.argv[2]), password=sys.argv[3]).start()"
    )
    subprocess.run([sys.executable, "-c", code, str(data), str(port), PASSWORD], check=True)
    server = EmbeddedServer(data, port, password=PASSWORD)
    assert server.status().running
    assert ask(server, "select 1") == [(1,)]
    assert server.stop()
    assert home.port_is_free(port)


def test_a_taken_port_is_named(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        with pytest.raises(EmbeddedServerError, match=f"port {server.port} is taken"):
            server.start()


def test_it_never_takes_up_another_servers_data(server, tmp_path):
    server.start()
    other = EmbeddedServer(tmp_path / "other", server.port, password=PASSWORD)
    assert not other.status().running
    with pytest.raises(EmbeddedServerError, match="is taken"):
        other.start()
    assert not other.stop()
    assert server.status().running
    moved = EmbeddedServer(server.data_dir, unused_port(), password=PASSWORD)
    with pytest.raises(EmbeddedServerError, match=f"already runs on port {server.port}"):
        moved.start()


def test_a_folder_that_holds_something_else_is_left_alone(server):
    server.data_dir.mkdir(parents=True)
    (server.data_dir / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedServerError, match="is not empty"):
        server.start()
    assert [path.name for path in server.data_dir.iterdir()] == ["letter.txt"]


def test_data_of_another_version_is_named(server):
    server.data_dir.mkdir(parents=True)
    (server.data_dir / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 15"):
        server.start()


def test_a_start_that_was_killed_while_making_the_folder_is_made_good(server):
    half = server.data_dir.with_name(".pg.new-0000")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert not half.exists()
    assert ask(server, "select 1") == [(1,)]


def test_a_server_that_cannot_start_says_why(tmp_path):
    server = EmbeddedServer(tmp_path / "pg", unused_port(), password=PASSWORD, settings={"shared_buffers": "lots"})
    with pytest.raises(EmbeddedServerError, match="shared_buffers"):
        server.start()


def test_an_empty_password_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs a password"):
        EmbeddedServer(tmp_path, 1, password="")


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="what only root meets")


@root_only
@pytest.mark.parametrize("namespaces", [True, False])
def test_root_may_keep_it_where_no_other_user_can_go(tmp_path, monkeypatch, namespaces):
    """The permissions of folders on the way stay as they are; where user namespaces are not allowed the data moves instead."""
    if namespaces and not runner.namespaces_work():
        pytest.skip("user namespaces are not allowed here")
    monkeypatch.setattr(runner, "namespaces_work", lambda: namespaces)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "pg", unused_port(), password=PASSWORD, settings={"fsync": "off"})
    try:
        server.start()
        assert ask(server, "select 1") == [(1,)]
        os.kill(server.status().pid, signal.SIGKILL)
        server.start()
        assert ask(server, "select 1") == [(1,)]
        owner = psutil.Process(server.status().pid).uids().real
        assert (owner == 0) == namespaces  # seen from outside its namespace
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        real = server.data_dir.resolve()
        assert real.is_relative_to(closed) == namespaces
        assert stat.S_IMODE(real.stat().st_mode) == 0o700
    finally:
        server.stop()
        if not namespaces:
            shutil.rmtree(server.data_dir.resolve())


@root_only
def test_a_folder_stays_with_the_user_it_was_made_for(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "namespaces_work", lambda: False)
    server = EmbeddedServer(tmp_path / "pg", unused_port(), password=PASSWORD, settings={"fsync": "off"})
    server.start()
    real = server.data_dir.resolve()
    try:
        server.stop()
        monkeypatch.undo()
        server.start()
        assert ask(server, "select 1") == [(1,)]
        assert psutil.Process(server.status().pid).uids().real == real.stat().st_uid != 0
    finally:
        server.stop()
        if not real.is_relative_to(tmp_path):
            shutil.rmtree(real)
