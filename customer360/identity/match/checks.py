"""What clusters are checked for: dates and ids that no one person has, links so weak that a customer might come apart there, size.

The model has weighed all of it, so nothing is cut here: people who have moved, mistyped and remarried contradict themselves, and cutting
them apart loses more than it wins (measured, docs/identity.md). What a check finds is told, and its records are held less certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from customer360.identity.match import database
from customer360.identity.standardise.dates import PLACEHOLDER_DATES

WEAK_BELOW = 0.75
"""A link of a lower match probability is weak: of customers that hang together by one, about one in three is two people or more."""
CERTAINTY_OF_DOUBTFUL = 0.68
"""Records of a doubtful customer are held certain by this at most: the share of such customers that are one person, over the made
kinds of people's files (`benchmarks/people_kinds.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Numbers of customers that a check found, and whether a record belongs to one of them."""

    contradicting_birth_dates: int
    contradicting_national_ids: int
    weak_links: int
    largest: int  # records of the largest customer
    is_doubtful: NDArray[np.bool_]

    def found(self) -> dict[str, int]:
        """Check → customers it found."""
        return {
            "customers with contradicting birth dates": self.contradicting_birth_dates,
            "customers with contradicting national ids": self.contradicting_national_ids,
            f"customers held together by links below {WEAK_BELOW}": self.weak_links,
        }


def check(
    frame: pa.Table, owner: NDArray[np.int64], ends: tuple[NDArray[np.int64], NDArray[np.int64]], probability: NDArray[np.float64]
) -> Checked:
    """Check the customers of `frame`'s rows: `owner` numbers each row's customer, `ends` are the two rows of each edge."""
    count = len(owner)
    births = _contradicting(frame, owner, "birth_date", _OTHER_BIRTH)
    ids = _contradicting(frame, owner, "national_id", _OTHER_ID)
    weak = _weakly_held(owner, ends, probability)
    doubtful = np.zeros(count, dtype=bool)
    for found in (births, ids, weak):
        doubtful[found] = True
    return Checked(
        contradicting_birth_dates=len(births),
        contradicting_national_ids=len(ids),
        weak_links=len(weak),
        largest=int(np.bincount(owner, minlength=1).max()) if count else 0,
        is_doubtful=doubtful[owner],
    )


_OTHER_BIRTH = (
    "a.value[6:] <> '01-01' and b.value[6:] <> '01-01'"
    " and not (a.value[:4] = b.value[:4] and a.value[6:7] = b.value[9:10] and a.value[9:10] = b.value[6:7])"
    " and damerau_levenshtein(a.value, b.value) > 2"
)
_OTHER_ID = "damerau_levenshtein(a.value, b.value) > 2"


def _contradicting(frame: pa.Table, owner: NDArray[np.int64], column: str, are_others: str) -> NDArray[np.int64]:
    """The customers two of whose values of `column` are further apart than slips of writing are."""
    if column not in frame.column_names:
        return np.empty(0, dtype=np.int64)
    with database.connect() as connection:
        connection.register("told", pa.table({"owner": owner, "value": frame[column]}))
        found = connection.execute(
            f"""with several as (select owner from told where value is not null group by owner having min(value) <> max(value)),
                     kept as (select distinct owner, value from told semi join several using (owner)
                              where value is not null and not list_contains($placeholders, value))
                select distinct a.owner from kept a join kept b on a.owner = b.owner and a.value < b.value where {are_others}""",
            {"placeholders": sorted(PLACEHOLDER_DATES)},
        ).fetchnumpy()
    return np.asarray(found["owner"], dtype=np.int64)


def _weakly_held(
    owner: NDArray[np.int64], ends: tuple[NDArray[np.int64], NDArray[np.int64]], probability: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The customers that would come apart without their weak links."""
    left, right = ends
    strong = (owner[left] == owner[right]) & (probability >= WEAK_BELOW)
    graph = coo_matrix((np.ones(int(strong.sum()), dtype=np.int8), (left[strong], right[strong])), shape=(len(owner), len(owner)))
    _, piece = connected_components(graph, directed=False)
    pairs = np.unique(np.stack([owner, piece]), axis=1)[0]
    customers, pieces = np.unique(pairs, return_counts=True)
    return np.asarray(customers[pieces > 1], dtype=np.int64)
