"""A line read by the shape of its object gives the row that taking its document apart gives."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from customer360.extract import json_documents, json_shape
from customer360.extract.json_documents import NotADocument, parse_object, row_maker_of
from customer360.extract.json_shape import Shape
from customer360.extract.stored_file import split_lines

FIELDS = (("messageId", None), ("properties.path", None), ("properties.price", None), ("context.campaign.source", None), ("at", "seconds"))
Outcome = tuple[object, ...]

keys = st.sampled_from(
    ("messageId", "properties", "context", "campaign", "source", "path", "price", "at", "colour", "class", "ä", "a b", "")
)
numbers = st.sampled_from(("0", "-1", "1.50", "1e2", "12345678901234567890", "0.12345678901234567890123", "-0.0"))
strings = st.sampled_from(("", "x", "ö", '"', "\\", "\t", "\x00", "\ud83d", "😀", "\x7f", "null")).map(json.dumps) | st.just('"ö"')
odd = st.sampled_from(("nul", "01", "[1,]", '{"a":1,}', '"\t"', "[1\t]", "[1\r, 2]", "NaN", "-", '{"a"}', "{}", "[]"))
space = st.sampled_from(("", "", "", " ", "\t", "\r"))
member = st.tuples(space, keys.map(lambda key: json.dumps(key, ensure_ascii=False)), st.sampled_from((":", ": ")))


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(member, values).map(lambda each: "".join(each[0]) + each[1]), max_size=5)
    return st.tuples(members, space).map(lambda each: "{" + ",".join(each[0]) + each[1] + "}")


values = st.recursive(
    numbers | strings | odd | st.sampled_from(("null", "true")),
    lambda inner: objects(inner) | st.lists(inner, max_size=2).map(lambda each: "[" + ", ".join(each) + "]"),
    max_leaves=12,
)
lines = st.tuples(objects(values) | values, st.sampled_from(("", "\n", "\r\n", " x"))).map(lambda each: "".join(each).encode())


def outcome(read: object, line: bytes) -> Outcome:
    try:
        row = read(line)  # type: ignore[operator]
    except NotADocument as error:
        return ("no document", str(error))
    extra = row[-1]
    assert extra is None or (extra[0] == "{" and min(extra) >= " ")
    return (*row[:-1], extra and json.loads(extra, parse_float=Decimal))


def by_documents(line: bytes, fields: tuple[tuple[str, str | None], ...] = FIELDS) -> Outcome:
    return outcome(lambda text: row_maker_of(fields)(parse_object(text)), line)


@given(st.lists(lines, min_size=3, max_size=8))
@example([b'{"context":{"campaign":{"source":"a","x":1}},"y":[1\t]}'] * 4)
@example([b'{"colour":"red"}'] * 3 + [rb'{"colour":"\ud83d"}', rb'{"colour":"\u0000"}', rb'{"colour":"\ud83d\ude00"}'])
@example([b'{"properties":{"z":1}}'] * 3 + [b'{"properties":{}}', b'{"properties":null}', b'{"properties":{"path":"p"}}'])
def test_a_line_gives_the_row_of_its_document(several: list[bytes]) -> None:
    shape = Shape(FIELDS, learns_from=2)
    for line in [*several, *several]:
        assert outcome(shape.read, line) == by_documents(line)


@given(st.lists(lines, min_size=1, max_size=6))
@example([b'{"a":1}{"a":2}\n', b"\n", b'{"a":3}'])
@example([b'{"a":1}{"a":\n', b"2}\n", b'{"a":3}'])
@example([b'{"messageId":"a"}\n', b'{"x":[1,\n', b"2]}\n"])
@example([b'{"messageId":"a","x":{"b":1}}\n', b'{"messageId":"c"}\n'])
def test_lines_at_once_give_their_rows(several: list[bytes]) -> None:
    shape = Shape(FIELDS, learns_from=1)
    for line in several:
        outcome(shape.read, line)
    block = b"".join(several)
    part = shape.rows(block)
    if part is not None:
        assert [outcome(lambda _, row=row: row, b"") for row in part.rows] == [by_documents(line) for line in split_lines(block)]
        values = [value for row in part.rows for value in row if value is not None]
        assert all("\\" not in value and min(value, default=" ") >= " " for value in values)


@given(st.data())
def test_a_damaged_line_gives_what_its_document_gives(data: st.DataObject) -> None:
    line = b'{"messageId":"m1","properties":{"path":"/\xc3\xa4","z":"\xc3\xb6"},"context":{"campaign":{"source":"a","n":1.5}},"at":12}\n'
    shape = Shape(FIELDS, learns_from=1)
    shape.read(line)
    place = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:place] + bytes([data.draw(st.integers(0, 255))]) + line[place + data.draw(st.sampled_from((0, 1))) :]
    assert outcome(shape.read, damaged) == by_documents(damaged)


@pytest.fixture
def taken_apart(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Lines that were made into a document."""
    seen: list[bytes] = []

    def parse(line: bytes) -> dict[str, object]:
        seen.append(line)
        return parse_object(line)

    monkeypatch.setattr(json_documents, "parse_object", parse)
    return seen


