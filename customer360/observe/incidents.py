"""Incidents: opened and closed in the transaction that changed the state, told by `customer360.observe.dispatch`.

At most one incident is open per (kind, subject). Seeing the same trouble again counts an occurrence and queues nothing,
so that a source which fails every minute is one alert, and one notice when it is over.

`details` are shown to people and stored; they hold names and numbers, never a value of a customer record. The message
knows these keys, all optional, and prints any other one under its own name:
`system`, `object`, `load_id`, `expectation`, `observed`, `allowed`, `failed_rows`, `checked_rows`, `reason`, `error`, `owner`,
`owner_address` (mailed besides the configured recipients), and `failures`: a list of mappings with
`expectation`, `observed`, `allowed`, `failed_rows`, `severity`, `reason`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from customer360.errors import UserError

Kind = Literal[
    "load_refused",
    "source_down",
    "stale",
    "dbt_test_failed",
    "task_failed",
    "identity_gate_failed",
    "identity_drift",
    "model_refused",
    "approval_awaited",
    "row_warnings",
    "stream_restarted",
    "stream_retains",
    "data_quality",
]
Severity = Literal["critical", "warning"]

CHANNELS = ("slack", "mail")  # every incident is owed to these; one without a connection is skipped when dispatching


class UnknownIncident(UserError):
    """No incident, or more than one, answers to the given id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One row of ops.incident; times are UTC."""

    incident_id: UUID
    kind: str
    subject: str
    severity: str
    title: str
    details: Mapping[str, Any]
    run_url: str | None
    opened_at: datetime
    last_seen_at: datetime
    occurrences: int
    closed_at: datetime | None
    close_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one channel was told, or is still owed, about an incident."""

    channel: str
    event: str
    sent_at: datetime | None
    dropped_at: datetime | None
    attempts: int
    last_error: str | None
    next_attempt_at: datetime


def open_incident(
    connection: Connection[Any],
    *,
    kind: Kind,
    subject: str,
    severity: Severity,
    title: str,
    details: Mapping[str, Any] | None = None,
    run_url: str | None = None,
    channels: Sequence[str] = CHANNELS,
) -> UUID:
    """Opens the incident of (kind, subject), or counts another occurrence of the open one, and returns its id.

    Writes in the caller's transaction and does not commit: the incident exists exactly if the state it speaks of does.
    A repeated occurrence brings title, details and link up to date; severity only rises.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            insert into ops.incident (kind, subject, severity, title, details, run_url)
            values (%(kind)s, %(subject)s, %(severity)s, %(title)s, %(details)s, %(run_url)s)
            on conflict (kind, subject) where closed_at is null do update set
                last_seen_at = clock_timestamp(),
                occurrences = incident.occurrences + 1,
                severity = case when 'critical' in (incident.severity, excluded.severity) then 'critical' else 'warning' end,
                title = excluded.title,
                details = excluded.details,
                run_url = coalesce(excluded.run_url, incident.run_url)
            returning incident_id, old.incident_id is null as is_new
            """,
            {
                "kind": kind,
                "subject": subject,
                "severity": severity,
                "title": title,
                "details": Jsonb(dict(details or {})),
                "run_url": run_url,
            },
        )
        row = cursor.fetchone()
        if row is None:  # an upsert returns its row
            raise RuntimeError(f"the incident {kind} of {subject} was not written")
        incident_id: UUID = row["incident_id"]
        if row["is_new"]:
            _queue(connection, incident_id, "opened", channels)
    return incident_id


def close_incident(connection: Connection[Any], *, kind: Kind, subject: str, reason: str) -> UUID | None:
    """Closes the open incident of (kind, subject) in the caller's transaction; None if there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            update ops.incident set closed_at = clock_timestamp(), close_reason = %(reason)s
            where kind = %(kind)s and subject = %(subject)s and closed_at is null
            returning incident_id
            """,
            {"kind": kind, "subject": subject, "reason": reason},
        )
        return _queue_closed(connection, cursor.fetchone())


def close_by_id(connection: Connection[Any], incident_id: UUID, *, reason: str) -> bool:
    """Closes one incident by hand; False if it was over already."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "update ops.incident set closed_at = clock_timestamp(), close_reason = %s"
            " where incident_id = %s and closed_at is null returning incident_id",
            (reason, incident_id),
        )
        return _queue_closed(connection, cursor.fetchone()) is not None


def _queue_closed(connection: Connection[Any], row: Mapping[str, Any] | None) -> UUID | None:
    if row is None:
        return None
    incident_id: UUID = row["incident_id"]
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select channel from ops.notification where incident_id = %s and event = 'opened'", (incident_id,))
        _queue(connection, incident_id, "closed", [told["channel"] for told in cursor])
    return incident_id


def _queue(connection: Connection[Any], incident_id: UUID, event: str, channels: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.notification (incident_id, event, channel) values (%s, %s, %s) on conflict do nothing",
            [(incident_id, event, channel) for channel in channels],
        )


_COLUMNS = "incident_id, kind, subject, severity, title, details, run_url, opened_at, last_seen_at, occurrences, closed_at, close_reason"


def find(connection: Connection[Any], *, include_closed: bool = False, kind: str | None = None, limit: int = 100) -> list[Incident]:
    """Incidents, newest first; only the open ones unless asked."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"""
            select {_COLUMNS} from ops.incident
            where (%(include_closed)s or closed_at is null) and (%(kind)s::text is null or kind = %(kind)s)
            order by opened_at desc, incident_id desc limit %(limit)s
            """,
            {"include_closed": include_closed, "kind": kind, "limit": limit},
        )
        return [Incident(**row) for row in cursor]


def get(connection: Connection[Any], incident_id: str | UUID) -> Incident:
    """The incident with this id, or whose id ends in this text; UnknownIncident if none or several do.

    Ids are version 7: the beginning is the time, so the short form people type is the end.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"select {_COLUMNS} from ops.incident where right(incident_id::text, length(%(id)s)) = %(id)s limit 2",
            {"id": str(incident_id).lower()},
        )
        rows = cursor.fetchall()
    if len(rows) != 1 or not str(incident_id):
        what = "several incidents answer to" if rows else "there is no incident"
        raise UnknownIncident(f"{what} {incident_id!s}; `customer360 incidents list --all` shows the ids")
    return Incident(**rows[0])


def notifications(connection: Connection[Any], incident_id: UUID) -> list[Notification]:
    """What each channel was told, or is owed, about one incident."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select channel, event, sent_at, dropped_at, attempts, last_error, next_attempt_at"
            " from ops.notification where incident_id = %s order by channel, event desc",
            (incident_id,),
        )
        return [Notification(**row) for row in cursor]
