"""Reads file sets: CSV and JSON lines, plain, gzip or zstd, in any folder fsspec can open. Each file once, by its content.

Files are read in the order of their names. One that looks unfinished (a compressed stream without its end, a last line
that is cut) waits for a later run while it is fresh; when nobody has touched it for a while, its whole lines are taken
and the cut is handed to quarantine, so that it neither blocks the others nor goes unseen. The complete file, when it
comes, is another content and is taken whole.

Of a snapshot object (`deletes: {snapshot: true}`) only the file with the greatest name is read: it is the whole list. It
is known by name and content together, as a list that returns to an earlier state is news.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from fsspec.core import url_to_fs

from customer360.contracts.model import SourceContract, SourceObject
from customer360.extract import delimited, json_documents
from customer360.extract.protocol import (
    MissingFields,
    Part,
    ReadRequest,
    Reject,
    Row,
    Rows,
    SourceFile,
    SourceRefused,
    SourceUnavailable,
    WholeObject,
)
from customer360.extract.stored_file import Damaged, FileEntry, StoredFile, open_stored

logger = logging.getLogger(__name__)

SETTLED_AFTER = timedelta(minutes=5)
"""How long a file that looks unfinished may still be on its way."""

_ROWS_PER_PART = 5_000
_FORMATS = ("csv", "jsonl")


def _now() -> datetime:
    return datetime.now(UTC)


class FilesReader:
    """Reads the objects of one folder. `uri`: any fsspec URL of a folder; it may hold credentials and is never logged."""

    def __init__(self, contract: SourceContract, uri: str, *, clock: Callable[[], datetime] = _now) -> None:
        self._system = contract.system
        self._default_format = contract.server.get("format")
        self._clock = clock
        try:
            self._fs, root = url_to_fs(uri)
        except (ImportError, ValueError) as error:
            scheme = uri.partition("://")[0]
            raise SourceRefused(
                f"{self._system}: no file system for {scheme}:// ({type(error).__name__}); install fsspec's driver for it"
            ) from None
        self._root = root.rstrip("/")

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """The parts of every file that is not known yet, file by file."""
        obj = request.object
        entries = self._entries(obj)
        is_snapshot = obj.extract.deletes.snapshot
        try:
            for entry in entries[-1:] if is_snapshot else entries:
                yield from self._read_entry(entry, request, is_snapshot=is_snapshot)
        except OSError as error:
            self._fail(error)

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """Files hold what was sent, not what is there now."""
        raise SourceRefused(
            f"{obj.full_name}: a file set cannot list its keys; if each file is the whole list, say deletes: {{snapshot: true}}"
        )

    def acknowledge(self) -> None:
        """Nothing to do: landing records the files."""

    def close(self) -> None:
        """Nothing is held between files."""

    def _entries(self, obj: SourceObject) -> list[FileEntry]:
        if not obj.extract.files:
            raise SourceRefused(f"{obj.full_name}: the contract's extract names no files; add `files: <pattern>`")
        try:
            self._fs.invalidate_cache()
            found = self._fs.glob(f"{self._root}/{obj.extract.files}", detail=True)
            if not found and not self._is_object_store() and not self._fs.isdir(self._root):
                raise SourceUnavailable(f"{self._system}: the connection's folder does not exist")
        except OSError as error:
            self._fail(error)
        entries = [FileEntry.of(path, self._root, info) for path, info in found.items() if info.get("type") != "directory"]
        return sorted(entries, key=lambda entry: entry.name)

    def _is_object_store(self) -> bool:
        """There a folder exists only while something is in it."""
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        return not {"file", "local", "sftp", "ssh"} & set(protocols)

    def _fail(self, error: OSError) -> NoReturn:
        if isinstance(error, PermissionError):
            raise SourceRefused(f"{self._system}: not allowed to read the connection's folder") from None
        raise SourceUnavailable(f"{self._system}: the connection's folder cannot be read ({type(error).__name__})") from None

    def _read_entry(self, entry: FileEntry, request: ReadRequest, *, is_snapshot: bool) -> Iterator[Part]:
        obj = request.object
        try:
            with open_stored(self._fs, entry) as stored:
                content_hash = stored.content_hash
                if is_snapshot:
                    content_hash = hashlib.sha256(entry.name.encode() + b"\0" + content_hash).digest()
                if request.is_known_file(content_hash) and not request.full:
                    return
                parse = self._parser(obj)
                if self._is_on_its_way(stored, is_csv=parse is _read_csv):
                    logger.warning("%s: %s looks unfinished; left for a later run", obj.full_name, entry.name)
                    return
                rows, is_whole = 0, True
                for part in parse(stored, obj):
                    rows += len(part.rows) if isinstance(part, Rows) else isinstance(part, Reject)
                    is_whole = is_whole and isinstance(part, Rows)
                    yield part
                yield SourceFile(path=entry.name, content_hash=content_hash, bytes=stored.size, rows=rows)
                # A list that could not be read whole buries nobody.
                if is_snapshot and is_whole:
                    yield WholeObject()
        except FileNotFoundError:
            logger.warning("%s: %s was gone before it could be read", obj.full_name, entry.name)

    def _parser(self, obj: SourceObject) -> Callable[[StoredFile, SourceObject], Iterator[Part]]:
        kind = obj.extract.format or self._default_format
        if kind == "csv":
            return _read_csv
        if kind == "jsonl":
            return _read_jsonl
        raise SourceRefused(f"{obj.full_name}: cannot read format {kind!r}; known: {', '.join(_FORMATS)}")

    def _is_on_its_way(self, stored: StoredFile, *, is_csv: bool) -> bool:
        """Whether a fresh file looks cut. A last line without its end is a cut one, unless it is a whole JSON document."""
        if stored.entry.modified is None or self._clock() - stored.entry.modified > SETTLED_AFTER:
            return False
        last = b""
        try:
            for line in stored.lines():
                last = line
        except Damaged:
            return True
        if last.endswith(b"\n"):
            return False
        return is_csv or not last or not _is_json(last)


def _read_jsonl(stored: StoredFile, obj: SourceObject) -> Iterator[Part]:
    make = json_documents.row_maker(obj)
    parse = json_documents.parse_object
    rows: list[Row] = []
    number = 0
    try:
        for number, line in enumerate(stored.lines(), start=1):
            try:
                rows.append(make(parse(line)))
            except json_documents.NotADocument as error:
                if not line.strip():
                    continue
                if rows:
                    yield Rows(rows=rows)
                    rows = []
                yield Reject(raw=delimited.escaped(line), reason=str(error), place=f"{stored.entry.name} line {number}")
                continue
            if len(rows) >= _ROWS_PER_PART:
                yield Rows(rows=rows)
                rows = []
    except Damaged as error:
        if rows:
            yield Rows(rows=rows)
            rows = []
        yield _cut(stored, error, number)
    if rows:
        yield Rows(rows=rows)


def _read_csv(stored: StoredFile, obj: SourceObject) -> Iterator[Part]:
    name = stored.entry.name
    lines = stored.lines()
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


def _cut(stored: StoredFile, error: Damaged, line: int) -> Reject:
    return Reject(raw=delimited.escaped(error.tail), reason=str(error), place=f"{stored.entry.name} after line {line}")


def _is_json(line: bytes) -> bool:
    try:
        json_documents.parse_object(line)
    except json_documents.NotADocument:
        return False
    return True
