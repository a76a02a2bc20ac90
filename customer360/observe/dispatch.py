"""The one sender of alerts: empties the outbox that `incidents` fills.

Each incident is told once per channel and event, in one message with others of its cause (kind and system): the first is told at
once, what follows within `together` waits for the rest. That also damps trouble that comes and goes. A message is sent while its
incidents' rows are locked, and is marked in the same transaction, so that dispatchers side by side never send it twice; killed
between the two, the next one sends it again. What fails is tried again later, with growing pauses; it never raises, as an alert must
not fail the run it speaks of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from customer360.observe import incidents, messages
from customer360.observe.notifiers import NotificationFailed, Notifier
from customer360.observe.routing import Routing

logger = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOutcome:
    """What one run of the dispatcher did, in messages; `dropped` and `waiting` in notices.

    `waiting`: owed to channels that are down or not configured, or held back to be told together.
    """

    sent: int
    failed: int
    dropped: int
    waiting: int


def dispatch(
    notifiers: Mapping[str, Notifier],
    *,
    connection: Connection[Any],
    routing: Routing | None = None,
    now: datetime | None = None,
) -> DispatchOutcome:
    """Sends what is due to the channels in `notifiers` (by name: `slack`, `mail`) and commits after each message.

    `connection` must be outside a transaction. A channel without a notifier is skipped: its notices wait while their incident
    is open, and are dropped once it is over, so that a channel configured later is told what stands, not what was. The same goes for
    a channel that `routing` keeps an incident's severity from.
    An incident that was over before its channel heard of it is told once, as both. `now` (UTC) is for tests.
    """
    at, rules = now or datetime.now(UTC), routing or Routing()
    sent = failed = 0
    for channel, notifier in sorted(notifiers.items()):
        sending = _Sending(connection, channel, notifier, rules, at)
        while sending.is_up and (result := sending.send_next()) is not None:
            sent += result.sent
            failed += result.failed
    dropped = _drop_overdue(connection, [*notifiers], rules, at)
    return DispatchOutcome(sent=sent, failed=failed, dropped=dropped, waiting=_waiting(connection, rules))


def is_owed(connection: Connection[Any], routing: Routing, *, now: datetime | None = None) -> bool:
    """Whether any channel may have something to hear: a quick look, for those who come by every minute."""
    at = now or datetime.now(UTC)
    row = connection.execute(
        f"""select exists (
                   select from ops.notification as owed join ops.incident using (incident_id)
                   where owed.sent_at is null and owed.dropped_at is null and owed.next_attempt_at <= %(now)s and not {_NOT_FOR})
               or exists (select from ops.incident
                          where closed_at is null and severity = 'critical' and opened_at < %(now)s - %(after)s::interval)""",
        {"now": at, "after": routing.remind_after, **_unheard(routing)},
    ).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class _Result:
    sent: int = 0
    failed: int = 0


# The opening's row stands for the incident in this channel: whoever holds it also tells the end.
_DUE = """
    select opened.incident_id, incident.cause, state.event
    from ops.notification as opened
    join ops.incident on incident.incident_id = opened.incident_id
    left join ops.notification as closed
        on closed.incident_id = opened.incident_id and closed.channel = opened.channel and closed.event = 'closed'
    cross join lateral (
        select case
            when opened.sent_at is null and opened.dropped_at is null and opened.next_attempt_at <= %(now)s then 'opened'
            when opened.sent_at is not null and closed.incident_id is not null and closed.sent_at is null
                and closed.dropped_at is null and closed.next_attempt_at <= %(now)s then 'closed'
            when opened.sent_at is not null and incident.closed_at is null and incident.severity = 'critical'
                and greatest(opened.sent_at, opened.reminded_at) < %(now)s - %(remind_after)s::interval
                and opened.next_attempt_at <= %(now)s then 'reminder'
        end as event
    ) as state
    where opened.event = 'opened' and opened.channel = %(channel)s and incident.severity = any(%(severities)s)
      and opened.incident_id <> all(%(tried)s) and state.event is not null
"""
_IS_HELD = """
    exists (
        select from ops.notification as told join ops.incident as like_it on like_it.incident_id = told.incident_id
        where told.channel = %(channel)s and like_it.cause = incident.cause and told.sent_at > %(now)s - %(together)s
    ) and (state.event <> 'closed' or exists (
        select from ops.notification as told join ops.incident as like_it on like_it.incident_id = told.incident_id
        where told.channel = %(channel)s and told.event = 'opened' and told.sent_at is not null
          and like_it.cause = incident.cause and like_it.closed_at is null
    ))
