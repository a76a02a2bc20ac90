"""The messages of PostgreSQL's logical replication (output plugin `pgoutput`, protocol version 1), decoded. Pure.

Layout: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN, _COMMIT = struct.Struct("!QqI"), struct.Struct("!BQQq")
_UINT, _USHORT, _COLUMN = struct.Struct("!I"), struct.Struct("!H"), struct.Struct("!Ii")


class Unchanged(Enum):
    """In place of a large value that an update did not touch, and that is therefore not sent."""

    TOAST = "unchanged"


UNCHANGED: Final = Unchanged.TOAST
Value = bytes | None | Unchanged
Tuple = tuple[Value, ...]
"""One value per column of the relation, in the server's text form and the session's encoding."""


class Malformed(ValueError):
    """The bytes are no message of this protocol. Holds no value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation, as it was when the change was made."""

    name: str
    type_oid: int
    is_key: bool  # part of the replica identity


@dataclass(frozen=True, slots=True)
class Relation:
    """What the tuples that follow look like."""

    oid: int
    schema: str
    name: str
    identity: str  # 'd' default, 'n' nothing, 'f' full, 'i' index
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins. `commit_lsn`: where its commit record begins."""

    commit_lsn: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """It ends. `end_lsn`: behind its commit record."""

    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row."""

    relation: int
    new: Tuple


@dataclass(frozen=True, slots=True)
class Update:
    """A changed row. `old`: its key alone if that changed, the whole old row under identity full, else None."""

    relation: int
    old: Tuple | None
    old_is_whole: bool
    new: Tuple


@dataclass(frozen=True, slots=True)
class Delete:
    """A row is gone. `old`: its key, or the whole row under identity full."""

    relation: int
    old: Tuple


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables were emptied."""

    relations: tuple[int, ...]


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate


def decode(data: bytes) -> Message | None:
    """The message in `data`; None for those that say nothing about rows (types, origins, messages of applications). Raises Malformed."""
    try:
        return _decode(data)
    except (struct.error, IndexError, ValueError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("a replication message is cut short or of another protocol") from None


def _decode(data: bytes) -> Message | None:
    kind = data[:1]
    if kind == b"I":
        return Insert(_UINT.unpack_from(data, 1)[0], _new(data, 5))
    if kind == b"U":
        return _update(data)
    if kind == b"D":
        old, end = _tuple(data, 6)
        if data[5:6] not in (b"K", b"O") or end != len(data):
            raise Malformed("a deletion without a key")
        return Delete(_UINT.unpack_from(data, 1)[0], old)
    if kind == b"B":
        commit_lsn, moment, _ = _BEGIN.unpack_from(data, 1)
        return Begin(commit_lsn, _moment(moment))
    if kind == b"C":
        _, _, end_lsn, moment = _COMMIT.unpack_from(data, 1)
        return Commit(end_lsn, _moment(moment))
    if kind == b"R":
        return _relation(data)
    if kind == b"T":
        count, _ = struct.unpack_from("!IB", data, 1)
        return Truncate(tuple(struct.unpack_from(f"!{count}I", data, 6)))
    if kind in (b"Y", b"O", b"M"):
        return None
    raise Malformed("a replication message of an unknown kind")


def _update(data: bytes) -> Update:
    relation = _UINT.unpack_from(data, 1)[0]
    marker = data[5:6]
    if marker == b"N":
        return Update(relation, None, False, _new(data, 5))
    if marker not in (b"K", b"O"):
        raise Malformed("an update without a row")
    old, end = _tuple(data, 6)
    return Update(relation, old, marker == b"O", _new(data, end))


def _new(data: bytes, place: int) -> Tuple:
    if data[place : place + 1] != b"N":
        raise Malformed("a change without its new row")
    new, end = _tuple(data, place + 1)
    if end != len(data):
        raise Malformed("a change with something behind its row")
    return new


def _tuple(data: bytes, place: int) -> tuple[Tuple, int]:
    """The tuple at `place`, and where it ends."""
    (count,) = _USHORT.unpack_from(data, place)
    place += 2
    values: list[Value] = []
    for _ in range(count):
        kind = data[place]
        place += 1
        if kind == 0x74:  # t: text
            (size,) = _UINT.unpack_from(data, place)
            place += 4
            if place + size > len(data):
                raise Malformed("a value is cut short")
            values.append(data[place : place + size])
            place += size
        elif kind == 0x6E:  # n: null
            values.append(None)
        elif kind == 0x75:  # u: not sent
            values.append(UNCHANGED)
        else:
            raise Malformed("a value of an unknown kind")
    return tuple(values), place


def _relation(data: bytes) -> Relation:
    oid = _UINT.unpack_from(data, 1)[0]
    schema, place = _string(data, 5)
    name, place = _string(data, place)
    identity = chr(data[place])
    (count,) = _USHORT.unpack_from(data, place + 1)
    place += 3
    columns = []
    for _ in range(count):
        is_key = bool(data[place] & 1)
        column, place = _string(data, place + 1)
        type_oid, _ = _COLUMN.unpack_from(data, place)
        place += _COLUMN.size
        columns.append(Column(column, type_oid, is_key))
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns))


def _string(data: bytes, place: int) -> tuple[str, int]:
    end = data.index(b"\0", place)
    return data[place:end].decode(), end + 1


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def lsn_text(lsn: int) -> str:
    """A place in the log as PostgreSQL writes it: '16/B374D848'."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    """The reverse of `lsn_text`."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)
