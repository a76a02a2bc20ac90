"""Reads file sets: CSV, JSON lines and Parquet, plain, gzip or zstd, in any folder `folder` can open. Each file once, by its content.

Files are read in the order of their names. What is still being written is left for a later run: a name that says so
(`.part`, hidden), a file that changes while it is read, one younger than the contract's `settle`, one whose `marker` is not
there yet. A file that looks cut (a compressed stream without its end, half a last line) waits while it is fresh; when nobody has
touched it for a while, its whole lines are taken and the cut is handed to quarantine, so that it neither blocks the others nor goes
unseen. The complete file, when it comes, is another content and is taken whole.

A file that is listed as it was when its content was taken in is not opened again. A listing cannot tell two versions written
within a moment of each other apart, so what was written just before it was read is hashed once more next time.

Of a snapshot object (`deletes: {snapshot: true}`) only the file with the greatest name is read: it is the whole list. It
is known by name and content together, as a list that returns to an earlier state is news.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from customer360.contracts.model import SourceContract, SourceObject
from customer360.extract import columnar, delimited, json_documents, json_shape
from customer360.extract.folder import Folder, open_folder
from customer360.extract.protocol import (
    FilesCounted,
    KnownFile,
    MissingFields,
    Part,
    ReadRequest,
    Reject,
    Row,
    Rows,
    SourceFile,
    SourceRefused,
    WholeObject,
)
from customer360.extract.stored_file import Changing, Damaged, FileEntry, StoredFile, open_stored, split_lines

logger = logging.getLogger(__name__)

SETTLED_AFTER = timedelta(minutes=5)
"""How long a file that looks unfinished may still be on its way."""
CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""How far the clocks of a source and of the warehouse may differ when files are counted."""
TELLING_AFTER = timedelta(minutes=1)
"""How old a file must be for its time of change to tell a later version apart: clocks are coarse, and not all the same."""

_ROWS_PER_PART = 200
_Parser = Callable[[StoredFile, SourceObject], Iterator[Part]]


def _now() -> datetime:
    return datetime.now(UTC)


class FilesReader:
    """Reads the objects of one folder. `uri`: see `folder`; it may hold credentials and is never logged."""

    def __init__(self, contract: SourceContract, uri: str, *, clock: Callable[[], datetime] = _now) -> None:
        self._system = contract.system
        self._default_format = contract.server.get("format")
        self._clock = clock
        self._folder: Folder = open_folder(contract.system, uri)

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """The parts of every file that is not known yet, file by file."""
        obj = request.object
        with self._folder.errors_named():
            for entry in self._entries(obj):
                if not self._is_unchanged(entry, request) and self._is_ready(entry, obj):
                    yield from self._read_entry(entry, request)

    def count_files(self, request: ReadRequest, *, read_at: datetime) -> FilesCounted:
        """Files are known by their content: one whose listing does not tell that it is unchanged is opened."""
        with self._folder.errors_named():
            states = Counter(self._state(entry, request, read_at=read_at) for entry in self._entries(request.object))
        return FilesCounted(held=states.total() - states["gone"], taken_in=states["taken_in"], in_flight=states["in_flight"])

    def _state(self, entry: FileEntry, request: ReadRequest, *, read_at: datetime) -> Literal["taken_in", "in_flight", "left", "gone"]:
        if self._is_unchanged(entry, request):
            return "taken_in"
        try:
            with open_stored(self._folder.fs, entry) as stored:
                if request.is_known_file(_content_hash(stored, request.object)):
                    return "taken_in"
                is_unfinished = not self._is_ready(entry, request.object) or self._is_on_its_way(stored, request.object)
        except FileNotFoundError:
            return "gone"
        except Changing:
            return "in_flight"
        is_younger = entry.modified is None or entry.modified > read_at - CLOCKS_DIFFER_BY
        return "in_flight" if is_unfinished or is_younger else "left"

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """Files hold what was sent, not what is there now."""
        raise SourceRefused(
            f"{obj.full_name}: a file set cannot list its keys; if each file is the whole list, say deletes: {{snapshot: true}}"
        )

    def acknowledge(self) -> None:
        """Nothing to do: landing records the files."""

    def close(self) -> None:
        """Drivers give back their connections when nobody refers to them any more."""
        del self._folder

    def _entries(self, obj: SourceObject) -> list[FileEntry]:
        """The files to read: of a snapshot object the last one alone."""
        if not obj.extract.files:
            raise SourceRefused(f"{obj.full_name}: the contract's extract names no files; add `files: <pattern>`")
        entries = self._folder.files(obj.extract.files)
        return entries[-1:] if obj.extract.deletes.snapshot else entries

    def _is_unchanged(self, entry: FileEntry, request: ReadRequest) -> bool:
        """Whether the listing shows the file as it was when its content was taken in."""
        seen = request.file_last_seen(entry.name)
        return not request.full and seen is not None and seen[0] == entry.version and request.is_known_file(seen[1])

    def _is_ready(self, entry: FileEntry, obj: SourceObject) -> bool:
        """Whether the source has finished the file, as far as its age and its marker tell."""
        settle, marker = obj.extract.settle, obj.extract.marker
        if settle and entry.modified is not None and self._clock() - entry.modified < settle:
            logger.info("%s: %s was written less than %s ago; left for a later run", obj.full_name, entry.name, settle)
            return False
        if marker is None:
            return True
        folder, _, last = entry.name.rpartition("/")
        name = marker.replace("{name}", last)
        if not self._folder.has(f"{folder}/{name}" if folder else name):
            logger.info("%s: %s waits for its marker %s", obj.full_name, entry.name, name)
            return False
        return True

    def _read_entry(self, entry: FileEntry, request: ReadRequest) -> Iterator[Part]:
        obj = request.object
        try:
            with open_stored(self._folder.fs, entry) as stored:
                content_hash, version = _content_hash(stored, obj), self._telling_version(entry)
                if request.is_known_file(content_hash) and not request.full:
                    if version is not None:
                        yield KnownFile(path=entry.name, content_hash=content_hash, version=version)
                    return
                if self._is_on_its_way(stored, obj):
                    logger.warning("%s: %s looks unfinished; left for a later run", obj.full_name, entry.name)
                    return
                rows, is_whole = 0, True
                for part in self._parser(obj)(stored, obj):
                    rows += len(part.rows) if isinstance(part, Rows) else isinstance(part, Reject)
                    is_whole = is_whole and isinstance(part, Rows)
                    yield part
                yield SourceFile(path=entry.name, content_hash=content_hash, bytes=stored.size, rows=rows, version=version)
                # A list that could not be read whole buries nobody.
                if obj.extract.deletes.snapshot and is_whole:
                    yield WholeObject()
        except FileNotFoundError:
            logger.warning("%s: %s was gone before it could be read", obj.full_name, entry.name)
        except Changing:
            logger.warning("%s: %s is still being written; left for a later run", obj.full_name, entry.name)

    def _telling_version(self, entry: FileEntry) -> str | None:
        if entry.modified is None or self._clock() - entry.modified < TELLING_AFTER:
            return None
        return entry.version

    def _format(self, obj: SourceObject) -> str:
        return str(obj.extract.format or self._default_format)

    def _parser(self, obj: SourceObject) -> _Parser:
        parsers: dict[str, _Parser] = {"csv": _read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}
        if parser := parsers.get(self._format(obj)):
            return parser
        raise SourceRefused(f"{obj.full_name}: cannot read format {self._format(obj)!r}; known: {', '.join(parsers)}")

    def _is_on_its_way(self, stored: StoredFile, obj: SourceObject) -> bool:
        """Whether a fresh file looks cut. A last line without its end is a cut one, unless it is a whole JSON document."""
        if stored.entry.modified is None or self._clock() - stored.entry.modified > SETTLED_AFTER:
            return False
        if self._format(obj) == "parquet":
            return not _is_parquet(stored)
        last = b""
        try:
            for line in stored.lines():
                last = line
        except Damaged:
            return True
        if last.endswith(b"\n"):
            return False
        return self._format(obj) == "csv" or not last or not _is_json(last)


