"""One stored file: its content hash, and its bytes without compression, read from exactly what was hashed."""

from __future__ import annotations

import codecs
import hashlib
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from isal import isal_zlib

_CHUNK = 1 << 20
_STEP = 1 << 16  # bytes read and decompressed at a time
_BLOCK = 1 << 16  # bytes of whole lines handed over at a time, so that what is made of them stays in the processor's cache
_GZIP = 31  # zlib: a gzip header and checksum around the deflate stream
_IN_MEMORY = 16 << 20  # bytes of a remote file kept in memory before it goes to a temporary file
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Damaged(Exception):
    """The compressed stream ends early or does not check out. The message holds no content."""

    tail = b""  # of a line that the damage cut


class Changing(Exception):
    """The file became another while it was read: somebody is still writing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of a source's folder. `modified` (UTC) is None where the store does not say, and `tag` where it has none.

    `tag` changes whenever the content does: an object store's ETag, a local file's inode and time of change.
    """

    path: str  # as the file system knows it
    name: str  # below the connection's folder
    size: int | None
    modified: datetime | None
    tag: str | None

    @classmethod
    def of(cls, path: str, root: str, info: dict[str, Any]) -> FileEntry:
        """From a listing's entry: file systems name these things differently."""
        stamp = info.get("mtime", info.get("LastModified", info.get("last_modified")))
        if isinstance(stamp, int | float):
            stamp = datetime.fromtimestamp(stamp, UTC)
        elif isinstance(stamp, datetime) and stamp.tzinfo is None:
            stamp = stamp.replace(tzinfo=UTC)
        tag = info.get("ETag") or (f"{info['ino']}-{info['created']}" if info.get("ino") else None)
        return cls(
            path=path,
            name=path.removeprefix(root).lstrip("/"),
            size=info.get("size"),
            modified=stamp if isinstance(stamp, datetime) else None,
            tag=str(tag) if tag else None,
        )

    @property
    def version(self) -> str | None:
        """What is the same as long as nobody has written the file; None where the store says too little to tell."""
        if self.size is None or (self.modified is None and self.tag is None):
            return None
        return f"{self.size} {self.modified.isoformat() if self.modified else ''} {self.tag or ''}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An open file; `handle` gives exactly the `size` bytes that `content_hash` (sha256) speaks of, however it grows meanwhile."""

    entry: FileEntry
    size: int
    content_hash: bytes
    handle: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, decompressed if they are gzip or zstd (seen by their first bytes, not by the name).

        Damaged after everything that could be read.
        """
        self.handle.seek(0)
        magic = self.handle.read(4)
        self.handle.seek(0)
        stored = _stored_chunks(self.handle, self.size)
        if magic.startswith(b"\x1f\x8b"):
            return self._gunzipped()
        if magic == b"\x28\xb5\x2f\xfd":
            return _unzstd(_Limited(self.handle, self.size))
        return stored

    def _gunzipped(self) -> Iterator[bytes]:
        """By ISA-L, in a fifth of zlib's time; where it meets damage zlib tells byte by byte how far the data is sound."""
        fed = passed = 0

        def counted() -> Iterator[bytes]:
            nonlocal fed
            for chunk in _stored_chunks(self.handle, self.size):
                yield chunk
                fed += len(chunk)

        try:
            for plain in _members(counted(), isal_zlib):
                yield plain
                passed += len(plain)
        except isal_zlib.error:  # type: ignore[misc]  # its stub says that an error is an instance
            self.handle.seek(0)
            try:
                for plain in _members(_byte_by_byte(_stored_chunks(self.handle, self.size), behind=fed), zlib):
                    if len(plain) > passed:
                        yield plain[passed:]
                    passed = max(0, passed - len(plain))
            except zlib.error:
                raise Damaged("the compressed data is damaged") from None

    def lines(self, *, fallback: str | None = None) -> Iterator[bytes]:
        """Lines in UTF-8 with their ends: those of `blocks`."""
        for block in self.blocks(fallback=fallback):
            yield from split_lines(block)

    def blocks(self, *, fallback: str | None = None) -> Iterator[bytes]:
        """Some whole lines at a time, in UTF-8 with their ends, a byte-order mark taken off. Damaged after the last whole line.

        UTF-16 is known by its mark. A line that is no UTF-8 is read in the encoding `fallback`, if one is given: files of
        several writers mix encodings line by line. The line that was cut by damage is in the error.
        """
        begun: list[bytes] = []  # of a line whose end is not there yet
        try:
            for chunk in _without_mark(self.chunks()):
                if b"\n" not in chunk:
                    begun.append(chunk)
                    continue
                text = b"".join([*begun, chunk])
                start = 0
                while end := text.rfind(b"\n", start, start + _BLOCK) + 1 or text.find(b"\n", start) + 1:
                    yield _in_utf8(text[start:end], fallback)
                    start = end
                begun = [text[start:]]
        except Damaged as error:
            error.tail = b"".join(begun)
            raise
        if last := b"".join(begun):
            yield _in_utf8(last, fallback)


