"""The world file as the server sees it: reopened when a fresh sandbox replaced it, faults read at each request."""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime
from pathlib import Path

from customer360.errors import UserError
from sandbox import moments
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

    def clock(self) -> datetime | None:
        """The moment up to which the world has been told, which its systems take for now; None before the first.

        Between two advances their time stands still: nothing is ever told of a moment at which somebody has already looked.
        """
        now = self.world().read_meta().get("now")
        return None if now is None else moments.to_datetime(now)
