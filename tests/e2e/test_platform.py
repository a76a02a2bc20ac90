"""One real platform: demo, what it must show, a second demo that changes nothing, a broken feed and its recovery, a live change, the end.

The tests build on each other, in this order, on one stack; it is the only one of a test run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from customer360.contracts.reader import load_contracts
from customer360.platform import home
from customer360.platform.airflow_api import AirflowApi
from customer360.platform.processes import ProcessBook

REPO = Path(__file__).resolve().parents[2]
CUSTOMERS = 300
pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.integration, pytest.mark.timeout(1500)]


@dataclass(frozen=True)
class Stack:
    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Our command, as a user calls it."""
        done = subprocess.run(
            [sys.executable, "-c", "from customer360.cli import main; main()", *arguments],
            env=self.environment, cwd=REPO, capture_output=True, text=True, check=False, timeout=1200,
        )  # fmt: skip
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "platform.json").read_text()))

    def uri(self, name: str = "warehouse") -> str:
        return str(json.loads((self.home / "connections.json").read_text())[name])

    def fetch(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.uri(), autocommit=True, options="-c timezone=UTC") as connection:
            return connection.execute(query, parameters or None).fetchall()

    def api(self, user: str = "admin") -> AirflowApi:
        password = json.loads((self.home / "secrets.json").read_text())[f"airflow-{user}"]
        return AirflowApi(f"http://127.0.0.1:{self.state()['ports']['airflow']}", user=user, password=password)

    def ingest(self, system: str) -> dict[str, str | None]:
        """Run one ingest DAG now; the states of its tasks."""
        with self.api() as api:
            run_id = api.trigger(f"ingest_{system}")
            api.wait(f"ingest_{system}", run_id, timeout=180)
            return {task.task_id: task.state for task in api.tasks(f"ingest_{system}", run_id)}

    def alerts(self) -> str:
        return self.run("sandbox", "alerts")


def _free_ports() -> Iterator[int]:
    port = 27000 + os.getpid() % 300 * 10
    while True:
        if home.port_is_free(port):
            yield port
        port += 1


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("platform")
    ports = _free_ports()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("C360_", "AIRFLOW"))},
        "C360_HOME": str(folder),
        "DEMO_CUSTOMERS": str(CUSTOMERS),
        **{variable: str(next(ports)) for variable, _ in home.PORTS.values()},
    }
    made = Stack(home=folder, environment=environment)
    yield made
    made.run("down")


@pytest.fixture(scope="module")
def first_demo(stack: Stack) -> str:
    return stack.run("demo")


def fingerprint(stack: Stack, *schemas: str) -> dict[str, tuple[int, int]]:
    """Rows and the transactions that wrote them, per table: a row written again with the same values shows too."""
    tables = stack.fetch(
        "select schemaname, tablename from pg_tables where schemaname = any(%s)"
        " and (schemaname <> 'intermediate' or tablename like 'int\\_%%') order by 1, 2",  # dbt writes its seeds anew each time
        list(schemas),
    )
    assert len(tables) > 5
    return {
        f"{schema}.{table}": stack.fetch(f'select count(*), coalesce(sum(xmin::text::bigint), 0)::bigint from "{schema}"."{table}"')[0]  # type: ignore[misc]
        for schema, table in tables
    }


