"""Alerts by Airflow's own hooks, to a real HTTP endpoint and a real SMTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from customer360.observe import incidents
from customer360.platform import home

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


class SlackEndpoint:
    def __init__(self) -> None:
        self.status, self.posts = 200, []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.posts.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(endpoint.status)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackEndpoint]:
    endpoint = SlackEndpoint()
    connection = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{endpoint.port}/services", "password": "T0/B0/secret-token"}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK", json.dumps(connection))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield endpoint
    endpoint.close()


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    from sandbox.sinks.mail import Mailbox
    from sandbox.sinks.smtp import controller

    port = next(port for port in range(28100, 29000) if home.port_is_free(port))
    mailbox = Mailbox(tmp_path / "mails")
    server = controller(mailbox, port)
    server.start()
    extra = {"from_email": "alerts@example.com", "to": "team@example.com", "disable_ssl": True, "disable_tls": True}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP", json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}))
    yield mailbox
    server.stop()


def context(exception: BaseException | None = None) -> dict[str, Any]:
    ti = SimpleNamespace(
        dag_id="customer_360_live",
        task_id="build",
        try_number=4,
        log_url="http://localhost:8360/dags/customer_360_live/runs/r1/tasks/build",
    )
    return {"ti": ti, "exception": exception}


@pytest.mark.usefixtures("plugins")
class TestAlerts:
    def test_a_failed_task_is_told_once_and_when_it_is_over(self, warehouse: Any, slack: SlackEndpoint, mails: Any) -> None:
        from customer360_airflow import alerts

        alerts.on_failure(context(ValueError("mary@example.com is no number")))
        alerts.on_failure(context(ValueError("mary@example.com is no number")))
        path, message = slack.posts[0]
        assert len(slack.posts) == 1 and path == "/services/T0/B0/secret-token"
        assert "customer_360_live.build failed" in message["text"]
        assert "http://localhost:8360/dags/customer_360_live/runs/r1" in json.dumps(message["blocks"])
        received = mails.all()
        assert [mail["to"] for mail in received] == [["team@example.com"]]
        assert "mary@example.com" not in json.dumps(message) + str(received), "an exception's text may hold a value"

        alerts.on_success(context())
        assert len(slack.posts) == 2 and "[over]" in slack.posts[1][1]["text"]
        assert len(mails.all()) == 2
        alerts.on_success(context())
        assert len(slack.posts) == 2

    def test_what_was_told_with_the_state_is_not_told_again(self, warehouse: Any, slack: SlackEndpoint) -> None:
        from customer360_airflow import alerts
        from customer360_airflow.steps import LoadRefused

        alerts.on_failure(context(LoadRefused("load 7 was refused")))
        assert warehouse.fetch("select count(*) from ops.incident") == [(0,)]

    def test_errors_of_ours_are_told_in_full(self, warehouse: Any, slack: SlackEndpoint) -> None:
        from customer360_airflow import alerts

        from customer360.errors import UserError

        alerts.on_failure(context(UserError("contracts/shop.yaml:12: unknown key")))
        assert "contracts/shop.yaml:12: unknown key" in json.dumps(slack.posts[0][1])

    def test_without_a_connection_nothing_is_sent_and_nothing_fails(self, warehouse: Any, c360_home: Path) -> None:
        from customer360_airflow import alerts

        alerts.on_failure(context(ValueError("no")))
        with warehouse.connect() as connection:
            assert [incident.subject for incident in incidents.find(connection)] == ["customer_360_live.build"]

    def test_a_channel_that_is_down_fails_nothing_and_is_tried_again(self, warehouse: Any, slack: SlackEndpoint) -> None:
        from customer360_airflow import alerts

        slack.status = 503
        alerts.on_failure(context(ValueError("no")))
        refused = warehouse.fetch("select attempts, sent_at, last_error from ops.notification where channel = 'slack'")
        assert refused[0][:2] == (1, None) and "secret-token" not in refused[0][2]
        slack.status = 200
        with warehouse.connect() as connection:
            connection.execute("update ops.notification set next_attempt_at = now()")
        alerts.dispatch()
        assert warehouse.fetch("select sent_at is not null from ops.notification where channel = 'slack'") == [(True,)]

    def test_a_warehouse_that_is_down_does_not_hide_the_tasks_own_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from customer360_airflow import alerts

        monkeypatch.setenv("C360_CONN_WAREHOUSE", "postgresql://nobody:nothing@127.0.0.1:1/none")
        alerts.on_failure(context(ValueError("no")))
        alerts.on_success(context())
