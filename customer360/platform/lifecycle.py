"""Start, stop and report a whole platform: warehouse, sandbox, Airflow. Every step finds out what is there already.

Independent parts start side by side. What is stopped is what the records in `$C360_HOME` name, and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import psycopg
from psycopg import sql

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.observe.notifiers import mail_from_uri
from customer360.platform import home
from customer360.platform.airflow_stack import COMPONENTS, AirflowStack
from customer360.platform.processes import ProcessBook
from customer360.warehouse import connections
from customer360.warehouse.embedded import EmbeddedServer
from customer360.warehouse.migrations import migrate
from customer360.warehouse.roles import Role, grant_login

Say = Callable[[str], None]

WAREHOUSE = "customer360"
WEBHOOKS = "webhooks"
_WEBHOOKS_SECONDS = 60.0
METADATA = "airflow"  # the database and the login that owns it
OWNER = "c360"  # the login that owns the warehouse; steps take their role with SET ROLE


class PlatformBusy(UserError):
    """Another `up`, `down` or `demo` of this platform is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where a running platform answers."""

    airflow: AirflowStack
    warehouse: EmbeddedServer
    has_sandbox: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of `customer360 status`."""

    name: str
    running: bool
    where: str


def up(say: Say, *, sandbox: bool = True, customers: int = 20_000, airflow: bool = True) -> Platform:
    """Start everything that is not running and return when it answers. `customers` is the size of a sandbox made now.

    Raises UserError (a taken port, a server that does not come up, a run of this command under way) with what to do.
    """
    with _exclusive():
        book = _book()
        server = warehouse_server(claim=True)
        say(f"PostgreSQL: starting on port {server.port}")
        server.start()
        _create_databases(server)
        home.write_connection("warehouse", _uri(server, OWNER, WAREHOUSE))
        with ThreadPoolExecutor(3) as pool:
            work = [pool.submit(_prepare_warehouse, say)]
            if sandbox:
                work.append(pool.submit(_start_sandbox, customers, say))
            if airflow:
                port = home.port("airflow") if book.is_running("airflow-api-server") else home.claim_port("airflow")
                work.append(pool.submit(_stack(server, port, book).prepare, say))
            for each in work:
                each.result()
        _start_webhooks(book, say)
        _remember_ports()
        stack = _stack(server, home.port("airflow"), book)  # again: the sandbox has written its connections meanwhile
        if airflow:
            _parse_dbt(say)
            say("Airflow: starting scheduler, API server, DAG processor and triggerer")
            stack.start()
            stack.wait_healthy(say)
        if book.read(WEBHOOKS) is not None:
            book.wait_answering(WEBHOOKS, f"{_webhooks_url()}/health", timeout=_WEBHOOKS_SECONDS)
            if sandbox:
                _wait_told(say)
        return Platform(airflow=stack, warehouse=server, has_sandbox=sandbox)


def down(say: Say) -> None:
    """Stop every process that `up` started. Data stays. Safe to run again, and when something has died already."""
    with _exclusive():
        book = _book()
        names = [name for name in book.names() if name == WEBHOOKS or name.startswith("airflow-")]
        with ThreadPoolExecutor(max(1, len(names))) as pool:  # each takes seconds to end its children in order
            for name, was_running in zip(names, pool.map(book.stop, names), strict=True):
                say(f"{name}: {'stopped' if was_running else 'was not running'}")
        _stop_sandbox(say)
        if _has_cluster():
            say(f"PostgreSQL: {'stopped' if warehouse_server().stop() else 'was not running'}")


def status() -> list[Part]:
    """What runs, and where."""
    book = _book()
    parts = []
    if _has_cluster():
        found = warehouse_server().status()
        parts.append(Part(name="postgresql", running=found.running, where=f"127.0.0.1:{found.port}" if found.running else ""))
    parts += _sandbox_status()
    addresses = {"airflow-api-server": f"http://localhost:{home.port('airflow')}", WEBHOOKS: f"{_webhooks_url()}/webhooks"}
    for name in (*COMPONENTS, WEBHOOKS):
        record = book.read(name)
        running = book.is_running(name)
        if record is not None:
            shown = addresses.get(name, f"process {record.pid}")
            parts.append(Part(name=name, running=running, where=shown if running else record.log))
    return parts


