"""Servers and databases for the tests: one embedded PostgreSQL for the whole run (all workers), a fresh migrated database for each test.

Everything lives in a temporary folder that goes when the run ends; nothing of a platform that happens to run here is touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from customer360.platform import home
from customer360.warehouse.connections import environment_variable
from customer360.warehouse.embedded import EmbeddedServer
from customer360.warehouse.migrations import migrate

REPO = Path(__file__).resolve().parents[1]
_FOLDER = "C360_TEST_FOLDER"  # set by the first process, inherited by its workers
_PASSWORD = "only-for-tests"
# Losing a test's data in a power cut does no harm; a real server keeps fsync on.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
TEMPLATE = "c360_template"
_numbers = itertools.count(1)


# The same examples each time, so that a red run can be repeated; HYPOTHESIS_PROFILE=explore looks for new ones.
# No deadline: how long an example waits for a turn depends on what else the machine does.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


# --------------------------------------------------------------------------------------- the run's own folder
def pytest_configure(config: pytest.Config) -> None:
    os.environ["C360_REPO"] = str(REPO)
    for name in [name for name in os.environ if name.startswith("C360_CONN_") or name in ("C360_CONTRACTS",)]:
        del os.environ[name]  # a test must never reach a database that it did not make
    if hasattr(config, "workerinput"):
        return
    _sweep_killed_runs()
    folder = Path(tempfile.mkdtemp(prefix="c360-test-"))
    (folder / "owner").write_text(str(os.getpid()))
    os.environ[_FOLDER] = str(folder)
    os.environ["C360_HOME"] = str(folder / "home")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a parallel run the long files go first: begun last, one of them would keep a worker busy while the others have nothing left.

    Of the dbt files one goes ahead: it builds the warehouse of which the others get copies, and they would wait for it.
    """
    if not hasattr(config, "workerinput"):
        return
    tests = REPO / "tests"
    builds = min((item.path for item in items if item.path.is_relative_to(tests / "dbt")), default=None)

    def rank(item: pytest.Item) -> int:
        if item.path.is_relative_to(tests / "e2e"):
            return 0 if item.get_closest_marker("slow") else 1
        if item.path == builds:
            return 2
        if item.path.is_relative_to(tests / "dags"):
            return 3
        return 4 if item.get_closest_marker("slow") else 5

    items.sort(key=rank)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and _FOLDER in os.environ:
        _remove_run(Path(os.environ.pop(_FOLDER)))


def _sweep_killed_runs() -> None:
    """A run that was killed leaves its servers behind; the next one stops them."""
    for folder in Path(tempfile.gettempdir()).glob("c360-test-*"):
        with contextlib.suppress(OSError, ValueError):
            if not psutil.pid_exists(int((folder / "owner").read_text())):
                _remove_run(folder)


def _remove_run(folder: Path) -> None:
    for info in folder.glob("*.json"):
        known = json.loads(info.read_text())
        EmbeddedServer(folder / info.stem, known["port"], password=_PASSWORD).stop()
    shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------------- servers
@dataclass(frozen=True)
class Database:
    """A database made for a test."""

    name: str
    uri: str

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.uri, autocommit=autocommit, options="-c timezone=UTC")

    def fetch(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one query in a connection of its own."""
        with self.connect() as connection:
            return connection.execute(query, parameters or None).fetchall()


@dataclass(frozen=True)
class Server:
    """The run's embedded server. `owner` is the platform's login: no superuser, but it may make roles and databases."""

    port: int

    def uri(self, database: str, *, user: str = "c360", password: str = _PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def admin(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.uri(database, user="postgres"), autocommit=True)

    @contextlib.contextmanager
    def database(self, *, template: str | None = None, prefix: str = "t", name: str | None = None) -> Iterator[Database]:
        """A database that goes when the block ends. Its name is one of its own unless `name` gives it."""
        name = name or f"{prefix}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}_{next(_numbers)}"
        try:
            yield self.kept_database(name, template=template)
        finally:
            with self.admin() as connection:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def kept_database(self, name: str, *, template: str | None = None) -> Database:
        """A database that stays until the run ends."""
        with self.admin() as connection:
            connection.execute(
                sql.SQL("create database {} owner c360 template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(template or "template0")
                )
            )
        return Database(name=name, uri=self.uri(name))


def _server(name: str, settings: dict[str, str], prepare: Callable[[Server], None]) -> Server:
    """Start the server `name` of this run, or join it when another worker has."""
    folder = Path(os.environ[_FOLDER])
    info = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not info.exists():
            port = next(port for port in range(25460 + os.getpid() % 500 * 4, 65000) if home.port_is_free(port))
            EmbeddedServer(folder / name, port, password=_PASSWORD, settings=_FAST | settings).start()
            partial = info.with_suffix(".starting")
            partial.write_text(json.dumps({"port": port}))
            server = Server(port=port)
            with server.admin() as connection:
                connection.execute(f"create role c360 login createrole createdb password '{_PASSWORD}'")
            prepare(server)
            partial.rename(info)
        return Server(port=json.loads(info.read_text())["port"])


def _make_template(server: Server) -> None:
    with server.admin() as connection:
        connection.execute(f"create database {TEMPLATE} owner c360 template template0")
    with psycopg.connect(server.uri(TEMPLATE)) as connection:
        migrate(connection)


@pytest.fixture(scope="session")
def pg_server() -> Server:
    """The run's PostgreSQL."""
    return _server("pg", {}, _make_template)


@pytest.fixture(scope="session")
def shop_server() -> Server:
    """A second cluster, for source databases; its write-ahead log can be followed."""
    return _server("shop", {"wal_level": "logical", "max_replication_slots": "40", "max_wal_senders": "20"}, _let_owner_follow)


def _let_owner_follow(server: Server) -> None:
    with server.admin() as connection:
        connection.execute("alter role c360 replication")


# ----------------------------------------------------------------------------------------------- databases
@pytest.fixture
def warehouse(pg_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh, migrated warehouse; connection `warehouse` leads to it."""
    with pg_server.database(template=TEMPLATE, prefix="wh") as database:
        monkeypatch.setenv(environment_variable("warehouse"), database.uri)
        yield database


@pytest.fixture(scope="module")
def module_warehouse(pg_server: Server) -> Iterator[Database]:
    """One migrated warehouse for all tests of a module; connection `warehouse` leads to it."""
    with pg_server.database(template=TEMPLATE, prefix="whm") as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv(environment_variable("warehouse"), database.uri)
        yield database


@pytest.fixture
def empty_database(pg_server: Server) -> Iterator[Database]:
    """A database without anything in it."""
    with pg_server.database(prefix="empty") as database:
        yield database


@pytest.fixture
def shop(shop_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty source database in a cluster of its own; connection `shop` leads to it."""
    with shop_server.database(prefix="shop") as database:
        monkeypatch.setenv(environment_variable("shop"), database.uri)
        yield database


@pytest.fixture
def c360_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform folder of the test's own."""
    folder = tmp_path / "c360"
    monkeypatch.setenv("C360_HOME", str(folder))
    return folder


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait for another process to get somewhere; fails after 20 seconds."""

    def wait(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true"
            time.sleep(0.02)

    return wait
