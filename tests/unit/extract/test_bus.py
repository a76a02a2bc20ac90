"""What becomes of a message."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.contracts.model import Deletes, Extract, Field, SourceObject
from customer360.extract.bus import Message, MessageRows
from customer360.extract.kafka import _start, settings
from customer360.extract.protocol import Deleted, Part, ReadRequest, Reject, Rows


def _field(name: str, source_name: str | None = None) -> Field:
    return Field(
        name=name,
        source_name=source_name or name,
        logical_type="string",
        sql_type="text",
        required=False,
        unique=False,
        classification="internal",
    )


LEVELS = SourceObject(
    system="stock",
    name="levels",
    source_name="levels",
    description="",
    grain="",
    fields=(_field("article"), _field("level"), _field("trace", "_headers.trace"), _field("sent_as", "_key")),
    key=("article",),
    extract=Extract(cursor=None, lookback=timedelta(), deletes=Deletes(), stream="messages"),
)
PAIRS = dataclasses.replace(LEVELS, fields=(_field("article"), _field("store", "shop.store")), key=("article", "store"))


def parts(*messages: tuple[bytes | None, bytes | None], obj: SourceObject = LEVELS, headers: dict[str, str] | None = None) -> list[Part]:
    rows = MessageRows(obj)
    found: list[Part] = []
    for key, value in messages:
        found += rows.take(Message(key=key, value=value, headers=headers or {}, place="levels[0] offset 1"))
    return found + list(rows.flush())


def test_rows_keep_headers_and_key() -> None:
    assert parts((b"k", b'{"article": "a", "level": 1.50, "x": 1}'), headers={"trace": "t", "other": "o"}) == [
        Rows(rows=[("a", "1.50", "t", "k", '{"_headers":{"other":"o"},"x":1}')])
    ]


@pytest.mark.parametrize(
    ("key", "obj", "gone"),
    [
        (b"a", LEVELS, ("a",)),
        (b'"a b"', LEVELS, ("a b",)),
        (b"007", LEVELS, ("007",)),
        (b"7", LEVELS, ("7",)),
        (b'{"article": "a"}', LEVELS, ("a",)),
        (b'{"article": 1, "shop.store": "s"}', PAIRS, ("1", "s")),
    ],
)
def test_a_tombstone_names_its_record(key: bytes, obj: SourceObject, gone: tuple[str, ...]) -> None:
    assert parts((key, None), obj=obj) == [Deleted(keys=[gone])]


@pytest.mark.parametrize(
    ("key", "obj"), [(None, LEVELS), (b"", LEVELS), (b"\xff", LEVELS), (b"a\0", LEVELS), (b"{}", LEVELS), (b"a", PAIRS), (b"null", LEVELS)]
)
def test_a_tombstone_that_names_none_is_poison(key: bytes | None, obj: SourceObject) -> None:
    (found,) = parts((key, None), obj=obj)
    assert isinstance(found, Reject)
    assert "does not name the record" in found.reason


def test_order_is_kept_between_rows_deletions_and_poison() -> None:
    found = parts((b"a", b'{"article": "a"}'), (b"a", None), (b"a", b"[]"), (b"a", b'{"article": "b"}'))
    assert [type(part).__name__ for part in found] == ["Rows", "Deleted", "Reject", "Rows"]


@given(value=st.binary(max_size=60), key=st.none() | st.binary(max_size=10))
def test_whatever_comes_is_something_that_can_be_stored(value: bytes, key: bytes | None) -> None:
    for part in parts((key, value)):
        texts: list[Any] = [part.raw] if isinstance(part, Reject) else [text for row in getattr(part, "rows", ()) for text in row if text]
        for text in texts:
            assert "\0" not in text
            text.encode()


def test_settings_of_a_connection() -> None:
    assert settings("kafka://me:p%40ss@a:1,b:2/?security.protocol=SASL_SSL&sasl.mechanism=PLAIN") == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password": "p@ss",
    }


def test_where_a_read_begins() -> None:
    ends = {0: (5, 20), 1: (0, 3)}
    assert _start(ReadRequest(object=LEVELS), ends, "t") == ({0: 5, 1: 0}, None)
    assert _start(ReadRequest(object=LEVELS, position={"partitions": {"0": 9}}), ends, "t") == ({0: 9, 1: 0}, None)
    assert _start(ReadRequest(object=LEVELS, position={"partitions": {"0": 9}}, full=True), ends, "t") == ({0: 5, 1: 0}, None)
    start, restarted = _start(ReadRequest(object=LEVELS, position={"partitions": {"0": 2}}), ends, "t")
    assert start[0] == 5
    assert restarted is not None
    assert "lost 3 messages" in restarted
    of_another = ReadRequest(object=LEVELS, position={"topic_id": "s", "partitions": {"0": 9, "1": 2}})
    assert _start(of_another, ends, "t") == ({0: 5, 1: 0}, "the topic was made anew")
    assert _start(of_another, ends, None) == ({0: 9, 1: 2}, None), "a broker that gives topics no id"
