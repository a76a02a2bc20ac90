"""What the portal has to tell and has told: every delivery, in the world file, until and after it was taken."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TABLE = """
create table delivery (
    number integer primary key, id text not null, body text not null, good text, is_mended integer not null default 0,
    is_taken integer not null default 0);
create index delivery_open on delivery (number) where not is_taken;
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to be made. `id` stays the same however often it is sent; `good` is what it should have said, if it was spoiled."""

    id: str
    body: str
    good: str | None = None


def delivery(content: Any, *, at: int) -> Delivery:
    """What says one event, or a list of them, at a moment: the same said again is another delivery."""
    body = json.dumps(content, ensure_ascii=False)
    return Delivery(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{at} {body}")), body)


def keep(connection: sqlite3.Connection, deliveries: Iterable[Delivery]) -> None:
    """To be sent, in this order."""
    connection.executemany("insert into delivery (id, body, good) values (?, ?, ?)", ((d.id, d.body, d.good) for d in deliveries))


def waiting(connection: sqlite3.Connection, *, limit: int) -> list[tuple[int, str, str]]:
    """(number, id, body) of what was not taken yet, the oldest first."""
    return connection.execute("select number, id, body from delivery where not is_taken order by number limit ?", [limit]).fetchall()


def number_waiting(connection: sqlite3.Connection) -> int:
    """How many were not taken yet."""
    return int(connection.execute("select count(*) from delivery where not is_taken").fetchone()[0])


def taken(connection: sqlite3.Connection, number: int) -> None:
    """The other side has it for good."""
    connection.execute("update delivery set is_taken = 1 where number = ?", [number])


def take_spoiled(connection: sqlite3.Connection) -> list[str]:
    """What the spoiled deliveries should have said; each is given once."""
    rows = connection.execute("select good from delivery where good is not null and not is_mended order by number").fetchall()
    connection.execute("update delivery set is_mended = 1 where good is not null and not is_mended")
    return [good for (good,) in rows]
