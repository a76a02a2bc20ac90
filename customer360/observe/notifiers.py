"""Channels: a Slack incoming webhook and mail over SMTP. Plain Python, usable without Airflow.

Connections: `slack` is the webhook's address; `smtp` is
`smtp://user:password@host:port?from=alerts@…&to=a@…,b@…&tls=starttls|implicit|none` (`smtps://` means implicit TLS).
Both are secrets: neither is logged or put into an error.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Literal, Protocol, cast, get_args
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from customer360.errors import UserError
from customer360.observe.messages import Message
from customer360.warehouse import connections

logger = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs each address, and a webhook's address is its password

Tls = Literal["starttls", "implicit", "none"]

_TIMEOUT = 10.0  # seconds, per message


class NotifierMisconfigured(UserError):
    """The connection of an alert channel says something impossible."""


class NotificationFailed(Exception):
    """A channel did not take a message. The text holds neither address nor content."""

    def __init__(self, reason: str, *, channel_down: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.channel_down = channel_down  # other messages would fail as well
        self.retry_after = retry_after  # seconds the channel asked us to wait


class Notifier(Protocol):
    """Tells one channel. Raises NotificationFailed (any other exception counts as one) if the message was not taken."""

    def send(self, message: Message) -> None:
        """Returns when the channel has the message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackNotifier:
    """Posts to an incoming webhook."""

    webhook_url: str = field(repr=False)
    timeout: float = _TIMEOUT

    def send(self, message: Message) -> None:
        """Posts the message's blocks, with its subject for notifications on a phone."""
        try:
            response = httpx.post(self.webhook_url, json={"text": message.subject, "blocks": list(message.blocks)}, timeout=self.timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotificationFailed(f"Slack could not be reached: {type(error).__name__}", channel_down=True) from None
        if response.is_success:
            return
        status = response.status_code
        raise NotificationFailed(
            f"Slack answered {status}",
            channel_down=status in (401, 403, 404, 410, 429) or status >= 500,
            retry_after=_seconds(response.headers.get("Retry-After")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNotifier:
    """Sends one multipart mail to the configured recipients and to the owner that the contract names."""

    host: str
    port: int
    sender: str
    recipients: Sequence[str] = ()
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "starttls"
    timeout: float = _TIMEOUT

    def __post_init__(self) -> None:
        if self.tls == "none" and self.password and not _is_loopback(self.host):
            raise NotifierMisconfigured("connection smtp: a password goes over TLS only; use tls=starttls or tls=implicit")

    def send(self, message: Message) -> None:
        """Sends one mail to all recipients together."""
        to = list(dict.fromkeys([*self.recipients, *message.owner_addresses]))
        if not to:
            raise NotificationFailed("mail has no recipient: the connection names none in ?to=, nor does the incident", channel_down=False)
        try:
            with self._connect() as server:
                refused = server.send_message(_mail(message, self.sender, to), self.sender, to)
        except smtplib.SMTPResponseException as error:
            down = not isinstance(error, smtplib.SMTPDataError)
            raise NotificationFailed(f"mail server answered {error.smtp_code}", channel_down=down) from None
        except smtplib.SMTPRecipientsRefused:
            raise NotificationFailed("mail server refused every recipient", channel_down=False) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotificationFailed(f"mail server failed: {type(error).__name__}", channel_down=True) from None
        if refused:
            logger.warning("mail about incident %s: %d of %d recipients refused", message.incident_id, len(refused), len(to))

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if self.tls == "implicit":
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.tls == "starttls":
                server.starttls(context=context)
            if self.username and self.password:
                server.login(self.username, self.password)
        except BaseException:
            server.close()
            raise
        return server


def mail_from_uri(uri: str) -> MailNotifier:
    """The notifier that a `smtp` connection describes; NotifierMisconfigured names what is wrong."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise NotifierMisconfigured("connection smtp: not an address of the form smtp://host:port?from=…&to=…") from None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise NotifierMisconfigured("connection smtp: not an address of the form smtp://host:port?from=…&to=…")
    if unknown := sorted(set(query) - {"from", "to", "tls"}):
        raise NotifierMisconfigured(f"connection smtp: unknown option {', '.join(unknown)}; known: from, to, tls")
    if not query.get("from"):
        raise NotifierMisconfigured("connection smtp: names no sender; add ?from=alerts@…")
    default: Tls = "implicit" if parts.scheme == "smtps" else "none" if _is_loopback(parts.hostname) else "starttls"
    asked = query.get("tls", default)
    if asked not in get_args(Tls):
        raise NotifierMisconfigured("connection smtp: tls is starttls, implicit or none")
    tls = cast(Tls, asked)
    return MailNotifier(
        host=parts.hostname,
        port=port or {"implicit": 465, "starttls": 587, "none": 25}[tls],
        sender=query["from"],
        recipients=[address.strip() for address in query.get("to", "").split(",") if address.strip()],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
    )


def configured() -> dict[str, Notifier]:
    """The channels whose connection is configured, by name. An absent one is no error: its notices wait or are dropped."""
    channels: dict[str, Notifier] = {}
    if slack := _uri("slack"):
        channels["slack"] = SlackNotifier(webhook_url=slack)
    if smtp := _uri("smtp"):
        channels["mail"] = mail_from_uri(smtp)
    return channels


def _uri(name: str) -> str | None:
    try:
        return connections.uri(name)
    except connections.ConnectionNotConfigured:
        return None


def _mail(message: Message, sender: str, to: Sequence[str]) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Message-ID"] = message.mail_id
    if message.mail_parent:
        mail["In-Reply-To"] = mail["References"] = message.mail_parent
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