"""


class _Sending:
    """One run of the dispatcher over one channel."""

    def __init__(self, connection: Connection[Any], channel: str, notifier: Notifier, routing: Routing, now: datetime) -> None:
        self.is_up = True
        self._connection = connection
        self._channel = channel
        self._notifier = notifier
        self._now = now
        self._tried: list[UUID] = []
        self._values = {
            "channel": channel,
            "now": now,
            "severities": routing.severities(channel),
            "together": routing.together,
            "remind_after": routing.remind_after,
            "tried": self._tried,
        }

    def send_next(self) -> _Result | None:
        """Claims, sends and marks the oldest due notice with those that are told together with it; None when none is left to claim."""
        with self._connection.transaction(), self._connection.cursor(row_factory=dict_row) as cursor:
            claimed, event = self._claim(cursor)
            if not claimed:
                return None
            self._tried += claimed
            # Read again under the lock: another dispatcher may have told the end between our snapshot and our claim.
            owed = self._owed(cursor, claimed) if event != "reminder" else {incident_id: {"opened"} for incident_id in claimed}
            told = [incidents.get(self._connection, incident_id) for incident_id in claimed if incident_id in owed]
            told = [incident for incident in told if event != "reminder" or incident.closed_at is None]
            if not told:
                return _Result()
            try:
                self._notifier.send(messages.render(told, _event(event, told)))
            except Exception as error:  # any notifier's any failure is a notice that did not go out, never a failed run
                self.is_up = not getattr(error, "channel_down", True)
                for incident in told:
                    _record_failure(self._connection, incident.incident_id, self._channel, owed[incident.incident_id], error, self._now)
                return _Result(failed=1)
            for incident in told:
                events = owed[incident.incident_id] | ({"closed"} if incident.closed_at else set())
                self._mark(cursor, incident.incident_id, events, event)
            return _Result(sent=1)

    def _claim(self, cursor: Cursor[dict[str, Any]]) -> tuple[list[UUID], str]:
        lock = "for update of opened skip locked"
        cursor.execute(f"{_DUE} and not ({_IS_HELD}) order by opened.incident_id limit 1 {lock}", self._values)
        first = cursor.fetchone()
        if first is None:
            return [], ""
        alike = self._values | {"cause": first["cause"], "event": first["event"], "tried": [*self._tried, first["incident_id"]]}
        cursor.execute(f"{_DUE} and incident.cause = %(cause)s and state.event = %(event)s order by opened.incident_id {lock}", alike)
        return [first["incident_id"], *(row["incident_id"] for row in cursor)], first["event"]

    def _owed(self, cursor: Cursor[dict[str, Any]], claimed: Sequence[UUID]) -> dict[UUID, set[str]]:
        cursor.execute(
            "select incident_id, event from ops.notification"
            " where incident_id = any(%s) and channel = %s and sent_at is null and dropped_at is null",
            (list(claimed), self._channel),
        )
        owed: dict[UUID, set[str]] = {}
        for row in cursor:
            owed.setdefault(row["incident_id"], set()).add(row["event"])
        return owed

    def _mark(self, cursor: Cursor[dict[str, Any]], incident_id: UUID, events: set[str], event: str) -> None:
        settled = "reminded_at = %(now)s, reminders = reminders + 1" if event == "reminder" else "sent_at = %(now)s"
        cursor.execute(
            f"update ops.notification set {settled}, attempts = attempts + 1, last_error = null"
            " where incident_id = %(incident_id)s and channel = %(channel)s and event = any(%(events)s)",
            {"now": self._now, "incident_id": incident_id, "channel": self._channel, "events": sorted(events)},
        )


def _event(claimed: str, told: Sequence[incidents.Incident]) -> messages.Event:
    if claimed == "reminder":
        return "reminder"
    if claimed == "closed":
        return "closed"
    return "opened_and_closed" if all(incident.closed_at for incident in told) else "opened"


def _record_failure(connection: Connection[Any], incident_id: UUID, channel: str, owed: set[str], error: Exception, now: datetime) -> None:
    known = isinstance(error, NotificationFailed)
    reason = str(error) if known else type(error).__name__  # a stranger's text may hold an address or a password
    asked = timedelta(seconds=error.retry_after) if isinstance(error, NotificationFailed) and error.retry_after else timedelta(0)
    logger.warning("incident %s could not be told to %s: %s", incident_id, channel, reason)
    connection.execute(
        """
        update ops.notification set attempts = attempts + 1, last_error = %(reason)s,
            next_attempt_at = %(now)s + greatest(%(asked)s, least(%(longest)s, %(first)s * power(2, least(attempts, 20))))
        where incident_id = %(incident_id)s and channel = %(channel)s and event = any(%(owed)s)
        """,
        {
            "reason": reason,
            "now": now,
            "asked": asked,
            "first": _FIRST_PAUSE,
            "longest": _LONGEST_PAUSE,
            "incident_id": incident_id,
            "channel": channel,
            "owed": sorted(owed),
        },
    )


def _drop_overdue(connection: Connection[Any], channels: list[str], routing: Routing, now: datetime) -> int:
    """Notices of incidents that are over, to channels nobody has configured, or that do not hear of such incidents."""
    with connection.transaction():
        return connection.execute(
            f"""
            update ops.notification as owed set dropped_at = %(now)s
            from ops.incident
            where incident.incident_id = owed.incident_id and incident.closed_at is not null
              and owed.sent_at is null and owed.dropped_at is null and (owed.channel <> all(%(channels)s) or {_NOT_FOR})
            """,
            {"channels": channels, "now": now, **_unheard(routing)},
        ).rowcount


def _waiting(connection: Connection[Any], routing: Routing) -> int:
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"""select count(*) as owed from ops.notification as owed join ops.incident using (incident_id)
                where owed.sent_at is null and owed.dropped_at is null and not {_NOT_FOR}""",
            _unheard(routing),
        )
        row = cursor.fetchone()
        return int(row["owed"]) if row else 0


_NOT_FOR = "(owed.channel || ' ' || incident.severity) = any(%(unheard)s)"


def _unheard(routing: Routing) -> dict[str, list[str]]:
    """Pairs of channel and severity that the channel does not hear of."""
    return {
        "unheard": [
            f"{channel} {severity}"
            for channel in incidents.CHANNELS
            for severity in ("critical", "warning")
            if severity not in routing.severities(channel)
        ]
    }
