"""CSV text to rows and rejects. A line that breaks the quoting costs itself, not the lines after it.

An empty cell is null, quoted or not: tools that quote every cell mean nothing by it, and CSV knows no other null. pyarrow's
reader gives up on a file with one bad byte; so lines without a quote are split here, and the others go through `csv`, one
record at a time.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import Reject, Row, SourceRefused

_DELIMITERS = ",;\t|"
_MAX_LINES = 1_000  # of one record: an open quote that swallows more is a broken one
_MAX_BYTES = 1_000_000

csv.field_size_limit(_MAX_BYTES)  # its own limit of 128 kB is for the whole process; a record may be as long as we let it

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a file, matched with the contract."""

    delimiter: str
    names: tuple[str, ...]
    places: tuple[int | None, ...]  # per cell: the field's place in the contract, None when undeclared
    missing: frozenset[str]  # declared fields (contract names) that the file lacks

    @property
    def has_all_in_order(self) -> bool:
        """Whether a line's cells are the row's values as they stand."""
        return self.places == tuple(range(len(self.names))) and not self.missing


def read_header(line: bytes, obj: SourceObject, place: str) -> Header:
    """Reads a header line; the delimiter (comma, semicolon, tab or bar) is the one that finds the most declared names.

    SourceRefused if a declared name comes twice: which column would be the field is anybody's guess.
    """
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace").rstrip("\r\n")
    declared = {field.source_name: at for at, field in enumerate(obj.fields)}
    splits = [(delimiter, _cells_of_header(text, delimiter)) for delimiter in _DELIMITERS]
    delimiter, names = max(splits, key=lambda split: len(declared.keys() & set(split[1])))
    if doubled := sorted(name for name in declared if names.count(name) > 1):
        raise SourceRefused(f"{obj.full_name}: {place} has column {', '.join(doubled)} more than once")
    return Header(
        delimiter=delimiter,
        names=tuple(names),
        places=tuple(declared.get(name) for name in names),
        missing=frozenset(field.name for field in obj.fields if field.source_name not in names),
    )


def _cells_of_header(text: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return []


def records(lines: Iterable[bytes], header: Header, width: int, place: str) -> Iterator[Row | Reject]:
    """Rows and rejects of the lines after the header, in order; blank lines are nothing.

    `width`: declared fields of the object. `place` names the file in rejects; lines are counted from 2, after the header.
    """
    source = _Lines(lines)
    split = _Splitter(header.delimiter)
    make = _row_maker(header, width)
    expected = len(header.names)
    for raw in source:
        number = source.number
        text = _decoded(raw)
        if text is None:
            yield Reject(raw=escaped(raw), reason="not UTF-8", place=f"{place} line {number}")
            continue
        if "\0" in text:
            yield Reject(raw=escaped(raw), reason="holds a NUL character", place=f"{place} line {number}")
            continue
        line = text.rstrip("\r\n")
        if not line:
            continue
        cells: list[str | None]
        if '"' not in line:
            cells = [cell or None for cell in line.split(header.delimiter)]
        else:
            found, reason = split.record(text, source)
            if found is None:
                yield Reject(raw=line, reason=reason, place=f"{place} line {number}")
                continue
            cells = found
        if len(cells) == expected:
            yield make(cells)
            continue
        source.put_back()  # lines that an open quote drew in are records of their own
        yield Reject(raw=line, reason=f"{len(cells)} cells where the header has {expected}", place=f"{place} line {number}")


class _Lines:
    """Numbered lines, of which those drawn in by an open quote can be put back."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._again: deque[bytes] = deque()
        self._drawn: list[bytes] = []
        self.number = 1  # of the last line given; the header is line 1

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._drawn.clear()
            line = self._next()
            if line is None:
                return
            yield line

    def draw(self) -> bytes | None:
        """The next line, for the record that is being read."""
        line = self._next()
        if line is not None:
            self._drawn.append(line)
        return line

    def put_back(self) -> None:
        """Undo every draw since the record began."""
        self._again.extendleft(reversed(self._drawn))
        self.number -= len(self._drawn)
        self._drawn.clear()

    def _next(self) -> bytes | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None:
            self.number += 1
        return line


class _Splitter:
    """Splits records that hold quotes."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def record(self, first: str, source: _Lines) -> tuple[list[str | None] | None, str]:
        """The cells of the record that begins with line `first`, drawing further lines into it; (None, why) if it is broken."""
        drawn, size = 1, len(first)

        def lines() -> Iterator[str]:
            nonlocal drawn, size
            yield first
            while drawn < _MAX_LINES and size < _MAX_BYTES:
                raw = source.draw()
                text = None if raw is None else _decoded(raw)
                if text is None or "\0" in text:
                    return
                drawn += 1
                size += len(text)
                yield text

        try:
            cells = next(csv.reader(lines(), delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            source.put_back()
            return None, _why_broken(str(error))
        return [cell or None for cell in cells], ""


def _row_maker(header: Header, width: int) -> Callable[[list[str | None]], Row]:
    if header.has_all_in_order and len(header.names) == width:
        return lambda cells: (*cells, None)
    declared = [(cell, place) for cell, place in enumerate(header.places) if place is not None]
    undeclared = [(cell, header.names[cell]) for cell, place in enumerate(header.places) if place is None]

    def make(cells: list[str | None]) -> Row:
        row: list[str | None] = [None] * (width + 1)
        for cell, place in declared:
            row[place] = cells[cell]
        extra = {name: cells[cell] for cell, name in undeclared if cells[cell] is not None}
        if extra:
            row[width] = _encode(extra).decode()
        return tuple(row)

    return make


def _why_broken(error: str) -> str:
    """`csv`'s complaint in words of ours, which hold no value."""
    if "expected after" in error:
        return "text after a closing quote"
    return "a cell is too long" if "field larger" in error else "a quote is never closed"


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def escaped(raw: bytes) -> str:
    r"""The line as text that PostgreSQL can keep: bytes that are no UTF-8, and NUL, as \xNN."""
    return raw.rstrip(b"\r\n").decode("utf-8", errors="backslashreplace").replace("\0", "\\x00")