def _content_hash(stored: StoredFile, obj: SourceObject) -> bytes:
    """What a file is known by."""
    if not obj.extract.deletes.snapshot:
        return stored.content_hash
    return hashlib.sha256(stored.entry.name.encode() + b"\0" + stored.content_hash).digest()


def _read_jsonl(stored: StoredFile, obj: SourceObject) -> Iterator[Part]:
    shape = json_shape.shape_of(obj)
    number = 0
    try:
        for block in stored.blocks(fallback=obj.extract.encoding):
            if (part := shape.rows(block)) is not None:
                yield part
                number += len(part.rows)
            else:
                yield from _read_lines(block, shape, place=stored.entry.name, before=number)
                number += block.count(b"\n")
    except Damaged as error:
        yield _cut(stored, error, number)


def _read_lines(block: bytes, shape: json_shape.Shape, *, place: str, before: int) -> Iterator[Part]:
    """Line by line; `before` is the number of the line before."""
    rows: list[Row] = []
    for number, line in enumerate(split_lines(block), start=before + 1):
        try:
            rows.append(shape.read(line))
        except json_documents.NotADocument as error:
            if line.strip():
                if rows:
                    yield Rows(rows=rows)
                    rows = []
                yield Reject(raw=delimited.escaped(line), reason=str(error), place=f"{place} line {number}")
    if rows:
        yield Rows(rows=rows)


def _read_csv(stored: StoredFile, obj: SourceObject) -> Iterator[Part]:
    name = stored.entry.name
    lines = stored.lines(fallback=obj.extract.encoding)
    rows: list[Row] = []
    count = 0
    try:
        header = delimited.read_header(next(lines, b""), obj, name)
        if header.missing:
            yield MissingFields(fields=header.missing, place=name)
        for record in delimited.records(lines, header, len(obj.fields), name):
            count += 1
            if isinstance(record, Reject):
                if rows:
                    yield Rows(rows=rows)
                    rows = []
                yield record
                continue
            rows.append(record)
            if len(rows) >= _ROWS_PER_PART:
                yield Rows(rows=rows)
                rows = []
    except Damaged as error:
        if rows:
            yield Rows(rows=rows)
            rows = []
        yield _cut(stored, error, count + 1)
    if rows:
        yield Rows(rows=rows)


def _read_parquet(stored: StoredFile, obj: SourceObject) -> Iterator[Part]:
    try:
        yield from columnar.parts(stored.handle, obj, stored.entry.name, rows_per_part=_ROWS_PER_PART)
    except columnar.NotParquet:
        yield Reject(raw="", reason="no Parquet file, or cut off before its schema", place=stored.entry.name)


def _is_parquet(stored: StoredFile) -> bool:
    try:
        columnar.open_parquet(stored.handle)
    except columnar.NotParquet:
        return False
    return True


def _cut(stored: StoredFile, error: Damaged, line: int) -> Reject:
    return Reject(raw=delimited.escaped(error.tail), reason=str(error), place=f"{stored.entry.name} after line {line}")


def _is_json(line: bytes) -> bool:
    try:
        json_documents.parse_object(line)
    except json_documents.NotADocument:
        return False
    return True