def platform() -> Platform:
    """The platform as it was started. Raises UserError when it is not running."""
    server = warehouse_server()
    if not _has_cluster() or not server.status().running:
        raise UserError("the platform is not running; start it with `customer360 up`")
    return Platform(airflow=_stack(server, home.port("airflow"), _book()), warehouse=server, has_sandbox=bool(_sandbox_status()))


def warehouse_server(*, claim: bool = False) -> EmbeddedServer:
    """The embedded server of this platform; `claim` makes sure that its port is free or its own."""
    folder = home.home() / "postgres"
    password = home.secret("postgres")
    server = EmbeddedServer(folder, home.port("pg"), password=password)
    if claim and not (_has_cluster() and server.status().running):
        return EmbeddedServer(folder, home.claim_port("pg"), password=password)
    return server


def analyst_password() -> str:
    """Password of the database login `c360_analyst`."""
    return home.secret("c360_analyst")


# ---------------------------------------------------------------------------------------------------- parts
def _create_databases(server: EmbeddedServer) -> None:
    """The warehouse and Airflow's metadata, each with a login that owns it and cannot reach the other."""
    with psycopg.connect(server.uri(), autocommit=True) as connection:
        logins = {row[0] for row in connection.execute("select rolname from pg_roles")}
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        for login, database, rights in ((OWNER, WAREHOUSE, "createrole"), (METADATA, METADATA, "nocreaterole")):
            if login not in logins:
                connection.execute(sql.SQL("create role {} login {}").format(sql.Identifier(login), sql.SQL(rights)))
                verifier = connection.pgconn.encrypt_password(
                    home.secret(f"pg_{login}").encode(), login.encode(), b"scram-sha-256"
                ).decode()
                connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(login), sql.Literal(verifier)))
            if database not in databases:
                connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(login)))
        connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(METADATA)))


def _uri(server: EmbeddedServer, login: str, database: str) -> str:
    return f"postgresql://{login}:{home.secret(f'pg_{login}')}@127.0.0.1:{server.port}/{database}"


def _prepare_warehouse(say: Say) -> None:
    with connections.connect() as connection:
        applied = migrate(connection)
        grant_login(connection, Role.ANALYST, analyst_password())
    if applied:
        say(f"warehouse: {len(applied)} migrations applied")


def _stack(server: EmbeddedServer, port: int, book: ProcessBook) -> AirflowStack:
    return AirflowStack(
        home=home.home(),
        repo=home.repo(),
        port=port,
        database=_uri(server, METADATA, METADATA).replace("postgresql://", "postgresql+psycopg2://", 1),
        connections=_airflow_connections(server),
        book=book,
    )


def _airflow_connections(server: EmbeddedServer) -> dict[str, str]:
    """Airflow connections by id: those of the library, alerts in the form of Airflow's hooks, and the metadata database."""
    known = home.read_connections()
    known["airflow_metadata"] = _uri(server, METADATA, METADATA)
    for name, translate in (("slack", _slack_connection), ("smtp", _smtp_connection)):
        if name in known:
            known[name] = json.dumps(translate(known[name]))
    return known


def _slack_connection(uri: str) -> dict[str, str]:
    base, _, token = uri.partition("/services/")
    return {"conn_type": "slackwebhook", "host": f"{base}/services", "password": token}


def _smtp_connection(uri: str) -> dict[str, object]:
    mail = mail_from_uri(uri)
    extra = {
        "from_email": mail.sender,
        "to": ",".join(mail.recipients),
        "disable_ssl": mail.tls != "implicit",
        "disable_tls": mail.tls != "starttls",
        "timeout": 10,
        "retry_limit": 1,
    }
    return {"conn_type": "smtp", "host": mail.host, "port": mail.port, "login": mail.username, "password": mail.password, "extra": extra}


