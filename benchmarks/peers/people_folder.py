"""What every peer that matches people needs: the folder's map, and a way to say that it cannot do this file."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

CANNOT = 3  # exit code of a peer that has no way to do this file; the reason is the last line of its standard error


@dataclass(frozen=True)
class PeopleFolder:
    """records.csv and its map: `by_type`: semantic type → its columns, in the map's order."""

    path: Path
    record_id: str
    source: str | None
    by_type: dict[str, list[str]]

    @property
    def records(self) -> Path:
        """The file."""
        return self.path / "records.csv"

    def column(self, semantic_type: str) -> str | None:
        """The first column of this type."""
        return next(iter(self.by_type.get(semantic_type, [])), None)


def read(path: Path) -> PeopleFolder:
    """The folder with its map read."""
    document = yaml.safe_load((path / "map.yml").read_text(encoding="utf-8"))
    by_type: dict[str, list[str]] = {}
    for column, semantic_type in document["columns"].items():
        by_type.setdefault(semantic_type, []).append(column)
    return PeopleFolder(path, document["record_id"], document.get("source"), by_type)


def cannot(reason: str) -> None:
    """Ends the process: this peer has no way to do this file."""
    sys.stderr.write(reason + "\n")
    sys.exit(CANNOT)


@dataclass
class Steps:
    """Seconds and CPU seconds of the steps of a run, printed as one line of JSON."""

    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    _since: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))

    def done(self, step: str) -> None:
        """The step since the last one ends here."""
        now = time.monotonic(), time.process_time()
        self.seconds[step] = now[0] - self._since[0], now[1] - self._since[1]
        self._since = now

    def tell(self) -> None:
        """Writes them to standard output."""
        sys.stdout.write(json.dumps(self.seconds) + "\n")
