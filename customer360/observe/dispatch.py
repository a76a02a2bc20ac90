"""The one sender of alerts: empties the outbox that `incidents` fills.

Each incident is told once per channel and event. A notice is sent while its row is locked, and is marked in the same
transaction, so that dispatchers side by side never send it twice; killed between the two, the next one sends it again.
What fails is tried again later, with growing pauses; it never raises, as an alert must not fail the run it speaks of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from customer360.observe import incidents, messages
from customer360.observe.notifiers import NotificationFailed, Notifier

logger = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOutcome:
    """What one run of the dispatcher did, in notices. `waiting`: owed to channels that are down or not configured."""

    sent: int
    failed: int
    dropped: int
    waiting: int


def dispatch(notifiers: Mapping[str, Notifier], *, connection: Connection[Any], now: datetime | None = None) -> DispatchOutcome:
    """Sends what is due to the channels in `notifiers` (by name: `slack`, `mail`) and commits after each notice.

    `connection` must be outside a transaction. A channel without a notifier is skipped: its notices wait while their incident
    is open, and are dropped once it is over, so that a channel configured later is told what stands, not what was.
    An incident that was over before its channel heard of it is told once, as both. `now` (UTC) is for tests.
    """
    at = now or datetime.now(UTC)
    sent = failed = 0
    for channel, notifier in sorted(notifiers.items()):
        tried: list[UUID] = []
        is_up = True
        while is_up and (result := _send_next(connection, channel, notifier, at, tried)) is not None:
            sent += result.sent
            failed += result.failed
            is_up = not result.channel_down
    dropped = _drop_overdue(connection, [*notifiers], at)
    return DispatchOutcome(sent=sent, failed=failed, dropped=dropped, waiting=_waiting(connection))


@dataclass(frozen=True, slots=True)
class _Result:
    sent: int = 0
    failed: int = 0
    channel_down: bool = False


def _send_next(connection: Connection[Any], channel: str, notifier: Notifier, now: datetime, tried: list[UUID]) -> _Result | None:
    """Claims, sends and marks the oldest due notice of a channel; None when there is none left to claim."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        # The opening's row stands for the incident in this channel: whoever holds it also tells the end.
        cursor.execute(
            """
            select opened.incident_id
            from ops.notification as opened
            left join ops.notification as closed
                on closed.incident_id = opened.incident_id and closed.channel = opened.channel and closed.event = 'closed'
            where opened.event = 'opened' and opened.channel = %(channel)s and opened.incident_id <> all(%(tried)s)
              and ((opened.sent_at is null and opened.dropped_at is null and opened.next_attempt_at <= %(now)s)
                or (opened.sent_at is not null and closed.incident_id is not null and closed.sent_at is null
                    and closed.dropped_at is null and closed.next_attempt_at <= %(now)s))
            order by opened.incident_id
            limit 1
            for update of opened skip locked
            """,
            {"channel": channel, "now": now, "tried": tried},
        )
        claimed = cursor.fetchone()
        if claimed is None:
            return None
        incident_id: UUID = claimed["incident_id"]
        tried.append(incident_id)
        # Read again under the lock: another dispatcher may have told the end between our snapshot and our claim.
        cursor.execute(
            "select event from ops.notification where incident_id = %s and channel = %s and sent_at is null and dropped_at is null",
            (incident_id, channel),
        )
        owed = {row["event"] for row in cursor}
        if not owed:
            return _Result()
        incident = incidents.get(connection, incident_id)
        event: messages.Event = "closed" if owed == {"closed"} else "opened_and_closed" if incident.closed_at else "opened"
        if event == "opened_and_closed":
            owed.add("closed")
        try:
            notifier.send(messages.render(incident, event))
        except Exception as error:  # any notifier's any failure is a notice that did not go out, never a failed run
            _record_failure(connection, incident_id, channel, owed, error, now)
            return _Result(failed=1, channel_down=getattr(error, "channel_down", True))
        cursor.execute(
            "update ops.notification set sent_at = clock_timestamp(), attempts = attempts + 1, last_error = null"
            " where incident_id = %s and channel = %s and event = any(%s)",
            (incident_id, channel, sorted(owed)),
        )
        return _Result(sent=1)


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


def _drop_overdue(connection: Connection[Any], channels: list[str], now: datetime) -> int:
    """Notices of incidents that are over, to channels nobody has configured."""
    with connection.transaction():
        return connection.execute(
            """
            update ops.notification as owed set dropped_at = %(now)s
            from ops.incident
            where incident.incident_id = owed.incident_id and incident.closed_at is not null
              and owed.sent_at is null and owed.dropped_at is null and owed.channel <> all(%(channels)s)
            """,
            {"channels": channels, "now": now},
        ).rowcount


def _waiting(connection: Connection[Any]) -> int:
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select count(*) as owed from ops.notification where sent_at is null and dropped_at is null")
        row = cursor.fetchone()
        return int(row["owed"]) if row else 0
