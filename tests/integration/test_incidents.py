"""Incidents and their dispatcher on a real PostgreSQL: one alert per incident and channel, whatever fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from customer360.commands.incidents import app
from customer360.observe import incidents
from customer360.observe.dispatch import DispatchOutcome, dispatch, is_owed
from customer360.observe.messages import Message
from customer360.observe.notifiers import NotificationFailed
from customer360.observe.routing import Channels, Routing

pytestmark = pytest.mark.integration

Connection = psycopg.Connection[Any]


class Recorder:
    """A channel that keeps what it was told and fails on demand."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.before: Callable[[], None] = lambda: None

    def send(self, message: Message) -> None:
        self.before()
        if self.failure:
            raise self.failure
        self.told.append((message.event, message.subject))


@pytest.fixture
def connection(warehouse: Any) -> Any:
    with warehouse.connect() as opened:
        yield opened


def open_one(connection: Connection, subject: str = "crm.contacts", **changes: Any) -> Any:
    arguments = {
        "kind": "load_refused",
        "subject": subject,
        "severity": "critical",
        "title": f"{subject} refused",
        "details": {"load_id": 1},
    }
    return incidents.open_incident(connection, **{**arguments, **changes})


def close_one(connection: Connection, subject: str = "crm.contacts") -> Any:
    return incidents.close_incident(connection, kind="load_refused", subject=subject, reason="published again")


def test_the_same_trouble_again_is_an_occurrence(connection: Connection) -> None:
    first = open_one(connection, severity="warning", run_url="https://x/1")
    assert open_one(connection, title="worse", details={"load_id": 2}) == first
    assert open_one(connection, severity="warning") == first
    (incident,) = incidents.find(connection)
    assert (incident.occurrences, incident.severity, incident.details, incident.run_url) == (3, "critical", {"load_id": 1}, "https://x/1")
    assert len(incidents.notifications(connection, first)) == 2
    assert close_one(connection) == first and close_one(connection) is None
    assert open_one(connection) != first  # trouble after the end is a new incident


def test_an_incident_lives_and_dies_with_the_callers_transaction(warehouse: Any) -> None:
    with warehouse.connect(autocommit=False) as connection:
        open_one(connection)
        connection.rollback()
    assert warehouse.fetch("select count(*) from ops.incident") == [(0,)]
    assert warehouse.fetch("select count(*) from ops.notification") == [(0,)]


def test_each_channel_is_told_once_of_the_beginning_and_once_of_the_end(connection: Connection) -> None:
    slack, mail = Recorder(), Recorder()
    channels = {"slack": slack, "mail": mail}
    open_one(connection)
    assert dispatch(channels, connection=connection) == DispatchOutcome(sent=2, failed=0, dropped=0, waiting=0)
    open_one(connection)  # seen again: no second alert
    assert dispatch(channels, connection=connection).sent == 0
    close_one(connection)
    assert dispatch(channels, connection=connection).sent == 2
    assert dispatch(channels, connection=connection).sent == 0
    expected = [("opened", "[critical] crm.contacts refused"), ("closed", "[over] crm.contacts refused")]
    assert slack.told == expected and mail.told == expected


def test_over_before_anyone_was_told_is_one_notice(connection: Connection) -> None:
    slack = Recorder()
    open_one(connection)
    close_one(connection)
    assert dispatch({"slack": slack}, connection=connection).sent == 1
    assert slack.told == [("opened_and_closed", "[was, is over] crm.contacts refused")]
    assert dispatch({"slack": slack}, connection=connection).sent == 0


