"""Start and stop the sandbox: the shop's PostgreSQL, the warehouses' broker, its server. What `customer360 up` and `down` call too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from customer360.errors import UserError
from customer360.platform import home
from customer360.platform.processes import ProcessBook
from sandbox import build, settling
from sandbox.crm.tokens import CLIENT_ID
from sandbox.faults import registry
from sandbox.inventory import bus
from sandbox.layout import Layout
from sandbox.reviews import outbox
from sandbox.shop import database
from sandbox.support.api import USER as SUPPORT_USER
from sandbox.surveys import sftp
from sandbox.world import World

_NAME = build.SERVER
_START_SECONDS = 40.0
SYSTEMS = ("shop", "crm", "web", "email", "billing", "support", "marketing", "surveys", "reviews", "inventory")


class SandboxError(UserError):
    """The sandbox cannot be started or stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """What runs, and where. Addresses hold no password; those with one are in connections.json."""

    exists: bool
    running: bool  # all processes; what a fault stopped counts as running, as does a broker that this platform has not
    server_pid: int | None
    shop_pid: int | None
    http_url: str
    slack_webhook_url: str
    alerts_url: str
    smtp_port: int
    shop_port: int
    truth: Path
    customers: int | None = None
    rows: dict[str, int] | None = None


def default_customers() -> int:
    """`DEMO_CUSTOMERS`, or 20,000. Raises SandboxError when it is no number."""
    text = os.environ.get("DEMO_CUSTOMERS", "20000")
    if not text.isdecimal():
        raise SandboxError(f"DEMO_CUSTOMERS={text!r} is no whole number")
    return int(text)


def start(home_folder: Path | None = None, customers: int | None = None, *, seed: int = 360, fresh: bool = False,
          progress: Callable[[str], None] | None = None) -> SandboxStatus:  # fmt: skip
    """Make the sandbox if there is none (or `fresh`), start its processes, write the connections; safe to call again.

    `home_folder` must be the platform's home (`$C360_HOME`); it is there for callers that hold it already.
    Raises UserError (ports taken, nonsense size), EmbeddedServerError.
    """
    layout = _layout(home_folder)
    shop = database.server(layout)
    if not shop.status().running and not _shop_is_down_on_purpose(layout):
        home.claim_port("shop_pg")
    if fresh:
        stop(home_folder)
    if fresh or not build.exists(layout):
        build.create(customers or default_customers(), seed=seed, fresh=fresh, progress=progress)
    elif not _shop_is_down_on_purpose(layout):
        database.server(layout).start()
    settling.settle(layout)
    book = _book(layout)
    if not book.is_running(_NAME):
        home.claim_port("sandbox")
        home.claim_port("smtp")
        home.claim_port("sftp")
    environment = {**os.environ, "C360_HOME": str(layout.home), "PYTHONPATH": _python_path()}
    book.start(_NAME, [sys.executable, "-m", "sandbox.server"], environment=environment, log=layout.log, cwd=_checkout())
    if not _is_on(layout, "inventory", "broker_down"):
        bus.start(layout, book)
    write_connections(layout)
    book.wait_answering(_NAME, f"http://127.0.0.1:{home.port('sandbox')}/health", timeout=_START_SECONDS)
    return status(home_folder)


def stop(home_folder: Path | None = None) -> bool:
    """Stop the processes, and nothing else. False when none ran."""
    layout = _layout(home_folder)
    book = _book(layout)
    server = book.stop(_NAME) | bus.stop(book)
    shop = layout.shop.exists() and database.server(layout).stop()
    return server or shop


def status(home_folder: Path | None = None) -> SandboxStatus:
    """What is there and what runs now."""
    layout = _layout(home_folder)
    book = _book(layout)
    record = book.read(_NAME) if book.is_running(_NAME) else None
    shop = database.server(layout).status()
    made = build.exists(layout)
    base = f"http://127.0.0.1:{home.port('sandbox')}"
    meta = {}
    if made:
        with World(layout.world) as world:
            meta = world.read_meta()
    return SandboxStatus(
        exists=made,
        running=record is not None
        and (shop.running or _shop_is_down_on_purpose(layout))
        and (_book(layout).is_running(bus.NAME) or bus.program() is None or _is_on(layout, "inventory", "broker_down")),
        server_pid=record.pid if record else None,
        shop_pid=shop.pid,
        http_url=base,
        slack_webhook_url=f"{base}/slack/services/T000/B000/sandbox",
        alerts_url=f"{base}/alerts",
        smtp_port=home.port("smtp"),
        shop_port=shop.port or home.port("shop_pg"),
        truth=layout.truth,
        customers=meta.get("customers"),
        rows=meta.get("rows"),
    )


def wait_told(*, timeout: float = 60.0) -> int:
    """Wait until what happened at the review portal was delivered; how many deliveries still wait after `timeout` seconds.

    While it signs wrongly nothing it sends is taken, and nothing is waited for.
    """
    layout = Layout(home.home())
    deadline = time.monotonic() + (0 if _is_on(layout, "reviews", "wrong_signature") else timeout)
    with World(layout.world, read_only=True) as world:
        while (waiting := outbox.number_waiting(world.connection)) and time.monotonic() < deadline:
            time.sleep(0.1)
    return waiting


def write_connections(layout: Layout) -> None:
    """Tell the platform where the systems are."""
    home.write_connection("inventory", bus.uri())
    port = home.port("shop_pg")
    home.write_connection("shop", database.reader_uri(port))
    home.write_connection("crm", f"http://{CLIENT_ID}:{home.secret('crm_client')}@127.0.0.1:{home.port('sandbox')}")
    home.write_connection("web", layout.web.as_uri())
    home.write_connection("email", layout.email.as_uri())
    base = f"127.0.0.1:{home.port('sandbox')}"
    home.write_connection("billing", f"http://{home.secret('billing_key')}:@{base}")
    home.write_connection("support", f"http://{quote(SUPPORT_USER, safe='')}:{home.secret('support_token')}@{base}")
    home.write_connection("marketing", layout.marketing.as_uri())
    home.write_connection("reviews", f"webhook://:{home.secret('reviews_webhook')}@receiver")
    home.write_connection("surveys", sftp.uri(home.port("sftp"), password=home.secret("surveys_sftp"), key=sftp.host_key(layout.sftp_key)))


def _layout(home_folder: Path | None) -> Layout:
    folder = home.ensure_home()
    if home_folder is not None and Path(home_folder).absolute() != folder:
        raise SandboxError(f"the sandbox lives in the platform's home, {folder}, not in {home_folder}; set C360_HOME")
    return Layout(folder)


def _book(layout: Layout) -> ProcessBook:
    return ProcessBook(layout.processes)


def _checkout() -> Path:
    return Path(__file__).resolve().parents[1]


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(_checkout()), os.environ.get("PYTHONPATH", "")]))


def _shop_is_down_on_purpose(layout: Layout) -> bool:
    return _is_on(layout, "shop", "connection_refused")


def _is_on(layout: Layout, system: str, fault: str) -> bool:
    """Whether somebody broke the system in that way."""
    if not build.exists(layout):
        return False
    with World(layout.world) as world:
        return (system, fault) in registry.active(world, system)
