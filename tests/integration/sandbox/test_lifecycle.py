"""Start, stop, status, the sinks, and the command line over them."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

import httpx
import psutil
import pytest

from customer360 import cli
from customer360.platform import home
from sandbox import lifecycle, truth
from sandbox.lifecycle import SandboxError
from tests.integration.sandbox.conftest import CUSTOMERS, Running, query_all

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["customer360", "sandbox", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def test_start_again_changes_nothing(running: Running) -> None:
    before = lifecycle.status()
    assert before.running
    assert lifecycle.start() == before
    assert before.customers == CUSTOMERS
    # others may have let time pass in this sandbox, which only adds accounts
    assert before.rows and 0 < before.rows["shop.customers"] <= running.shop("select count(*) from customers")[0][0]


def test_connections_are_written_for_the_owner_alone(running: Running) -> None:
    assert set(home.read_connections()) >= set(lifecycle.SYSTEMS)
    assert (home.home() / "connections.json").stat().st_mode & 0o777 == 0o600
    assert home.read_connections()["web"] == running.layout.web.as_uri()


def test_stop_ends_both_processes_and_start_brings_the_data_back(running: Running) -> None:
    found = lifecycle.status()
    customers = running.shop("select count(*) from customers")
    assert found.server_pid
    assert found.shop_pid
    assert lifecycle.stop()
    assert not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in (found.server_pid, found.shop_pid)
    )
    assert not lifecycle.status().running
    assert not lifecycle.stop()
    lifecycle.start()
    assert running.shop("select count(*) from customers") == customers


def test_a_killed_server_starts_again_and_knows_its_tokens(running: Running) -> None:
    client = running.crm()
    pid = lifecycle.status().server_pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while lifecycle.status().running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lifecycle.status().running
    assert lifecycle.start().running
    with client:
        assert query_all(client, "SELECT Id FROM Account")


def test_another_home_is_refused(running: Running) -> None:
    with pytest.raises(SandboxError, match="C360_HOME"):
        lifecycle.status(running.layout.home / "elsewhere")


def test_slack_takes_what_slack_takes_and_shows_it(running: Running) -> None:
    httpx.delete(f"{running.base}/slack/messages")
    address = lifecycle.status().slack_webhook_url
    message = {"text": "load refused", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*crm.contacts* <b>"}}]}
    assert httpx.post(address, json=message).text == "ok"
    assert httpx.post(address, data={"payload": json.dumps({"text": "by form"})}).text == "ok"
    assert httpx.post(address, content=b"{").status_code == 400
    assert httpx.post(address, json={"text": ""}).text == "no_text"
    kept = httpx.get(f"{running.base}/slack/messages").json()
    assert [m["payload"]["text"] for m in kept] == ["load refused", "by form"]
    page = httpx.get(f"{running.base}/alerts")
    assert page.headers["content-type"].startswith("text/html")
    assert "*crm.contacts* &lt;b&gt;" in page.text


def test_mails_are_kept_as_they_came(running: Running) -> None:
    httpx.delete(f"{running.base}/mails")
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Überfällig: crm.contacts", "alerts@example.com", "team@example.com"
    mail.set_content("Two rows – refused.")
    with smtplib.SMTP("127.0.0.1", home.port("smtp"), timeout=10) as server:
        server.send_message(mail, to_addrs=["team@example.com", "second@example.com"])
    kept = httpx.get(f"{running.base}/mails").json()
    assert len(kept) == 1
    assert kept[0]["subject"] == "Überfällig: crm.contacts"
    assert kept[0]["to"] == ["team@example.com", "second@example.com"]
    assert kept[0]["text"].strip() == "Two rows – refused."
    assert len(list(running.layout.mails.glob("*.eml"))) == 1


def test_the_command_breaks_and_mends_a_column(running: Running, command: Command) -> None:
    assert command("fault", "on", "crm", "missing_column", "--object", "contacts", "--field", "Email").returncode == 0
    with running.crm() as client:
        assert all("Email" not in r for r in query_all(client, "SELECT Id, Email FROM Contact"))
    assert "crm missing_column" in command("status").stdout
    assert command("fault", "off", "crm", "missing_column").returncode == 0
    with running.crm() as client:
        assert any(r["Email"] for r in query_all(client, "SELECT Id, Email FROM Contact"))


def test_the_command_says_what_is_wrong(running: Running, command: Command) -> None:
    wrong = command("fault", "on", "crm", "missing_column", "--object", "contacts")
    assert wrong.returncode == 2
    assert "--field" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert command("advance", "--hours", "1", "--changes", "2").returncode == 2


def test_the_command_lets_time_pass_and_tells_the_truth(running: Running, command: Command) -> None:
    before = len(truth.read(running.layout.truth))
    done = command("advance", "--changes", "25", "--seed", "4")
    assert done.returncode == 0, done.stderr
    assert len(truth.read(running.layout.truth)) > before
    assert "persons" in command("truth").stdout
    record = truth.read(running.layout.truth)[0]["record_id"]
    assert record in command("truth", record).stdout
    assert command("truth", "shop.customers:0").returncode == 2
    assert "connection_refused" in command("fault", "list").stdout
