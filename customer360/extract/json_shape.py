"""JSON lines to rows, by the shape that the lines of an object have.

Lines of one source mostly hold the same keys. Once these are known, a line is decoded straight into a structure of its declared
values; the undeclared ones are checked, passed over, and put together again as they stand there. No dictionary is made and taken
apart, which takes twice as long. A line of another shape goes the way of `json_documents`, and the shape learns from it. Either way
it is the same row, but for the order and the spelling within the extra.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from customer360.contracts.model import SourceObject
from customer360.extract import json_documents
from customer360.extract.protocol import Row, Rows

_LINES_TO_LEARN_FROM = 500
_MISSES_TO_LEARN_FROM = 20
"""So many lines of another shape are looked at before the shape is made anew; twice as many the next time, and so on."""
_MOST_TIMES_MADE = 10
_MOST_KEYS = 200
"""Undeclared keys of a shape. An object with more of them has names for keys rather than a shape."""

_DECODES = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)
_Take = Callable[[bytes], tuple[list[Row], list[str]] | None]
_OPENS, _CLOSES = b"{}"
_TAB = r"\t"
_encode = msgspec.json.Encoder().encode


def shape_of(obj: SourceObject) -> Shape:
    """The shape of the object's lines. What was learned of it is kept as long as the process lives."""
    return _shape(tuple((field.source_name, field.epoch) for field in obj.fields))


@lru_cache(maxsize=256)
def _shape(fields: tuple[tuple[str, str | None], ...]) -> Shape:
    return Shape(fields)


class Shape:
    """What the lines of an object look like, as far as they were seen. `fields`: dotted path and unit of epoch of each."""

    def __init__(self, fields: tuple[tuple[str, str | None], ...], *, learns_from: int = _LINES_TO_LEARN_FROM) -> None:
        self._fields = fields
        self._make = json_documents.row_maker_of(fields)
        self._root = _Node()
        self._take: _Take | None = None
        self._to_learn, self._made = learns_from, 0
        self._can_be_made = all(self._root.add(path.split("."), place) for place, (path, _) in enumerate(fields))

    def rows(self, block: bytes) -> Rows | None:
        """The rows of several whole lines of UTF-8; None where the lines are to be read one by one."""
        if self._take is None or b"\\" in block:
            return None
        count = _lines_of_documents(block)
        if not count:
            return None
        try:
            taken = self._take(block)
        except _DECODES:
            return None
        return Rows(rows=taken[0], copy_lines=taken[1]) if taken is not None and len(taken[0]) == count else None

    def read(self, line: bytes) -> Row:
        """The row of a line; raises NotADocument."""
        is_miss = False
        if self._take is not None and b"\\" not in line:  # only a value that is taken apart can be seen to hold half a character
            try:
                taken = self._take(line)
                if taken is not None and len(taken[0]) == 1:
                    return taken[0][0]
            except _DECODES:
                is_miss = True
        document = json_documents.parse_object(line)
        if self._can_be_made and (is_miss or self._take is None):
            self._learn(document)
        return self._make(document)

    def _learn(self, document: dict[str, Any]) -> None:
        self._root.learn(document)
        self._to_learn -= 1
        if self._root.keys() > _MOST_KEYS or self._made == _MOST_TIMES_MADE:
            self._can_be_made, self._take, self._root = False, None, _Node()
        elif self._to_learn <= 0:
            self._to_learn = _MISSES_TO_LEARN_FROM << self._made
            self._made += 1
            self._take = _compiled(self._root, self._fields)


def _lines_of_documents(block: bytes) -> int:
    """How many lines the block has, if every line end is one between two JSON objects; else 0.

    msgspec minds no line ends: only if there are as many objects as lines does each line hold one of them.
    """
    if not block.startswith(b"{"):
        return 0
    find, count, last = block.find, 1, len(block) - 1
    place = find(b"\n")
    while -1 < place < last:
        if block[place - 1] != _CLOSES or block[place + 1] != _OPENS:
            return 0
        count += 1
        place = find(b"\n", place + 1)
    return count


class _Node:
    """One object of the document: the declared values in it, the declared objects, and the undeclared keys that were seen."""

    __slots__ = ("children", "extras", "leaves", "not_only_text")

    def __init__(self) -> None:
        self.leaves: dict[str, int] = {}  # key to the field's place
        self.not_only_text: set[str] = set()
        self.children: dict[str, _Node] = {}
        self.extras: dict[str, None] = {}  # in the order they were seen

    def add(self, path: list[str], place: int) -> bool:
        """Whether the field has a place of its own: not below another's, and not the same."""
        key = path[0]
        if key in self.leaves or (len(path) == 1 and key in self.children):
            return False
        if len(path) > 1:
            return self.children.setdefault(key, _Node()).add(path[1:], place)
        self.leaves[key] = place
        return True

    def learn(self, document: dict[str, Any]) -> None:
        for key, value in document.items():
            if key in self.children:
                if value.__class__ is dict:
                    self.children[key].learn(value)
            elif key not in self.leaves:
                self.extras[key] = None
            elif value is not None and value.__class__ is not str:
                self.not_only_text.add(key)

    def keys(self) -> int:
        """Undeclared ones, here and below."""
        return len(self.extras) + sum(child.keys() for child in self.children.values())

    def places(self) -> list[int]:
        """Of all values below."""
        return [*self.leaves.values(), *(place for child in self.children.values() for place in child.places())]


