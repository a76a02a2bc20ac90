"""The world file as the server sees it: reopened when a fresh sandbox replaced it, faults read at each request."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from customer360.errors import UserError
from sandbox.faults import registry
from sandbox.faults.registry import ActiveFault
from sandbox.world import World


class LiveWorld:
    """Read access that follows the file at `path`. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._opened: tuple[int, World] | None = None

    def world(self) -> World:
        """The world now at the path. Raises UserError when there is none."""
        with self._lock:
            try:
                identity = self._path.stat().st_ino
            except FileNotFoundError:
                raise UserError("there is no sandbox; make one with `customer360 sandbox start`") from None
            if self._opened is None or self._opened[0] != identity:
                # An older connection may still serve a request; it goes when nothing refers to it.
                self._opened = (identity, World(self._path))
            return self._opened[1]

    def connection(self) -> sqlite3.Connection:
        """The world's SQLite connection."""
        return self.world().connection

    def faults(self, system: str) -> dict[str, ActiveFault]:
        """Faults of one system that are on now, by name."""
        return {fault: found for (_, fault), found in registry.active(self.world(), system).items()}
