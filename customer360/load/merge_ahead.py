"""Large loads are merged while they are judged: the merge's transaction stays open until the gate has spoken.

Both take about as long, and neither needs the other: on two cores the load waits for one of them alone. A load that the gate refuses, or
lets pass without some rows, is rolled back and published as every other; that costs it the merge once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from customer360.contracts.model import SourceObject
from customer360.load import ledger, publish
from customer360.load.diff import Remaining
from customer360.load.relations import Warehouse

AHEAD_ROWS = 10_000
"""From this many rows on a load is merged while it is judged: below, another session costs more than it saves."""


def is_worth_it(load: ledger.Load, remaining: Remaining) -> bool:
    """Whether a load is large, and likely to pass as it is. What a first load has to build takes other ways (`raw_indexes`)."""
    return remaining.rows >= AHEAD_ROWS and not remaining.bad and not load.work.get("is_first")


@contextmanager
def merging(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> Iterator[Future[publish.Merged]]:
    """Within, `connection` is busy with the merge, in the caller's transaction, until the future has its result.

    Who leaves before that is to roll the transaction back: the merge is broken off.
    """
    with ThreadPoolExecutor(1, "merge") as pool:
        merge = pool.submit(publish.merge, connection, obj, load, has_rows=True)
        try:
            yield merge
        finally:
            if not merge.done():
                connection.cancel()
