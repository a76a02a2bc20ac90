"""Channels against a real local HTTP server and a real local SMTP server."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from customer360.observe import notifiers
from customer360.observe.messages import render
from customer360.observe.notifiers import MailNotifier, NotificationFailed, NotifierMisconfigured, SlackNotifier, mail_from_uri
from tests.unit.observe.test_messages import OVER, REFUSED

MESSAGE = render([REFUSED], "opened")


class SlackSink(HTTPServer):
    """Answers with `status` and keeps what was posted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SlackHandler)
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T0/B0/secret-part"


class _SlackHandler(BaseHTTPRequestHandler):
    server: SlackSink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(json.loads(body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slack() -> Iterator[SlackSink]:
    with SlackSink() as sink:
        thread = threading.Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()


class MailSink:
    """Keeps mails; refuses recipients that begin with `refused`."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer = "250 taken"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("refused"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return self.answer


@pytest.fixture
def mail() -> Iterator[tuple[MailSink, int]]:
    sink = MailSink()
    with socket.socket() as probe:  # aiosmtpd's controller cannot be given port 0
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield sink, port
    finally:
        controller.stop()


def test_slack_gets_text_and_blocks_and_the_address_is_not_logged(slack: SlackSink, caplog: pytest.LogCaptureFixture) -> None:
    notifier = SlackNotifier(webhook_url=slack.url)
    with caplog.at_level(logging.INFO):
        notifier.send(MESSAGE)
    assert slack.posts == [{"text": MESSAGE.subject, "blocks": list(MESSAGE.blocks)}]
    assert "secret-part" not in caplog.text + repr(notifier)


@pytest.mark.parametrize(("status", "channel_down"), [(400, False), (403, True), (404, True), (429, True), (500, True), (503, True)])
def test_slack_failures_say_whether_others_would_fail_too(slack: SlackSink, status: int, channel_down: bool) -> None:
    slack.status, slack.headers = status, {"Retry-After": "77"}
    with pytest.raises(NotificationFailed) as caught:
        SlackNotifier(webhook_url=slack.url).send(MESSAGE)
    assert (caught.value.channel_down, caught.value.retry_after, str(caught.value)) == (channel_down, 77.0, f"Slack answered {status}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/secret-part", "no address secret-part"])
def test_slack_out_of_reach_keeps_its_address_to_itself(url: str) -> None:
    with pytest.raises(NotificationFailed) as caught:
        SlackNotifier(webhook_url=url, timeout=2).send(MESSAGE)
    assert caught.value.channel_down and "secret-part" not in str(caught.value)


def test_mail_has_both_parts_and_goes_to_recipients_and_owner(mail: tuple[MailSink, int]) -> None:
    sink, port = mail
    notifier = mail_from_uri(f"smtp://127.0.0.1:{port}?from=alerts@example.com&to=data@example.com,sales-ops@example.com")
    notifier.send(MESSAGE)
    ((recipients, received),) = sink.mails
    assert recipients == ["data@example.com", "sales-ops@example.com"]
    assert received["Subject"] == MESSAGE.subject and received["From"] == "alerts@example.com"
    plain, html = received.get_body(("plain",)), received.get_body(("html",))
    assert plain and html
    assert "12,345 rows refused" in plain.get_content() and "12,345 rows refused" in html.get_content()


def test_the_end_joins_the_thread_of_the_beginning(mail: tuple[MailSink, int]) -> None:
    sink, port = mail
    notifier = MailNotifier(host="127.0.0.1", port=port, sender="alerts@example.com", recipients=["a@example.com"], tls="none")
    notifier.send(MESSAGE)
    notifier.send(render([OVER], "closed"))
    (_, first), (_, last) = sink.mails
    assert last["In-Reply-To"] == first["Message-ID"] != last["Message-ID"]


def test_one_refused_recipient_does_not_cost_the_others_theirs(mail: tuple[MailSink, int]) -> None:
    sink, port = mail
    common = {"host": "127.0.0.1", "port": port, "sender": "alerts@example.com", "tls": "none"}
    MailNotifier(**common, recipients=["refused@example.com", "a@example.com"]).send(render([OVER], "closed"))
    assert [recipients for recipients, _ in sink.mails] == [["a@example.com", "sales-ops@example.com"]]
    sink.answer = "451 later"
    with pytest.raises(NotificationFailed, match="451"):
        MailNotifier(**common, recipients=["a@example.com"]).send(MESSAGE)


def test_mail_that_cannot_go_says_why_without_addresses(mail: tuple[MailSink, int]) -> None:
    _, port = mail
    nobody = render([OVER], "closed")
    object.__setattr__(nobody, "owner_addresses", ())
    with pytest.raises(NotificationFailed, match="no recipient"):
        MailNotifier(host="127.0.0.1", port=port, sender="a@example.com", tls="none").send(nobody)
    with pytest.raises(NotificationFailed) as caught:  # this server knows no STARTTLS: the message must not go in the clear
        MailNotifier(host="127.0.0.1", port=port, sender="a@example.com", recipients=["b@example.com"], tls="starttls").send(MESSAGE)
    assert caught.value.channel_down and "example.com" not in str(caught.value)
    with pytest.raises(NotificationFailed, match="failed"):
        MailNotifier(host="127.0.0.1", port=9, sender="a@example.com", tls="none", timeout=2).send(MESSAGE)


@pytest.mark.parametrize(
    ("uri", "port", "tls"),
    [
        ("smtp://mail.example.com?from=a@b.c", 587, "starttls"),
        ("smtps://mail.example.com?from=a@b.c", 465, "implicit"),
        ("smtp://127.0.0.1:5481?from=a@b.c", 5481, "none"),
        ("smtp://relay.example.com:25?from=a@b.c&tls=none", 25, "none"),
    ],
)
def test_tls_is_the_default_to_every_real_host(uri: str, port: int, tls: str) -> None:
    notifier = mail_from_uri(uri)
    assert (notifier.port, notifier.tls) == (port, tls)


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("smtp://user:hunter2@mail.example.com?from=a@b.c&tls=none", "TLS only"),
        ("smtp://user:hunter2@mail.example.com", "no sender"),
        ("smtp://user:hunter2@mail.example.com:port?from=a@b.c", "not an address"),
        ("http://user:hunter2@mail.example.com?from=a@b.c", "not an address"),
        ("smtp://user:hunter2@mail.example.com?from=a@b.c&tls=yes", "starttls, implicit or none"),
        ("smtp://user:hunter2@mail.example.com?from=a@b.c&sender=x", "unknown option sender"),
    ],
)
def test_a_wrong_connection_is_named_without_its_password(uri: str, complaint: str) -> None:
    with pytest.raises(NotifierMisconfigured, match=complaint) as caught:
        mail_from_uri(uri)
    assert "hunter2" not in str(caught.value)


def test_only_configured_channels_exist(monkeypatch: pytest.MonkeyPatch, c360_home: object) -> None:
    assert notifiers.configured() == {}
    monkeypatch.setenv("C360_CONN_SLACK", "http://127.0.0.1:9/x")
    monkeypatch.setenv("C360_CONN_SMTP", "smtp://127.0.0.1:25?from=a@b.c")
    assert set(notifiers.configured()) == {"slack", "mail"}
