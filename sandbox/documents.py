"""The objects of systems that keep documents: billing, support, marketing, surveys, reviews. One table of the world file, by object and id.

`changed` is in whole seconds since 1970, as these systems count; what changed comes in the order (changed, row number).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TABLE = """
create table document (
    row_number integer primary key, object text not null, id text not null, changed integer not null, body text not null,
    unique (object, id));
create index document_by_change on document (object, changed, row_number);
"""


@dataclass(frozen=True, slots=True)
class Document:
    """One object as its system shows it."""

    object: str  # 'billing.customers'
    id: str
    changed: int
    body: Mapping[str, Any]


def add(connection: sqlite3.Connection, documents: Iterable[Document]) -> int:
    """Keep new documents; returns how many."""
    rows = [(d.object, d.id, d.changed, json.dumps(d.body, ensure_ascii=False)) for d in documents]
    connection.executemany("insert into document (object, id, changed, body) values (?, ?, ?, ?)", rows)
    return len(rows)


def get(connection: sqlite3.Connection, name: str, id_: str) -> dict[str, Any] | None:
    """A document's body; None if there is none."""
    row = connection.execute("select body from document where object = ? and id = ?", [name, id_]).fetchone()
    return json.loads(row[0]) if row else None


def change(connection: sqlite3.Connection, document: Document) -> int:
    """Put a document's new body in place of the one of before; returns its change time, which never goes back."""
    row = connection.execute(
        "update document set body = ?, changed = max(changed, ?) where object = ? and id = ? returning changed",
        [json.dumps(document.body, ensure_ascii=False), document.changed, document.object, document.id],
    ).fetchone()
    return int(row[0])


def newest_first(
    connection: sqlite3.Connection, name: str, *, before: int | None, limit: int, since: int = 0
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(row number, changed, body) from the last one made backwards, those made before row `before`."""
    rows = connection.execute(
        "select row_number, changed, body from document where object = ? and row_number < ? and changed >= ? "
        "order by row_number desc limit ?",
        [name, before if before is not None else 1 << 62, since, limit],
    )
    return ((number, changed, json.loads(body)) for number, changed, body in rows)


def changed_since(
    connection: sqlite3.Connection, name: str, *, after: tuple[int, int], limit: int
) -> list[tuple[int, int, dict[str, Any]]]:
    """(changed, row number, body) behind a place in the order of changes."""
    rows = connection.execute(
        "select changed, row_number, body from document where object = ? and (changed, row_number) > (?, ?) "
        "order by changed, row_number limit ?",
        [name, *after, limit],
    )
    return [(changed, number, json.loads(body)) for changed, number, body in rows]


def row_number(connection: sqlite3.Connection, name: str, id_: str) -> int | None:
    """Where a document stands among those made; None if it is unknown."""
    row = connection.execute("select row_number from document where object = ? and id = ?", [name, id_]).fetchone()
    return int(row[0]) if row else None
