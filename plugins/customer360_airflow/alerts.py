"""Incidents of tasks, and the alert dispatcher with Airflow's Slack and SMTP connections.

Connections `slack` (type Slack Incoming Webhook) and `smtp` (type SMTP; extras `from_email` and, separated by commas,
`to`). Without them nothing is sent and nothing fails: incidents stay in ops.incident.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from customer360_airflow import connections

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from customer360.observe.messages import Message
    from customer360.observe.notifiers import Notifier

logger = logging.getLogger(__name__)

SLACK = "slack"
SMTP = "smtp"


class AlreadyTold:
    """Mix-in for exceptions whose incident was written with the state they speak of: no `task_failed` on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackWebhook:
    """Sends by Airflow's Slack hook."""

    conn_id: str = SLACK

    def send(self, message: Message) -> None:
        """Post one notice. Raises NotificationFailed."""
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
        from slack_sdk.errors import SlackClientError

        from customer360.observe.notifiers import NotificationFailed

        try:
            hook = SlackWebhookHook(slack_webhook_conn_id=self.conn_id, timeout=10)
            hook.send(text=message.subject, blocks=[dict(block) for block in message.blocks])
        except (SlackClientError, OSError, RuntimeError) as error:  # their texts may hold the webhook's address, which is its password
            raise NotificationFailed(f"Slack did not take the message: {type(error).__name__}", channel_down=True) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Sends by Airflow's SMTP hook, to the recipients of the connection and the owner the contract names."""

    conn_id: str = SMTP
    recipients: tuple[str, ...] = ()

    def send(self, message: Message) -> None:
        """Send one notice. Raises NotificationFailed."""
        from smtplib import SMTPException

        from airflow.providers.smtp.hooks.smtp import SmtpHook

        from customer360.observe.notifiers import NotificationFailed

        to = list(dict.fromkeys([*self.recipients, *message.owner_addresses]))
        if not to:
            raise NotificationFailed("mail has no recipient: add `to` to the connection's extras", channel_down=False)
        headers = {"Message-ID": message.mail_id, "Auto-Submitted": "auto-generated"}
        if message.mail_parent:
            headers["In-Reply-To"] = message.mail_parent
        try:
            with SmtpHook(smtp_conn_id=self.conn_id) as hook:
                hook.send_email_smtp(to=to, subject=message.subject, html_content=message.html, custom_headers=headers)
        except (SMTPException, OSError, RuntimeError) as error:
            raise NotificationFailed(f"mail was not sent: {type(error).__name__}", channel_down=True) from None


def channels() -> dict[str, Notifier]:
    """The channels that have a connection: Airflow's first, else the library's own."""
    from customer360.observe import notifiers

    found: dict[str, Notifier] = dict(notifiers.configured())
    if connections.find(SLACK):
        found["slack"] = SlackWebhook()
    if smtp := connections.find(SMTP):
        listed = str(smtp.extra_dejson.get("to", "")).split(",")
        found["mail"] = Mail(recipients=tuple(address.strip() for address in listed if address.strip()))
    return found


def dispatch() -> None:
    """Send what the outbox owes. Never raises: an alert that cannot be sent must not fail the run it speaks of."""
    try:
        from customer360.observe.dispatch import dispatch as send
        from customer360.observe.dispatch import is_owed
        from customer360.observe.routing import FILE, read_routing
        from customer360.platform.home import repo
        from customer360.warehouse.connections import connect
        from customer360.warehouse.roles import Role

        connections.register()
        with connect(role=Role.TRANSFORMER, autocommit=True) as connection:
            routing = read_routing(repo() / FILE)
            if not is_owed(connection, routing):
                return
            outcome = send(channels(), connection=connection, routing=routing)
        logger.info("alerts: %d sent, %d failed, %d waiting", outcome.sent, outcome.failed, outcome.waiting)
    except Exception as error:
        logger.warning("alerts could not be sent: %s", type(error).__name__)


def on_failure(context: Mapping[str, Any]) -> None:
    """Task callback, after its last try: one incident per task, told at once."""
    exception = context.get("exception")
    if not isinstance(exception, AlreadyTold):
        _write(context, exception)
    dispatch()


def on_success(context: Mapping[str, Any]) -> None:
    """Task callback: what the task's failure opened is over."""
    ti = context["ti"]
    try:
        from customer360.observe.incidents import close_incident
        from customer360.warehouse.connections import connect
        from customer360.warehouse.roles import Role

        connections.register()
        with connect(role=Role.TRANSFORMER) as connection:
            close_incident(connection, kind="task_failed", subject=_subject(ti), reason="the task succeeded again")
            close_incident(connection, kind="dbt_test_failed", subject=_subject(ti), reason="the test passes again")
    except Exception as error:
        logger.warning("the incident of %s could not be closed: %s", _subject(ti), type(error).__name__)
    dispatch()


def _write(context: Mapping[str, Any], exception: BaseException | None) -> None:
    ti = context["ti"]
    try:
        from customer360.observe.incidents import open_incident
        from customer360.warehouse.connections import connect
        from customer360.warehouse.roles import Role

        connections.register()
        tests = failed_tests(exception)
        with connect(role=Role.TRANSFORMER) as connection:
            open_incident(
                connection,
                kind="dbt_test_failed" if tests else "task_failed",
                subject=_subject(ti),
                severity="critical",
                title=f"dbt tests failed in {ti.task_id}" if tests else f"task {_subject(ti)} failed",
                details={"error": _told(exception), "failures": [{"expectation": test} for test in tests], "tries": ti.try_number},
                run_url=run_url(context),
            )
    except Exception as error:
        # Most likely the warehouse itself is down. Airflow shows the failed task; there is nowhere else to write to.
        logger.warning("no incident could be written for %s: %s", _subject(ti), type(error).__name__)


def failed_tests(exception: BaseException | None) -> list[str]:
    """Names of dbt tests in the text of Cosmos's exception; dbt itself says no more than a name and a number of rows there."""
    import re

    return sorted(set(re.findall(r"(?:Failure in (?:unit_)?test|test\.customer360\.)\s*([\w.]+)", str(exception or ""))))


def run_url(context: Mapping[str, Any]) -> str:
    """Address of this task's page in Airflow."""
    return str(context["ti"].log_url)


def _subject(ti: RuntimeTaskInstanceProtocol) -> str:
    return f"{ti.dag_id}.{ti.task_id}"


def _told(exception: BaseException | None) -> str:
    """What may be said of an exception: our own errors hold no personal value; of others only the kind is safe to repeat."""
    from customer360.errors import UserError

    for error in (exception, getattr(exception, "__cause__", None)):
        if isinstance(error, UserError):
            return str(error)
    return type(exception).__name__ if exception else "killed, or lost by its worker"
