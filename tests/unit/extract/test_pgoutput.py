"""Replication messages, written as the protocol says, read back; and the parts that changes become."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.contracts.model import Deletes, Extract, Field, SourceObject
from customer360.extract import pgoutput
from customer360.extract.changed_rows import ChangedRows
from customer360.extract.pgoutput import UNCHANGED, Delete, Insert, Truncate, Update, decode
from customer360.extract.protocol import Deleted, MissingFields, Part, Reject, Rows, SourceRefused, Truncated

VALUES = st.lists(st.one_of(st.none(), st.just(UNCHANGED), st.binary(max_size=40)), max_size=6).map(tuple)


def tuple_bytes(values: Any) -> bytes:
    parts = [struct.pack("!H", len(values))]
    for value in values:
        parts.append(b"n" if value is None else b"u" if value is UNCHANGED else b"t" + struct.pack("!I", len(value)) + value)
    return b"".join(parts)


def relation_bytes(columns: list[tuple[str, int]], *, oid: int = 7, identity: str = "f") -> bytes:
    head = b"R" + struct.pack("!I", oid) + b"public\0people\0" + identity.encode() + struct.pack("!H", len(columns))
    return head + b"".join(b"\1" + name.encode() + b"\0" + struct.pack("!Ii", kind, -1) for name, kind in columns)


@given(old=VALUES, new=VALUES, oid=st.integers(0, 2**32 - 1))
def test_changes_are_read_as_written(old: Any, new: Any, oid: int) -> None:
    number = struct.pack("!I", oid)
    assert decode(b"I" + number + b"N" + tuple_bytes(new)) == Insert(oid, new)
    assert decode(b"U" + number + b"N" + tuple_bytes(new)) == Update(oid, None, False, new)
    assert decode(b"U" + number + b"K" + tuple_bytes(old) + b"N" + tuple_bytes(new)) == Update(oid, old, False, new)
    assert decode(b"U" + number + b"O" + tuple_bytes(old) + b"N" + tuple_bytes(new)) == Update(oid, old, True, new)
    assert decode(b"D" + number + b"O" + tuple_bytes(old)) == Delete(oid, old)


@given(new=VALUES, cut=st.integers(1, 200))
def test_a_cut_message_is_told(new: Any, cut: int) -> None:
    whole = b"I" + struct.pack("!I", 1) + b"N" + tuple_bytes(new)
    if cut < len(whole):
        with pytest.raises(pgoutput.Malformed):
            decode(whole[:-cut])


def test_transactions_truncations_and_what_says_nothing() -> None:
    begin = decode(b"B" + struct.pack("!QqI", 2**33 + 1, 86_400_000_000, 9))
    assert begin == pgoutput.Begin(2**33 + 1, datetime(2000, 1, 2, tzinfo=UTC))
    assert decode(b"C" + struct.pack("!BQQq", 0, 5, 6, 0)) == pgoutput.Commit(6, datetime(2000, 1, 1, tzinfo=UTC))
    assert decode(b"T" + struct.pack("!IBII", 2, 1, 7, 8)) == Truncate((7, 8))
    assert decode(b"Y....") is None
    assert decode(b"O....") is None
    for nonsense in (b"", b"Z1234", b"D" + struct.pack("!I", 1) + b"X"):
        with pytest.raises(pgoutput.Malformed):
            decode(nonsense)
    assert pgoutput.lsn_text(pgoutput.lsn_number("16/B374D848")) == "16/B374D848"


# ------------------------------------------------------------------------------------------------- to parts
def _field(name: str, sql_type: str = "text") -> Field:
    return Field(
        name=name, source_name=name, logical_type="string", sql_type=sql_type, required=False, unique=False, classification="internal"
    )


PEOPLE = SourceObject(
    system="shop",
    name="people",
    source_name="people",
    description="",
    grain="",
    fields=(_field("id"), _field("name"), _field("member")),
    key=("id",),
    extract=Extract(cursor=None, lookback=timedelta(), deletes=Deletes(), stream="changes"),
)
COLUMNS = [("id", 20), ("name", 25), ("member", 16), ("code", 1042)]


def parts(*changes: Any, columns: list[tuple[str, int]] | None = None) -> list[Part]:
    rows = ChangedRows(PEOPLE, place="table public.people")
    relation = decode(relation_bytes(columns or COLUMNS))
    assert isinstance(relation, pgoutput.Relation)
    found = list(rows.describe(relation))
    for change in changes:
        found += rows.take(change)
    return found + list(rows.flush())


def test_rows_and_deletions_keep_their_order() -> None:
    found = parts(
        Insert(7, (b"1", b"Ada", b"t", b"x  ")),
        Update(7, (b"1", b"Ada", b"t", None), True, (b"2", UNCHANGED, b"f", None)),
        Delete(7, (b"2", None, None, None)),
        Truncate((7,)),
        Insert(7, (b"3", None, None, None)),
    )
    assert found == [
        Rows(rows=[("1", "Ada", "true", '{"code": "x"}')]),
        Deleted(keys=[("1",)]),
        Rows(rows=[("2", "Ada", "false", None)]),
        Deleted(keys=[("2",)]),
        Truncated(),
        Rows(rows=[("3", None, None, None)]),
    ]


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(SourceRefused, match="replica identity full"):
        parts(Update(7, None, False, (b"1", UNCHANGED, None, None)))
    with pytest.raises(SourceRefused, match="does not name the key"):
        parts(Delete(7, (None, b"Ada", None, None)))


def test_missing_columns_and_broken_text_come_to_light() -> None:
    found = parts(Insert(7, (b"1", b"\xff")), columns=[("id", 20), ("name", 25)])
    assert found[0] == MissingFields(fields=frozenset({"member"}), place="table public.people")
    assert isinstance(found[1], Reject)
    assert found[1].raw == "1 \\xff"
    extra = parts(Insert(7, (b"1", b"A", b"t", None, "zwölf".encode())), columns=[*COLUMNS, ("new", 25)])[0]
    assert isinstance(extra, Rows)
    assert json.loads(str(extra.rows[0][-1])) == {"new": "zwölf"}
