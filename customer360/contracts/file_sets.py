"""How a file source is read: which files, in which format and encoding, and when one is finished."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.properties import duration_at

_PLAIN = bytes([9, 10, 13, *range(32, 127)])


class FileSet(TypedDict):
    """What an object's extract says of its files."""

    files: str | None
    format: str | None
    compression: str | None
    encoding: str | None
    settle: timedelta
    marker: str | None


def build_file_set(document: Document, path: Path_, value: dict[str, Any], *, kind: str, server: dict[str, Any]) -> FileSet:
    """Check the file keys of an extract; the server entry may give pattern and format for all its objects."""
    if kind not in words.FILE_KINDS:
        for key in words.FILE_KEYS:
            if kind and key in value:
                document.report((*path, key), f"{key} has no meaning for a {kind} server", "take it out")
        return FileSet(files=None, format=None, compression=None, encoding=None, settle=timedelta(), marker=None)
    return FileSet(
        files=_pattern(document, path, value, server),
        format=_format(document, path, value, server),
        compression=_compression(document, path, value),
        encoding=_encoding(document, path, value),
        settle=duration_at(document, path, value, "settle") or timedelta(),
        marker=_marker(document, path, value),
    )


def _pattern(document: Document, path: Path_, value: dict[str, Any], server: dict[str, Any]) -> str | None:
    files = value.get("files") or server.get("path")
    if isinstance(files, str) and not files.startswith("/") and ".." not in files.split("/"):
        return files
    document.report((*path, "files"), "extract says no files", 'add files: "<folder>/*.csv", relative to the connection\'s folder')
    return None


def _format(document: Document, path: Path_, value: dict[str, Any], server: dict[str, Any]) -> str | None:
    form = value.get("format") or server.get("format")
    if form is None:
        document.report((*path, "format"), "extract says no format", f"use one of: {', '.join(words.FILE_FORMATS)}")
    elif "format" in value:  # the server's own is checked where it stands
        document.check_word((*path, "format"), form, words.FILE_FORMATS)
    return str(form) if form else None


def _compression(document: Document, path: Path_, value: dict[str, Any]) -> str | None:
    compression = value.get("compression")
    if compression is not None:
        document.check_word((*path, "compression"), compression, words.COMPRESSIONS)
    return str(compression) if compression else None


def _encoding(document: Document, path: Path_, value: dict[str, Any]) -> str | None:
    """An encoding in which delimiters and line ends are what they are in ASCII."""
    encoding = value.get("encoding")
    if encoding is None:
        return None
    try:
        if _PLAIN.decode(str(encoding)) == _PLAIN.decode():
            return str(encoding)
    except (LookupError, ValueError):
        pass
    document.report(
        (*path, "encoding"),
        f"text cannot be read as {encoding!r}",
        "name the encoding of what is no UTF-8: windows-1252, iso-8859-2, shift_jis; UTF-16 is known by its byte-order mark",
    )
    return None


def _marker(document: Document, path: Path_, value: dict[str, Any]) -> str | None:
    marker = value.get("marker")
    if marker is None:
        return None
    if isinstance(marker, str) and marker and "/" not in marker and "{" not in marker.replace("{name}", ""):
        return marker
    document.report(
        (*path, "marker"), f"marker {marker!r} names no file", 'write marker: _SUCCESS, or marker: "{name}.done" for one per file'
    )
    return None