def test_a_failing_channel_is_tried_later_and_hinders_no_other(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack, mail = Recorder(), Recorder()
    mail.failure = NotificationFailed("mail server failed: TimeoutError", channel_down=True)
    incident = open_one(connection)
    open_one(connection, "shop.orders")
    outcome = dispatch({"slack": slack, "mail": mail}, connection=connection, now=now)
    assert outcome == DispatchOutcome(sent=2, failed=1, dropped=0, waiting=2)  # a channel that is down is asked once a run
    notice = next(notice for notice in incidents.notifications(connection, incident) if notice.channel == "mail")
    assert (notice.attempts, notice.last_error, notice.sent_at) == (1, "mail server failed: TimeoutError", None)
    mail.failure = None
    assert dispatch({"mail": mail}, connection=connection, now=now).sent == 1  # the one not tried yet
    assert dispatch({"mail": mail}, connection=connection, now=now + timedelta(seconds=29)).sent == 0
    assert dispatch({"mail": mail}, connection=connection, now=now + timedelta(seconds=31)).sent == 1


def test_pauses_grow_and_a_wish_to_wait_is_kept(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack = Recorder()
    incident = open_one(connection)
    pauses = []
    for failure in [NotificationFailed("x", channel_down=True)] * 9 + [NotificationFailed("x", channel_down=True, retry_after=9_000)]:
        slack.failure = failure
        assert dispatch({"slack": slack}, connection=connection, now=now).failed == 1
        notice = next(notice for notice in incidents.notifications(connection, incident) if notice.channel == "slack")
        pauses.append((notice.next_attempt_at - now).total_seconds())
        now = notice.next_attempt_at
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 9000]


def test_a_message_that_is_refused_does_not_hold_up_the_next(connection: Connection) -> None:
    slack = Recorder()
    slack.failure = NotificationFailed("Slack answered 400", channel_down=False)
    open_one(connection)
    open_one(connection, "shop.orders")
    assert dispatch({"slack": slack}, connection=connection).failed == 2


def test_an_unexpected_error_is_recorded_by_its_name_alone(connection: Connection) -> None:
    slack = Recorder()
    slack.failure = RuntimeError("https://hooks.slack.com/services/secret")
    incident = open_one(connection)
    assert dispatch({"slack": slack}, connection=connection).failed == 1
    assert {notice.last_error for notice in incidents.notifications(connection, incident)} == {"RuntimeError", None}


def test_without_a_connection_an_alert_waits_and_is_dropped_when_over(connection: Connection) -> None:
    slack, mail = Recorder(), Recorder()
    open_one(connection)
    open_one(connection, "shop.orders")
    assert dispatch({}, connection=connection) == DispatchOutcome(sent=0, failed=0, dropped=0, waiting=4)
    close_one(connection)
    assert dispatch({"slack": slack}, connection=connection) == DispatchOutcome(sent=2, failed=0, dropped=2, waiting=1)
    assert dispatch({"slack": slack, "mail": mail}, connection=connection).sent == 1
    assert mail.told == [("opened", "[critical] shop.orders refused")]  # what stands is told, what was is not


def test_dispatchers_side_by_side_send_nothing_twice(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        for number in range(20):
            open_one(connection, f"object {number}")
    slack = Recorder()
    barrier = threading.Barrier(2)

    def run() -> None:
        with warehouse.connect() as connection:
            barrier.wait()
            dispatch({"slack": slack}, connection=connection)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slack.told) == len(set(slack.told)) == 20


def test_another_dispatcher_skips_what_is_being_sent(warehouse: Any) -> None:
    slack, other = Recorder(), Recorder()
    with warehouse.connect() as connection:
        open_one(connection)

        def meanwhile() -> None:
            with warehouse.connect() as second:
                assert dispatch({"slack": other}, connection=second).sent == 0

        slack.before = meanwhile
        assert dispatch({"slack": slack}, connection=connection).sent == 1
    assert other.told == []


def test_killed_between_sending_and_marking_the_next_run_sends_it(warehouse: Any) -> None:
    """At least once: a kill may double a notice, never lose one."""

    class Killed(BaseException):
        pass

    slack = Recorder()
    with warehouse.connect() as connection:
        open_one(connection)

    class DyingSlack(Recorder):
        def send(self, message: Message) -> None:
            raise Killed

    with warehouse.connect() as connection, pytest.raises(Killed):
        dispatch({"slack": DyingSlack()}, connection=connection)
    with warehouse.connect() as connection:
        assert dispatch({"slack": slack}, connection=connection).sent == 1


def test_the_transformer_may_open_and_the_loader_dispatch(warehouse: Any) -> None:
    with warehouse.connect() as connection:
        connection.execute("set role c360_transformer")
        open_one(connection)
        connection.execute("set role c360_loader")
        assert dispatch({"slack": Recorder()}, connection=connection).sent == 1
        close_one(connection)


# -------------------------------------------------------------------------------------------------- command
def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_lists_shows_closes_and_dispatches(warehouse: Any, connection: Connection, c360_home: object) -> None:
    assert "no open incident" in run("list")
    incident = open_one(connection)
    short = str(incident)[-12:]
    assert short in run("list")
    shown = run("show", short)
    assert "Load: 1" in shown and "slack, opened: not told yet" in shown
    assert "none configured" in run("dispatch")
    assert "closed" in run("close", short, "--reason", "by hand")
    assert "already" in run("close", short, "--reason", "by hand")
    assert "no open incident" in run("list") and short in run("list", "--all")
    with pytest.raises(incidents.UnknownIncident, match="no incident"):
        run("show", "ffffffffffff")


# ------------------------------------------------------------------------------------- causes and severities
def down(connection: Connection, name: str, system: str = "crm", **changes: Any) -> Any:
    return open_one(
        connection, f"{system}.{name}", kind="source_down", title=f"{system}.{name} does not answer", details={"system": system}, **changes
    )


def up_again(connection: Connection, name: str) -> None:
    incidents.close_incident(connection, kind="source_down", subject=f"crm.{name}", reason="it answers")


def test_what_has_one_cause_is_told_together(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack = Recorder()

    def told(at: datetime) -> list[tuple[str, str]]:
        slack.told.clear()
        dispatch({"slack": slack}, connection=connection, now=at)
        return list(slack.told)

    down(connection, "contacts")
    down(connection, "people", system="shop")
    assert [subject for _, subject in told(now)] == ["[critical] crm.contacts does not answer", "[critical] shop.people does not answer"]
    for name in ("accounts", "leads", "tasks"):
        down(connection, name)
    open_one(connection, "crm.accounts")  # another kind is another cause
    assert told(now) == [("opened", "[critical] crm.accounts refused")]
    up_again(connection, "tasks")
    later = now + timedelta(minutes=5, seconds=30)
    assert told(later) == [("opened", "[critical] 3 × source down: crm.accounts, crm.leads, crm.tasks")]
    up_again(connection, "leads")
    assert told(later) == [], "others of its cause are still open: the end is told with theirs, or after a while"
    up_again(connection, "accounts")
    up_again(connection, "contacts")
    assert told(later) == [("closed", "[over] 3 × source down: crm.contacts, crm.accounts, crm.leads")]
    assert told(later + timedelta(hours=1)) == []


def test_trouble_that_comes_and_goes_is_one_message_a_while(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack = Recorder()
    for _ in range(6):
        down(connection, "contacts")
        dispatch({"slack": slack}, connection=connection, now=now)
        up_again(connection, "contacts")
        dispatch({"slack": slack}, connection=connection, now=now)
    assert [event for event, _ in slack.told] == ["opened", "closed"]
    dispatch({"slack": slack}, connection=connection, now=now + timedelta(minutes=6))
    assert slack.told[2:] == [("opened_and_closed", "[was, is over] 5 × source down: " + ", ".join(["crm.contacts"] * 5))]


def test_severity_decides_the_channel(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack, mail = Recorder(), Recorder()
    channels = {"slack": slack, "mail": mail}
    open_one(connection, severity="warning")
    assert dispatch(channels, connection=connection, now=now) == DispatchOutcome(sent=1, failed=0, dropped=0, waiting=0)
    open_one(connection, severity="critical")  # it became worse
    assert dispatch(channels, connection=connection, now=now).sent == 1
    assert mail.told == [("opened", "[critical] crm.contacts refused")]
    open_one(connection, "web.events", severity="warning")
    close_one(connection, "web.events")
    outcome = dispatch(channels, connection=connection, now=now, routing=Routing(channels=Channels(warning=())))
    assert (outcome.sent, outcome.dropped) == (0, 4), "what nobody is to hear of is not owed to anybody"


def test_an_open_critical_incident_is_told_again_daily(connection: Connection) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)
    slack = Recorder()
    down(connection, "contacts")
    open_one(connection, "web.events", severity="warning")
    assert dispatch({"slack": slack, "mail": Recorder()}, connection=connection, now=now).sent == 3
    assert not is_owed_now(connection, now)
    for hours, expected in ((23, 0), (25, 1)):
        assert dispatch({"slack": slack}, connection=connection, now=now + timedelta(hours=hours)).sent == expected
    assert is_owed_now(connection, now + timedelta(hours=25))
    assert slack.told[-1] == ("reminder", "[critical, still open] crm.contacts does not answer")
    never = Routing(remind_after_hours=0)
    assert dispatch({"slack": slack}, connection=connection, now=now + timedelta(days=9), routing=never).sent == 0
    up_again(connection, "contacts")
    assert dispatch({"slack": slack}, connection=connection, now=now + timedelta(hours=26)).sent == 1
    assert slack.told[-1][0] == "closed"


def is_owed_now(connection: Connection, now: datetime) -> bool:
    return is_owed(connection, Routing(), now=now)


def test_the_command_tells_who_hears_what_and_sends_a_test(c360_home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("C360_CONN_SLACK", raising=False)
    monkeypatch.delenv("C360_CONN_SMTP", raising=False)
    shown = run("routing")
    assert "slack" in shown and "critical, warning" in shown and "after 5 min" in shown
    assert "no channel has a connection" in run("test")
    monkeypatch.setenv("C360_CONN_SLACK", "http://127.0.0.1:9/secret")
    failed = CliRunner().invoke(app, ["test"])
    assert failed.exit_code == 1 and "slack: Slack could not be reached" in failed.output and "secret" not in failed.output
