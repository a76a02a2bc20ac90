"""Declared paths become values, the rest the extra, and no digit is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.contracts.model import SourceContract
from customer360.extract.json_documents import NotADocument, as_moment, as_text, parse, parse_object, row_maker

FIELDS = {"id": "messageId", "path": "properties.path", "price": "properties.price", "source": "context.campaign.source"}


def rows(declared: Callable[..., SourceContract], *documents: str) -> list[tuple[str | None, ...]]:
    make = row_maker(declared(FIELDS).objects[0])
    return [make(parse_object(document.encode())) for document in documents]


@pytest.mark.parametrize(
    ("number", "unit", "moment"),
    [
        ("1760000003", "seconds", "2025-10-09T08:53:23+00:00"),
        ("1760000003.25", "seconds", "2025-10-09T08:53:23.250000+00:00"),
        ("1760000003123", "milliseconds", "2025-10-09T08:53:23.123000+00:00"),
        ("-1", "seconds", "1969-12-31T23:59:59+00:00"),
        ("yesterday", "seconds", "yesterday"),  # for the gate to see
        ("999999999999999999", "seconds", "999999999999999999"),
        (None, "seconds", None),
    ],
)
def test_a_number_since_1970_becomes_a_moment(number: str | None, unit: str, moment: str | None) -> None:
    assert as_moment(number, unit) == moment


def test_dotted_paths_are_followed_and_the_rest_is_kept(declared: Callable[..., SourceContract]) -> None:
    properties = '{"path":"/a","price":1.50,"colour":"red"}'
    document = f'{{"messageId":"m1","properties":{properties},"context":{{"campaign":{{"source":"ad"}},"ip":null}},"n":1}}'
    (row,) = rows(declared, document)
    assert row[:4] == ("m1", "/a", "1.50", "ad")
    assert row[4] == '{"context":{"ip":null},"n":1,"properties":{"colour":"red"}}'


def test_nothing_undeclared_leaves_no_extra(declared: Callable[..., SourceContract]) -> None:
    assert rows(declared, '{"messageId":"m1","context":{"campaign":{"source":"ad"}}}') == [("m1", None, None, "ad", None)]


def test_a_path_through_something_else_than_an_object_is_null_and_kept(declared: Callable[..., SourceContract]) -> None:
    (row,) = rows(declared, '{"messageId":"m1","properties":"oops","context":[1]}')
    assert row == ("m1", None, None, None, '{"context":[1],"properties":"oops"}')


def test_nested_values_in_a_declared_field_are_json_text(declared: Callable[..., SourceContract]) -> None:
    (row,) = rows(declared, '{"messageId":{"b":1.10,"a":[true,null]}}')
    assert row[0] == '{"a":[true,null],"b":1.10}'


def test_numbers_keep_their_digits() -> None:
    text = '{"a":12345678901234567890.10,"b":123456789012345678901234567890,"c":0.1000}'
    document = parse_object(text.encode())
    assert [as_text(value) for value in document.values()] == ["12345678901234567890.10", "123456789012345678901234567890", "0.1000"]
    assert as_text(document) == text


def test_booleans_and_null() -> None:
    assert [as_text(value) for value in (True, False, None, "", 0)] == ["true", "false", None, "", "0"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a":', "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\\u0000"}', "holds a NUL character"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a":1e99999999999999999999}', "not valid JSON"),
    ],
)
def test_what_is_no_document_says_why_without_a_value(text: bytes, reason: str) -> None:
    with pytest.raises(NotADocument) as caught:
        parse_object(text)
    assert str(caught.value) == reason


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert parse(rb'{"a":"\\u0000"}') == {"a": "\\u0000"}
    with pytest.raises(NotADocument):
        parse(rb'{"a":"\\\u0000"}')


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["messageId", "properties", "context", "other"]), json_values))
def test_whatever_comes_in_is_a_value_or_in_the_extra(document: dict[str, object]) -> None:
    """No leaf of any document disappears: each is the value of a declared field, or stands in the extra."""
    from tests.unit.extract.conftest import declare  # a fixture would be shared by the examples

    row = row_maker(declare(FIELDS).objects[0])(parse_object(json.dumps(document).encode()))
    rebuilt = json.loads(row[-1]) if row[-1] else {}
    for value, field in zip(row[:-1], FIELDS.values(), strict=True):
        if value is not None:
            *outer, last = field.split(".")
            target = rebuilt
            for name in outer:
                target = target.setdefault(name, {})
            target[last] = value
    assert _leaves(rebuilt) == _leaves(document)


def _leaves(value: object, path: str = "") -> set[tuple[str, str]]:
    """Paths and texts of all values but nulls and empty objects, whose absence means the same."""
    if path in {f".{field}" for field in FIELDS.values()}:
        text = value if isinstance(value, str) else as_text(parse(json.dumps(value).encode()))
        return set() if text is None else {(path, text)}
    if isinstance(value, dict):
        return set().union(*(_leaves(inner, f"{path}.{name}") for name, inner in value.items())) if value else set()
    return set() if value is None else {(path, json.dumps(value, sort_keys=True))}