def wait(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(1)


def settled(stack: Stack) -> bool:
    """No live run is queued or running, and dbt has read the change log to its end."""
    with stack.api() as api:
        busy = [
            run for dag in ("customer_360_live", "customer_360_nightly") for run in api.runs(dag) if run["state"] in ("queued", "running")
        ]
    behind = stack.fetch(
        "select (select max(seq) from ops.change) > coalesce((select seq from ops.consumer_offset where log = 'ops.change' and consumer = 'dbt'), 0)"
    )
    return not busy and not behind[0][0]


# ------------------------------------------------------------------------------------------------ the demo
def test_every_row_is_accounted_for(stack: Stack, first_demo: str) -> None:
    declared = {obj.full_name for contract in load_contracts().values() for obj in contract.objects}
    shown: dict[str, list[int]] = {}
    for line in first_demo.splitlines():
        if found := re.match(r"\s+(\w+\.\w+)((?:\s+[\d,]+){6})\s+ok$", line):
            shown[found[1]] = [int(number.replace(",", "")) for number in found[2].split()]
    assert set(shown) == declared
    assert all(extracted == sum(parts) for extracted, *parts in shown.values())
    assert sum(published for _, published, *_ in shown.values()) > 10 * CUSTOMERS
    held = dict(stack.fetch("select system || '.' || object, sum(extracted) from ops.load where state = 'published' group by 1"))
    assert all(shown[name][0] <= held[name] for name in declared), "live runs may have added loads since"
    assert "DOES NOT ADD UP" not in first_demo


def test_the_summary_shows_gate_customers_golden_record_and_the_way_in(stack: Stack, first_demo: str) -> None:
    records, customers = stack.fetch("select count(*), count(distinct customer_id) from identity.membership where valid_to is null")[0]
    assert CUSTOMERS / 2 < customers < records
    assert f"{records:,} source records → {customers:,} customers" in first_demo
    for expected in ("Gate, last load", "One golden record", "Airflow    http://localhost:", "PGPASSWORD=", "sandbox alerts"):
        assert expected in first_demo
    assert re.search(r"(email|phone)\s+\S+\s+(shop|crm|email|web|billing|support|marketing|surveys|reviews)\.\w+:\S+", first_demo), (
        "the golden record names no source"
    )


def test_the_analysts_line_sees_masked_marts_and_nothing_else(stack: Stack, first_demo: str) -> None:
    found = re.search(r"PGPASSWORD=(\S+) (\S+) (-h .*)$", first_demo, re.MULTILINE)
    assert found is not None

    def ask(query: str) -> subprocess.CompletedProcess[str]:
        command = [found[2], *found[3].split(), "-tAc", query]
        return subprocess.run(command, env={**os.environ, "PGPASSWORD": found[1]}, capture_output=True, text=True, check=False)

    masked = ask("select distinct email from marts.dim_customer where email is not null").stdout.split()
    assert masked == ["***"]
    for query in (
        "select 1 from raw.shop__customers",
        "select 1 from intermediate.int_customers_pivoted",
        "select 1 from identity.customer",
    ):
        refused = ask(query)
        assert refused.returncode != 0 and "permission denied" in refused.stderr, query


def test_nothing_personal_is_in_a_log(stack: Stack, first_demo: str) -> None:
    known = {row[0] for row in stack.fetch("select distinct email from raw.shop__customers where email like '%%@%%' limit 200")}
    assert len(known) > 50
    logs = [path for path in (stack.home / "logs").rglob("*") if path.is_file()]
    assert len(logs) > 40
    for path in logs:
        text = path.read_text(errors="replace")
        assert not [email for email in known if email in text], path


def test_users_have_the_rights_of_their_role(stack: Stack, first_demo: str) -> None:
    from customer360.platform.airflow_api import AirflowRunFailed

    with stack.api("analyst") as analyst:
        assert "customer_360_nightly" in analyst.dags()
        with pytest.raises(AirflowRunFailed, match="403"):
            analyst.trigger("customer_360_nightly")
    with stack.api("engineer") as engineer:
        engineer.pause("watch", paused=False)


def test_the_data_documentation_is_served_to_who_is_logged_in_only(stack: Stack, first_demo: str) -> None:
    import httpx

    with stack.api("analyst") as analyst:
        page = analyst.page("/customer360/docs/index.html")
        views = [view["url_route"] for plugin in analyst.request("GET", "/plugins")["plugins"] for view in plugin["external_views"]]
    assert "customer360-docs" in views, "the menu does not show it"
    assert page.status_code == 200 and "dim_customer" in page.text
    address = f"http://127.0.0.1:{stack.state()['ports']['airflow']}/customer360/docs/index.html"
    assert httpx.get(address, trust_env=False).status_code == 401


@pytest.mark.broad  # as long as the first
def test_a_second_demo_changes_no_row(stack: Stack, first_demo: str) -> None:
    wait(lambda: settled(stack), seconds=120, what="the live run after the first demo")
    before = fingerprint(stack, "raw", "raw_history", "identity", "intermediate")
    stack.run("demo")
    wait(lambda: settled(stack), seconds=120, what="the live run after the second demo")
    assert fingerprint(stack, "raw", "raw_history", "identity", "intermediate") == before


# -------------------------------------------------------------------------------------- a feed that breaks
def told(stack: Stack, subject: str) -> list[str]:
    """The channels that got a notice with this subject, once per notice."""
    return sorted(found[1] for found in re.finditer(rf"^\S+ (Slack|mail): {re.escape(subject)}", stack.alerts(), re.MULTILINE))


def test_a_broken_column_is_refused_told_and_mends_by_itself(stack: Stack, first_demo: str) -> None:
    before = fingerprint(stack, "raw")
    stack.run("sandbox", "fault", "on", "crm", "missing_column", "--object", "contacts", "--field", "LastName")
    states = stack.ingest("crm")
    assert states["contacts"] == "failed"
    assert stack.fetch("select state from ops.load where system = 'crm' and object = 'contacts' order by load_id desc limit 1") == [
        ("rejected",)
    ]
    after = fingerprint(stack, "raw")
    assert after["raw.crm__contacts"] == before["raw.crm__contacts"]
    assert set(stack.ingest("shop").values()) <= {"success", "skipped"}, "another system must run on"
    assert stack.fetch(
        "select count(*) from ops.incident where kind = 'task_failed' and closed_at is null and subject like '%%contacts'"
    ) == [(0,)]

    assert told(stack, "[critical] crm.contacts") == ["Slack", "mail"]
    assert f":{stack.state()['ports']['airflow']}/dags/ingest_crm/runs/" in stack.alerts(), "the alert links to its run"

    stack.ingest("crm")  # refused again: the same incident, no second alert
    assert told(stack, "[critical] crm.contacts") == ["Slack", "mail"]

    stack.run("sandbox", "fault", "off", "crm")
    assert stack.ingest("crm")["contacts"] in ("success", "skipped")
    assert told(stack, "[over] crm.contacts") == ["Slack", "mail"]
    assert stack.fetch("select count(*) from ops.incident where subject = 'crm.contacts' and closed_at is null") == [(0,)]


# ------------------------------------------------------------------------------------------------- it lives
def test_a_change_at_a_source_reaches_the_golden_record_by_itself(stack: Stack, first_demo: str) -> None:
    with psycopg.connect(stack.uri(), autocommit=True) as connection:
        row = connection.execute(
            "select customer_id from raw.shop__customers where not _is_deleted and email like '%%@%%' order by customer_id limit 1"
        ).fetchone()
    assert row is not None
    stack.run("sandbox", "advance", "--changes", "30")
    changed = time.monotonic()
    newest = "select coalesce(max(finished_at), 'epoch') from ops.load where state = 'published' and published > 0"
    known = stack.fetch(newest)[0][0]
    wait(lambda: bool(stack.fetch(newest)[0][0] > known), seconds=150, what="an ingest run by its own schedule")
    wait(lambda: settled(stack), seconds=150, what="the live run")
    assert time.monotonic() - changed < 300
    late = stack.fetch(
        "select count(*) from identity.membership m left join intermediate.int_customer_records_bridged b using (record_id)"
        " where m.valid_to is null and b.customer_id is distinct from m.customer_id"
    )
    assert late == [(0,)]


# -------------------------------------------------------------------------------------------------- the end
def test_down_stops_all_of_it_and_nothing_else(stack: Stack, first_demo: str) -> None:
    assert "stopped" not in stack.run("status")
    book = ProcessBook(stack.home / "processes")
    pids = {record.pid for name in book.names() if (record := book.read(name))}
    assert len(pids) == 5, "four of Airflow, and the webhooks service"
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        stack.run("down")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    ours = [process for process in psutil.process_iter(["pid"]) if _belongs_to(process, stack.home)]
    assert ours == []
    assert "running" not in stack.run("status", expect=3)
    stack.run("down")


def _belongs_to(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("C360_HOME") == str(folder) or str(folder) in " ".join(process.cmdline())
    except psutil.Error:
        return False
