"""One small sandbox for these tests (one per worker), really started: its own PostgreSQL, its own server process, free ports."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from customer360.platform import home
from sandbox import lifecycle
from sandbox.layout import Layout
from sandbox.shop import database
from sandbox.world import World

CUSTOMERS = 500
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VARIABLES = {
    "pg": "C360_PG_PORT",
    "shop_pg": "C360_SHOP_PG_PORT",
    "sandbox": "C360_SANDBOX_PORT",
    "smtp": "C360_SMTP_PORT",
    "sftp": "C360_SFTP_PORT",
    "bus": "C360_BUS_PORT",
    "webhooks": "C360_WEBHOOKS_PORT",
}


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def own_home(folder: Path) -> Iterator[Layout]:
    """A platform home of its own, with ports of its own, for as long as the block lasts."""
    ports = dict(zip(VARIABLES.values(), map(str, _free_ports(len(VARIABLES))), strict=True))
    changed = {"C360_HOME": str(folder), **ports}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield Layout(home.ensure_home())
    finally:
        lifecycle.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(frozen=True)
class Running:
    """A started sandbox."""

    layout: Layout

    def shop(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """A query as the platform's reader."""
        with psycopg.connect(home.read_connections()["shop"], options="-c timezone=UTC") as connection:
            return connection.execute(query, parameters or None).fetchall()

    def crm(self, *, token: str | None = None) -> httpx.Client:
        """A client that has logged in to the CRM."""
        address = urlsplit(home.read_connections()["crm"])
        base = f"http://{address.hostname}:{address.port}"
        token = token or log_in(base, address.username, address.password).json()["access_token"]
        return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{home.port('sandbox')}"

    def world(self) -> World:
        return World(self.layout.world)


def log_in(base: str, client_id: str | None, client_secret: str | None) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return httpx.post(f"{base}/services/oauth2/token", data=form, trust_env=False)


def query_all(client: httpx.Client, soql: str, *, path: str = "queryAll", size: int = 2000) -> list[dict[str, Any]]:
    """All records of a query, page by page."""
    headers = {"Sforce-Query-Options": f"batchSize={size}"}
    page = client.get(f"/services/data/v61.0/{path}", params={"q": soql}, headers=headers).raise_for_status().json()
    records = list(page["records"])
    while not page["done"]:
        page = client.get(page["nextRecordsUrl"], headers=headers).raise_for_status().json()
        records += page["records"]
    return records


@pytest.fixture(scope="package")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    return lambda: own_home(tmp_path_factory.mktemp("sandbox") / "home")


@pytest.fixture(scope="package")
def running(make_home: Callable[[], Any]) -> Iterator[Running]:
    """A sandbox of 500 persons, started."""
    with make_home() as layout:
        lifecycle.start(customers=CUSTOMERS, seed=7)
        yield Running(layout)


@pytest.fixture
def owner(running: Running) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with database.owner(running.layout) as connection:
        yield connection
