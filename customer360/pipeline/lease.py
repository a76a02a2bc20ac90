"""Who may build the shared relations now: one row per name in ops.lease, held for a time.

The nightly run holds its lease over many tasks and processes, so it cannot be a database lock: it is taken by one task, given
back by another, and runs out by itself if both die. Every comparison of times is made by the database's clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from customer360.warehouse import connections
from customer360.warehouse.roles import Role

BUILD = "build"  # identity, intermediate and marts: nightly and live runs share them
_POLL = 1.0  # seconds between two tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease as it stands. `expires_at` is UTC."""

    name: str
    holder: str
    expires_at: datetime


class LeaseTaken(Exception):
    """Somebody else holds the lease; `lease` says who and until when."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"the {lease.name} lease is held by {lease.holder} until {lease.expires_at:%Y-%m-%d %H:%M:%S} UTC")
        self.lease = lease


def acquire(name: str, *, holder: str, ttl: timedelta, wait: timedelta = timedelta(0)) -> Lease:
    """Take the lease for `ttl`, or extend it if `holder` has it already; a lease that has run out is free.

    Tries again for up to `wait`, then raises LeaseTaken.
    """
    end = time.monotonic() + wait.total_seconds()
    with connections.connect(role=Role.TRANSFORMER, autocommit=True) as connection:
        while True:
            found = _take(connection, name, holder, ttl)
            if found.holder == holder:
                return found
            if time.monotonic() + _POLL > end:
                raise LeaseTaken(found)
            time.sleep(_POLL)


def release(name: str, *, holder: str) -> bool:
    """Give the lease back; False if `holder` does not have it any more. Safe to call again."""
    with connections.connect(role=Role.TRANSFORMER, autocommit=True) as connection:
        return connection.execute("delete from ops.lease where name = %s and holder = %s", (name, holder)).rowcount == 1


def current(name: str) -> Lease | None:
    """Who holds it now; None if it is free."""
    with connections.connect(role=Role.TRANSFORMER, autocommit=True) as connection:
        row = connection.execute(
            "select name, holder, expires_at from ops.lease where name = %s and expires_at > clock_timestamp()", (name,)
        ).fetchone()
    return Lease(name=row[0], holder=row[1], expires_at=row[2]) if row else None


@contextmanager
def lease(name: str, *, holder: str, ttl: timedelta, wait: timedelta = timedelta(0)) -> Iterator[Lease]:
    """Hold the lease for the length of a `with` block. Raises LeaseTaken."""
    taken = acquire(name, holder=holder, ttl=ttl, wait=wait)
    try:
        yield taken
    finally:
        release(name, holder=holder)


def _take(connection: psycopg.Connection[tuple[object, ...]], name: str, holder: str, ttl: timedelta) -> Lease:
    """One try: the lease as it stands afterwards, ours or not."""
    row = connection.execute(
        """
        insert into ops.lease as held (name, holder, taken_at, expires_at)
        values (%(name)s, %(holder)s, clock_timestamp(), clock_timestamp() + %(ttl)s)
        on conflict (name) do update set
            holder = excluded.holder,
            taken_at = case when held.holder = excluded.holder then held.taken_at else excluded.taken_at end,
            expires_at = excluded.expires_at
        where held.holder = excluded.holder or held.expires_at <= clock_timestamp()
        returning holder, expires_at
        """,
        {"name": name, "holder": holder, "ttl": ttl},
    ).fetchone()
    if row is None:
        row = connection.execute("select holder, expires_at from ops.lease where name = %s", (name,)).fetchone()
    if row is None:  # given back between the two statements
        return _take(connection, name, holder, ttl)
    return Lease(name=name, holder=str(row[0]), expires_at=row[1])  # type: ignore[arg-type]  # expires_at is a timestamptz
