"""An advance happens in three places: the world file, the shop, files. Killed in between, the next one settles what it left.

The world file's commit decides. With the changes it holds an *intent*: what the shop is told, the files, the truth of new
records. Before it, nothing has happened anywhere; after it, whoever comes next tells the shop unless the shop has heard it, writes the
files and the truth, and forgets the intent. Each of these may be done twice.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer360.errors import UserError
from sandbox import truth
from sandbox.email import export
from sandbox.layout import Layout
from sandbox.shop import database
from sandbox.shop.database import Connection
from sandbox.truth import Record
from sandbox.web.files import put
from sandbox.world import World


@dataclass(slots=True)
class Intent:
    """What is still to be done once the world has committed."""

    transaction: str  # of the shop
    statements: list[tuple[Any, Any]] = field(default_factory=list)  # for the shop, with their values
    files: list[tuple[Path, bytes]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    truth_size: int = 0  # bytes of the truth file before the records

    def put(self, folder: Path, name: str, content: bytes) -> Path:
        """A file to be written; what it will be called."""
        self.files.append((folder / name, content))
        return folder / name


class Recorder:
    """A connection to the shop that notes what changes it in the intent; reading leaves no note."""

    def __init__(self, connection: Connection, intent: Intent) -> None:
        self._connection = connection
        self._intent = intent

    def execute(self, query: Any, params: Sequence[Any] | None = None) -> Any:
        """As the connection's own."""
        if not str(query).lstrip().lower().startswith("select"):
            self._intent.statements.append((query, params))
        return self._connection.execute(query, params)


def begin(layout: Layout, connection: Connection) -> Intent:
    """The intent of an advance whose changes of the shop run in the connection's transaction."""
    row = connection.execute("select pg_current_xact_id()::text").fetchone()
    return Intent(transaction=str(row[0]) if row else "", truth_size=layout.truth.stat().st_size)


def keep(world: World, intent: Intent) -> None:
    """Write the intent down, in the world's own transaction."""
    world.connection.execute("insert into intent (body) values (?)", [pickle.dumps(intent)])


def settle(layout: Layout) -> bool:
    """Do what an advance that was killed had still to do; False when there was nothing."""
    with World(layout.world) as world:
        if world.connection.execute("select 1 from sqlite_master where name = 'delivery'").fetchone() is None:
            raise UserError("this sandbox was made by an earlier version; make it anew: customer360 sandbox start --fresh")
        row = world.connection.execute("select number, body from intent order by number limit 1").fetchone()
        if row is None:
            return False
        intent: Intent = pickle.loads(row[1])  # noqa: S301 - what we wrote ourselves, in our own file
        with database.owner(layout) as shop:
            if not _has_committed(shop, intent):
                for query, params in intent.statements:
                    shop.execute(query, params)
                # From here on this transaction is the one to ask for, should we be killed as well.
                again = begin(layout, shop)
                intent.transaction = again.transaction
                world.connection.execute("update intent set body = ? where number = ?", [pickle.dumps(intent), row[0]])
        finish(layout, world, intent)
    return True


def tell_shop(shop: Connection) -> None:
    """The shop's transaction commits."""
    shop.commit()


def finish(layout: Layout, world: World, intent: Intent) -> None:
    """The shop has committed: files, truth, and the intent is forgotten."""
    write_files(layout, intent)
    append_truth(layout, intent)
    forget(world)


def write_files(layout: Layout, intent: Intent) -> None:
    """Each file whole or not at all."""
    for path, content in intent.files:
        put(path.parent, path.name, content)
    export.clear_snapshots(layout.email)


def append_truth(layout: Layout, intent: Intent) -> None:
    """The records behind those that were there before; half a line that a kill left is cut off first."""
    with layout.truth.open("r+b") as handle:
        handle.truncate(intent.truth_size)
    truth.append(layout.truth, intent.records)


def forget(world: World) -> None:
    """All is done."""
    world.connection.execute("delete from intent")


def _has_committed(shop: Connection, intent: Intent) -> bool:
    """Whether the shop's transaction went through; one so old that the shop forgot its end was followed by others that did."""
    while True:
        row = shop.execute("select pg_xact_status(%s::xid8)", [intent.transaction]).fetchone()
        if row is None or row[0] != "in progress":
            return row is not None and row[0] != "aborted"
        time.sleep(0.05)  # its process is gone, and the server is about to notice