def test_lines_of_a_known_shape_are_not_taken_apart(taken_apart: list[bytes]) -> None:
    shape = Shape(FIELDS, learns_from=2)
    known = b'{"messageId":"m","colour":{"b":1.50,"a":[]},"properties":{"price":2.50}}'
    for _ in range(5):
        row = shape.read(known)
    assert row == ("m", None, "2.50", None, None, '{"colour":{"b":1.50,"a":[]}}') and taken_apart == [known] * 2
    for number in range(100):
        shape.read(b'{"messageId":%d,"new":true}' % number)  # learned after some of them
    assert 2 < len(taken_apart) < 50
    assert shape.read(b'{"messageId":7,"new":true}') == ("7", None, None, None, None, '{"new":true}')


def test_several_lines_of_a_known_shape_are_not_taken_apart(taken_apart: list[bytes]) -> None:
    shape = Shape(FIELDS, learns_from=2)
    known = b'{"messageId":"m","properties":{"price":2.50}}\n{"messageId":"n"}'
    assert shape.rows(known) is None
    for line in split_lines(known):
        shape.read(line)
    taken_apart.clear()
    part = shape.rows(known)
    assert part is not None and not taken_apart
    assert part.rows == [("m", None, "2.50", None, None, None), ("n", None, None, None, None, None)]
    assert part.copy_lines == ["m\t\\N\t2.50\t\\N\t\\N\t\\N", "n\t\\N\t\\N\t\\N\t\\N\t\\N"]


def test_names_for_keys_are_no_shape(taken_apart: list[bytes]) -> None:
    shape = Shape(FIELDS, learns_from=50)
    for number in range(400):
        line = b'{"messageId":"m","properties":{"k%d":1}}' % number
        assert outcome(shape.read, line) == by_documents(line)
    taken_apart.clear()
    shape.read(b'{"messageId":"m"}')
    assert len(taken_apart) == 1


@pytest.mark.parametrize("paths", [("a", "a.b"), ("a.b", "a"), ("a", "a"), ("a.b.c", "a.b")])
def test_fields_below_one_another(paths: tuple[str, ...]) -> None:
    fields = tuple((path, None) for path in paths)
    shape = Shape(fields, learns_from=1)
    for line in (b'{"a":{"b":{"c":"x","d":1},"e":2}}', b'{"a":{"b":"x"}}', b'{"a":"x"}', b'{"a":{}}', b'{"a":null}') * 2:
        assert outcome(shape.read, line) == by_documents(line, fields)


def test_what_was_learned_of_an_object_is_kept(taken_apart: list[bytes]) -> None:
    fields = (("kept", None),)
    json_shape._shape.cache_clear()
    first, again = json_shape._shape(fields), json_shape._shape(fields)
    for number in range(2_000):
        first.read(b'{"kept":"%d"}' % number)
    taken_apart.clear()
    assert again.read(b'{"kept":"1"}') == ("1", None) and not taken_apart