def split_lines(block: bytes) -> list[bytes]:
    """The lines of a block, with their ends."""
    return io.BytesIO(block).readlines()


@contextmanager
def open_stored(fs: AbstractFileSystem, entry: FileEntry) -> Iterator[StoredFile]:
    """Opens a file and hashes it. A remote one is fetched once, into memory or an unnamed temporary file.

    Raises Changing when it is not, at the end, the file that was listed.
    """
    with _seekable(fs, entry.path) as handle:
        digest = hashlib.sha256()
        size = 0
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        fs.invalidate_cache(fs._parent(entry.path))
        after = FileEntry.of(entry.path, "", fs.info(entry.path))
        if entry.size is not None and (size, after.version) != (entry.size, entry.version):
            raise Changing
        yield StoredFile(entry=entry, size=size, content_hash=digest.digest(), handle=handle)


@contextmanager
def _seekable(fs: AbstractFileSystem, path: str) -> Iterator[BinaryIO]:
    if isinstance(fs, LocalFileSystem):
        with Path(path).open("rb") as handle:
            yield handle
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool, fs.open(path, "rb") as remote:
        shutil.copyfileobj(cast(IO[bytes], remote), spool, _CHUNK)
        spool.seek(0)
        yield cast(BinaryIO, spool)


def _stored_chunks(handle: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left and (chunk := handle.read(min(_STEP, left))):
        left -= len(chunk)
        yield chunk


def _in_utf8(block: bytes, fallback: str | None) -> bytes:
    """Lines that are no UTF-8 in the encoding `fallback`, if they are that."""
    if fallback is None or _is_text(block, "utf-8"):
        return block
    lines = split_lines(block)
    return b"".join(line.decode(fallback).encode() if not _is_text(line, "utf-8") and _is_text(line, fallback) else line for line in lines)


def _is_text(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks in UTF-8. What is wrong in UTF-16 becomes what is wrong in UTF-8, so that it costs its own line."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(_UTF8_MARK):
            break
    if not start.startswith(_UTF16_MARKS):
        if start := start.removeprefix(_UTF8_MARK):
            yield start
        yield from (chunk for chunk in chunks if chunk)
        return
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    try:
        for chunk in (start, *chunks):
            if text := decoder.decode(chunk):
                yield text.encode("utf-8", "surrogatepass")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Damaged("the file is cut off in the middle of a character") from None


def _members(stored: Iterator[bytes], library: Any) -> Iterator[bytes]:
    """Decompressed members one after the other, by a library with zlib's interface. Raises its `error` at damage."""
    member = library.decompressobj(wbits=_GZIP)
    for chunk in stored:
        data = chunk
        while data:
            if member.eof:
                data = data.lstrip(b"\0")  # padding between members is legal
                if not data:
                    break
                member = library.decompressobj(wbits=_GZIP)
            if plain := member.decompress(data):
                yield plain
            data = member.unused_data
    if not member.eof:
        raise Damaged("the file is cut off")


def _byte_by_byte(chunks: Iterator[bytes], *, behind: int) -> Iterator[bytes]:
    """The same bytes, those behind a place one at a time."""
    passed = 0
    for chunk in chunks:
        if passed >= behind:
            yield from (chunk[at : at + 1] for at in range(len(chunk)))
        else:
            yield chunk
        passed += len(chunk)


def _unzstd(stored: _Limited) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd") as stream:
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except (OSError, pa.ArrowException):
                raise Damaged("the file is cut off, or its compressed data is damaged") from None
            if not chunk:
                return
            yield chunk


class _Limited(io.RawIOBase):
    """The first `size` bytes of a handle, which it does not close."""

    def __init__(self, handle: BinaryIO, size: int) -> None:
        self._handle = handle
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        data = self._handle.read(len(view))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)
