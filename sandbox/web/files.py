"""The collector's files: each appears under its name only when it is whole."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox import moments
from sandbox.web.events import Event

Spoil = Callable[[str, bytes], bytes]  # (file name, compressed content) → what is written instead


def file_name(micros: int, part: int = 0) -> str:
    """'2026-11-22T19-42-00.123Z-0000.jsonl.gz', by the moment the file was closed."""
    return f"{moments.iso(micros).replace(':', '-')}-{part:04d}.jsonl.gz"


def packed(lines: Sequence[str]) -> bytes:
    """The same lines always give the same bytes: no time stamp inside."""
    return gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=4, mtime=0)


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a file so that a reader sees all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.part"
    part.write_bytes(content)
    target = folder / name
    part.replace(target)
    return target


def write_history(folder: Path, events: list[Event]) -> list[Path]:
    """Events up to now, one file per day of receipt. Sorts the list in place."""
    events.sort()
    written, start = [], 0
    while start < len(events):
        day = events[start][0] // moments.DAY
        end = start
        while end < len(events) and events[end][0] // moments.DAY == day:
            end += 1
        name = file_name(events[end - 1][0])
        written.append(put(folder / "events", name, packed([line for _, line in events[start:end]])))
        start = end
    return written
