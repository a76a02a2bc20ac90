"""What several commands do alike at the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from customer360.errors import UserError
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role


def clock() -> Callable[[str], None]:
    """A teller of progress: a line on standard error, with the seconds since now."""
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {text}\n")
        sys.stderr.flush()

    return say


def check_folders(*files: Path | None) -> None:
    """Raises UserError for the first file that could not be written for want of its folder: said before long work, not after."""
    for path in files:
        if path is not None and not path.absolute().parent.is_dir():
            raise UserError(f"{path}: its folder does not exist. Make it, or write elsewhere.")


@contextmanager
def steward() -> Iterator[Connection[Any]]:
    """A connection as the steward. One that may not become one is the user's to mend."""
    try:
        with connect(role=Role.STEWARD) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise UserError(f"the connection `warehouse` may not act as a steward: {error.diag.message_primary}") from None
