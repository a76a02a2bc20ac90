"""JSON documents to rows: declared paths become the row's values, everything else its extra. Used by files and REST."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import Row

_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # a Decimal keeps the digits that a float would round
_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode

_EPOCH = re.compile(r"-?\d{1,18}(\.\d{1,9})?")


class NotADocument(ValueError):
    """The text is no JSON object, or holds what PostgreSQL cannot store. The message holds no value."""


def parse(text: bytes) -> Any:
    """Any JSON value: numbers as int or Decimal, so that no digit is lost; NotADocument if it is none."""
    try:
        if b"\\" not in text or not has_nul(text):  # asked here as well, since a call for each line would be felt
            return _decode(text)
    except UnicodeDecodeError:
        raise NotADocument("not UTF-8") from None
    except RecursionError:
        raise NotADocument("nested too deeply") from None
    except (msgspec.DecodeError, ArithmeticError, ValueError):
        raise NotADocument("not valid JSON") from None
    raise NotADocument("holds a NUL character")


def parse_object(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`; NotADocument if it is none."""
    document = parse(text)
    if type(document) is not dict:
        raise NotADocument("not a JSON object")
    return document


def parse_page(text: bytes) -> Any:
    """Like `parse`, but lets records through that PostgreSQL cannot store (see `unstorable`), so that one does not cost its page."""
    try:
        return _decode(text)
    except (UnicodeDecodeError, RecursionError):
        raise NotADocument("not valid JSON") from None
    except (msgspec.DecodeError, ArithmeticError, ValueError):
        try:
            return json.loads(text, parse_float=Decimal)  # takes half surrogates, which msgspec does not
        except (ValueError, ArithmeticError):
            raise NotADocument("not valid JSON") from None


def unstorable(value: Any) -> str | None:
    """Why PostgreSQL cannot store a parsed value, if so: a NUL character, or half of a surrogate pair."""
    if type(value) is str:
        if "\0" in value:
            return "holds a NUL character"
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds half a character"
        return None
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return next((reason for inner in value if (reason := unstorable(inner))), None)
    return None


def safe_text(value: Any) -> str:
    """A parsed value as JSON in ASCII, which can be stored whatever it holds."""
    return json.dumps(value, default=str)


def as_text(value: Any) -> str | None:
    """How landing holds a JSON value: strings as they are, numbers by their digits, true/false, nested values as JSON."""
    if value is None or type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, dict | list):
        return _encode(value).decode()
    return str(value)


def as_moment(number: str | None, unit: str) -> str | None:
    """Seconds or milliseconds since 1970 as ISO 8601 in UTC; what is no such number stays as it is, for the gate to see."""
    if number is None or not _EPOCH.fullmatch(number):
        return number
    micros = Decimal(number) * (1_000_000 if unit == "seconds" else 1_000)
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))).isoformat()
    except OverflowError:
        return number


def row_maker(obj: SourceObject) -> Callable[[dict[str, Any]], Row]:
    """A function from a document to the object's row. It takes the document apart: what is left over is the extra.

    A declared dotted path that leads through something other than an object is null, and that something stays in the extra.
    Objects that held declared values alone leave no empty husk behind.

    It is written for the object, as `dataclasses` writes methods: a walk over the fields at each document takes a quarter as long again.
    """
    return row_maker_of(tuple((field.source_name, field.epoch) for field in obj.fields))


@lru_cache(maxsize=256)
def row_maker_of(fields: tuple[tuple[str, str | None], ...]) -> Callable[[dict[str, Any]], Row]:
    """Compiled once for all deliveries, pages and files of an object. `fields`: dotted path and unit of epoch of each."""
    tree = _Node()
    for place, (path, _) in enumerate(fields):
        tree.add(path.split("."), place)
    values = [f"as_moment(v{place}, {epoch!r})" if epoch else f"v{place}" for place, (_, epoch) in enumerate(fields)]
    code = ["def make(document):", *_taking(tree, "document", "    ")]
    code.append(f"    return ({', '.join(values)}, encode(document).decode() if document else None)")
    names: dict[str, Any] = {"as_text": as_text, "as_moment": as_moment, "encode": _encode}
    exec("\n".join(code), names)  # noqa: S102 - of the contract it holds names alone, and those as quoted strings
    made: Callable[[dict[str, Any]], Row] = names["make"]
    return made


class _Node:
    """Declared names below one object of the document: those that end here, and those that lead on."""

    __slots__ = ("children", "leaves")

    def __init__(self) -> None:
        self.leaves: list[tuple[str, int]] = []
        self.children: dict[str, _Node] = {}

    def add(self, path: list[str], place: int) -> None:
        if len(path) == 1:
            self.leaves.append((path[0], place))
        else:
            self.children.setdefault(path[0], _Node()).add(path[1:], place)

    def places(self) -> list[int]:
        """Of all values below."""
        return [place for _, place in self.leaves] + [place for child in self.children.values() for place in child.places()]


def _taking(node: _Node, name: str, indent: str) -> Iterator[str]:
    """Lines that take the values below a node out of the object `name`, into variables by their places."""
    for key, child in node.children.items():
        inner = f"{name}_{min(child.places())}"
        yield f"{indent}{inner} = {name}.get({key!r})"
        yield f"{indent}if {inner}.__class__ is dict:"
        yield from _taking(child, inner, indent + "    ")
        yield f"{indent}    if not {inner}:"
        yield f"{indent}        del {name}[{key!r}]"
        yield f"{indent}else:"
        yield f"{indent}    {' = '.join(f'v{place}' for place in child.places())} = None"
    yield f"{indent}pop = {name}.pop"
    for key, place in node.leaves:
        yield f"{indent}v{place} = pop({key!r}, None)"
        yield f"{indent}if v{place}.__class__ is not str and v{place} is not None:"
        yield f"{indent}    v{place} = as_text(v{place})"


def has_nul(text: bytes) -> bool:
    r"""Whether an escape \u0000 really stands there, rather than an escaped backslash before the letters u0000."""
    if b"\\" not in text:  # most have none, and one character is found ten times as fast as six
        return False
    start = text.find(b"\\u0000")
    while start != -1:
        backslashes = 0
        while start - backslashes >= 0 and text[start - backslashes : start - backslashes + 1] == b"\\":
            backslashes += 1
        if backslashes % 2:
            return True
        start = text.find(b"\\u0000", start + 1)
    return False