def _compiled(root: _Node, fields: tuple[tuple[str, str | None], ...]) -> _Take:
    """A function from lines to their rows, or None where they are to be read the other way. Raises `_DECODES`."""
    names: dict[str, Any] = {"UNSET": UNSET, "NULL": r"\N", "encode": _encode}
    names |= {"as_text": json_documents.as_text, "as_moment": json_documents.as_moment}
    names["decode_lines"] = msgspec.json.Decoder(_struct(root), float_hook=Decimal).decode_lines
    code = ["def take(block):", "    rows, lines = [], []", "    for s in decode_lines(block):", *_taking(root, "s", "        ", names)]
    code += ["        extra = None"]
    if root.keys():
        code += [
            "        if s_extra is not UNSET:",
            "            extra = encode(s_extra).decode()",
            r"            if '\t' in extra or '\r' in extra:",  # between its values, where COPY would not take them as such
            "                return None",
        ]
    cells = [f"{{NULL if {value} is None else {value}}}" for value in (*(f"v{place}" for place in range(len(fields))), "extra")]
    code += [f"        v{place} = as_moment(v{place}, {epoch!r})" for place, (_, epoch) in enumerate(fields) if epoch]
    code += [f"        rows.append(({', '.join(f'v{place}' for place in range(len(fields)))}, extra))"]
    code += [f"        lines.append(f'{_TAB.join(cells)}')", "    return rows, lines"]
    exec("\n".join(code), names)  # noqa: S102 - names of our own alone, and a contract's words as quoted strings
    take: _Take = names["take"]
    return take


def _struct(node: _Node) -> type[msgspec.Struct]:
    """Keys of a line have its attributes `<kind><number>`, in their order here: value, object, extra."""
    keys = {f"v{n}": key for n, key in enumerate(node.leaves)}
    fields: list[tuple[str, Any, Any]] = [
        (f"v{n}", Any if key in node.not_only_text else str | None, None) for n, key in enumerate(node.leaves)
    ]
    for n, (key, child) in enumerate(node.children.items()):
        keys[f"o{n}"] = key
        fields.append((f"o{n}", _struct(child) | UnsetType, UNSET))
    for n, key in enumerate(node.extras):
        keys[f"x{n}"] = key
        fields.append((f"x{n}", Raw, UNSET))
    return msgspec.defstruct("Line", fields, rename=keys, forbid_unknown_fields=True, gc=False)


def _taking(node: _Node, name: str, indent: str, names: dict[str, Any]) -> Iterator[str]:
    """Lines that take the values below a node out of the structure `name`, and what is undeclared there into `<name>_extra`."""
    within: dict[str, str] = {f"{name}.x{n}": key for n, key in enumerate(node.extras)}
    for n, (key, child) in enumerate(node.children.items()):
        inner = f"{name}_{n}"
        yield f"{indent}{inner} = {name}.o{n}"
        yield f"{indent}if {inner} is UNSET:"
        yield f"{indent}    {' = '.join(f'v{place}' for place in child.places())} = None"
        if child.keys():
            within[f"{inner}_extra"] = key
            yield f"{indent}    {inner}_extra = UNSET"
        yield f"{indent}else:"
        yield from _taking(child, inner, indent + "    ", names)
    for n, (key, place) in enumerate(node.leaves.items()):
        yield f"{indent}v{place} = {name}.v{n}"
        if key in node.not_only_text:
            yield f"{indent}if v{place}.__class__ is not str and v{place} is not None:"
            yield f"{indent}    v{place} = as_text(v{place})"
    if within:
        # in the order in which PostgreSQL stores the keys of an object, which saves it the sorting
        within = dict(sorted(within.items(), key=lambda each: (len(each[1].encode()), each[1].encode())))
        attributes = [(f"x{n}", Any, UNSET) for n in range(len(within))]
        names[f"Extra_{name}"] = msgspec.defstruct(
            "Extra", attributes, rename={f"x{n}": key for n, key in enumerate(within.values())}, gc=False
        )
        yield f"{indent}if {' and '.join(f'{value} is UNSET' for value in within)}:"
        yield f"{indent}    {name}_extra = UNSET"
        yield f"{indent}else:"
        yield f"{indent}    {name}_extra = Extra_{name}({', '.join(within)})"