def _parse_dbt(say: Say) -> None:
    """DAGs are made from dbt's manifest, and each run takes it as it is."""
    from customer360.pipeline import dbt_run

    say("dbt: parsing the project where it has changed")
    dbt_run.manifest(target_path=manifest_folder())


def manifest_folder() -> Path:
    """Where dbt's parsed project lies for Airflow."""
    return home.home() / "dbt" / "manifest"


def _start_webhooks(book: ProcessBook, say: Say) -> None:
    """The service that takes webhooks in, where contracts declare any; all their secrets must be known."""
    declared = [contract for contract in load_contracts().values() if contract.kind == "webhook"]
    if not declared or book.is_running(WEBHOOKS):
        return
    try:
        for contract in declared:
            connections.uri(contract.connection)
    except connections.ConnectionNotConfigured as missing:
        say(f"webhooks: not started; {missing}")
        return
    port = home.claim_port(WEBHOOKS)
    command = [sys.executable, "-c", "from customer360.cli import main; main()", "serve", "webhooks", "--port", str(port)]
    environment = {**os.environ, "C360_HOME": str(home.home())}
    book.start(WEBHOOKS, command, environment=environment, log=home.home() / "logs" / "webhooks.log", cwd=home.repo())
    say(f"webhooks: starting on port {port}")


def _webhooks_url() -> str:
    return f"http://127.0.0.1:{home.port(WEBHOOKS)}"


def _wait_told(say: Say) -> None:
    from sandbox import lifecycle

    if waiting := lifecycle.wait_told():
        say(f"sandbox: {waiting} webhook deliveries wait; `customer360 sandbox status` says which faults are on")


def _start_sandbox(customers: int, say: Say) -> None:
    from sandbox import lifecycle

    started = lifecycle.start(customers=customers, progress=say)
    home.write_connection("slack", started.slack_webhook_url)
    home.write_connection("smtp", f"smtp://127.0.0.1:{started.smtp_port}?from=alerts@customer360.example&to=data-team@customer360.example")
    say(f"sandbox: {started.customers:,} people, each seen by several systems" if started.customers else "sandbox: running")


def _stop_sandbox(say: Say) -> None:
    from sandbox import lifecycle

    if lifecycle.status().exists:
        say(f"sandbox: {'stopped' if lifecycle.stop() else 'was not running'}")


def _sandbox_status() -> list[Part]:
    from sandbox import lifecycle

    found = lifecycle.status()
    if not found.exists:
        return []
    return [
        Part(
            name="sandbox",
            running=found.running,
            where=f"{found.http_url} (CRM, alerts), 127.0.0.1:{found.shop_port} (shop), :{found.smtp_port} (mail)",
        )
    ]


# --------------------------------------------------------------------------------------------------- small
def _remember_ports() -> None:
    """Ports given by the environment count for later commands too, which may be called without it."""
    used = {name: home.port(name) for name in home.PORTS}
    home.update_state(lambda state: state.setdefault("ports", {}).update(used))


def _book() -> ProcessBook:
    return ProcessBook(home.home() / "processes")


def _has_cluster() -> bool:
    return (home.home() / "postgres" / "PG_VERSION").exists()


@contextmanager
def _exclusive() -> Iterator[None]:
    """One `up` or `down` of a platform at a time."""
    with (home.ensure_home() / ".lifecycle.lock").open("a") as handle:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise PlatformBusy(f"another command is starting or stopping the platform in {home.home()}; wait for it to end") from None
        yield


def clocked(tell: Callable[[str], None]) -> Say:
    """`tell` with the seconds since now in front; usable from several threads."""
    began, lock = time.monotonic(), threading.Lock()

    def say(message: str) -> None:
        with lock:
            tell(f"{time.monotonic() - began:6.1f} s  {message}")

    return say
