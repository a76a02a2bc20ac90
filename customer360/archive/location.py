"""Where the archive lies, and its files: `<system>/<object>/<day>/<first load>.parquet` below `C360_ARCHIVE_URL`.

Any address that fsspec knows, `s3://bucket/folder` for instance (credentials from AWS's own variables or profile); without the
setting a folder of the platform's home; `off` for none. The files hold personal data like raw itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from customer360.errors import UserError
from customer360.platform import home

VARIABLE = "C360_ARCHIVE_URL"
OFF = "off"
ROWS_PER_GROUP = 50_000


class ArchiveError(UserError):
    """The archive cannot be opened, read or written."""

    exit_code = 1


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """One file of one object. `first_load`: the first of the consecutive loads in it; `day` (UTC): when that was published."""

    first_load: int
    day: date
    path: str


@dataclass(frozen=True, slots=True)
class Archive:
    """An opened archive."""

    filesystem: Any
    root: str

    def path_of(self, system: str, object_name: str, day: date, first_load: int) -> str:
        """Where a file belongs. Always the same for the same load, so that one written again takes the place of the first."""
        return f"{self.root}/{system}/{object_name}/{day.isoformat()}/{first_load:012d}.parquet"

    def files(self, system: str, object_name: str) -> list[ArchiveFile]:
        """An object's files, oldest load first. What a kill left half written is none."""
        found = []
        for path in self._find(f"{self.root}/{system}/{object_name}"):
            parts = PurePosixPath(path)
            if parts.suffix == ".parquet" and parts.stem.isdecimal():
                found.append(ArchiveFile(int(parts.stem), date.fromisoformat(parts.parent.name), path))
        return sorted(found)

    def objects(self) -> list[tuple[str, str]]:
        """(system, object) of everything the archive holds, declared or not."""
        depth = len(PurePosixPath(self.root).parts)
        found = {PurePosixPath(path).parts[depth : depth + 2] for path in self._find(self.root)}
        return sorted((parts[0], parts[1]) for parts in found if len(parts) == 2)

    def write(self, path: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> int:
        """Write a file whole or not at all; rows written. Without rows there is no file."""
        partial = f"{path}.partial"
        rows = 0
        try:
            self.filesystem.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            with self.filesystem.open(partial, "wb") as handle, pq.ParquetWriter(handle, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
            if rows:
                self.filesystem.mv(partial, path)
            else:
                self.filesystem.rm(partial)
        except OSError as error:
            raise ArchiveError(f"the archive takes no file ({type(error).__name__}); mend {VARIABLE} or the rights on it") from error
        return rows

    def read(self, path: str) -> Iterator[pa.RecordBatch]:
        """A file's rows, in their order."""
        try:
            with self.filesystem.open(path, "rb") as handle, pq.ParquetFile(handle) as file:
                yield from file.iter_batches(batch_size=ROWS_PER_GROUP)
        except (OSError, pa.ArrowInvalid) as error:
            name = PurePosixPath(path).relative_to(self.root)
            raise ArchiveError(f"the archive's file {name} cannot be read ({type(error).__name__})") from error

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.filesystem.rm(path)

    def _find(self, folder: str) -> list[str]:
        try:
            return [str(path) for path in self.filesystem.find(folder)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ArchiveError(f"the archive cannot be listed ({type(error).__name__}); mend {VARIABLE} or the rights on it") from error


def open_archive() -> Archive | None:
    """The archive that is configured; None where it is off. Raises ArchiveError for an address nobody knows."""
    address = os.environ.get(VARIABLE) or str(home.home() / "archive")
    if address == OFF:
        return None
    try:
        filesystem, root = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise ArchiveError(f"{VARIABLE} is no address that can be opened; write a folder, s3://bucket/folder, or {OFF}") from error
    return Archive(filesystem, str(root).rstrip("/"))
