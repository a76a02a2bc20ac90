"""How good the customers are, against known truth: precision, recall and F1 over pairs of records. Pure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TypeVar

from customer360.errors import UserError

_NEEDED = ("record_id", "person_id")
_Group = TypeVar("_Group")


class TruthError(UserError):
    """The truth file cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of one record."""

    person_id: str
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Pairs of records: `together` in the truth and in the result, `claimed` by the result, `true` in the truth."""

    scope: str
    records: int
    together: int
    claimed: int
    true: int

    @property
    def precision(self) -> float:
        """Of the pairs claimed, the share that is true."""
        return self.together / self.claimed if self.claimed else 1.0

    @property
    def recall(self) -> float:
        """Of the true pairs, the share that was found."""
        return self.together / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.together / (self.claimed + self.true) if self.claimed + self.true else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """`missing`: records of the truth that identity does not hold (deleted, quarantined); they count nowhere."""

    overall: Figures
    locales: list[Figures]
    source_pairs: list[Figures]
    missing: int


def read_truth(path: Path) -> dict[str, Truth]:
    """`record_id,person_id[,household_id,locale]`; the last row of a record counts. Raises TruthError."""
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            lacking = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if lacking:
                raise TruthError(f"{path} lacks the column {lacking[0]}; it needs {', '.join(_NEEDED)} and may have locale")
            return {row["record_id"]: Truth(person_id=row["person_id"], locale=row.get("locale") or "") for row in reader}
    except FileNotFoundError:
        raise TruthError(f"{path} does not exist; the sandbox writes its truth to truth/records.csv") from None


def evaluate(customer_of: Mapping[str, str], truth: Mapping[str, Truth]) -> Evaluation:
    """`customer_of`: the customer of every living record. Records that the truth does not know are left out."""
    known = sorted(record for record in customer_of if record in truth)
    rows = [(record, customer_of[record], truth[record]) for record in known]
    locales = sorted({told.locale for _, _, told in rows} - {""})
    sources = sorted({_source(record) for record in known})
    return Evaluation(
        overall=_figures("all", ((customer, told.person_id) for _, customer, told in rows)),
        locales=[
            _figures(locale, ((customer, told.person_id) for _, customer, told in rows if told.locale == locale)) for locale in locales
        ],
        source_pairs=[
            _between(left, right, [(_source(record), customer, told.person_id) for record, customer, told in rows])
            for left, right in combinations_with_replacement(sources, 2)
        ],
        missing=len(set(truth) - set(known)),
    )


def _source(record_id: str) -> str:
    return record_id.split(":", 1)[0]


def _figures(scope: str, rows: Iterable[tuple[str, str]]) -> Figures:
    both = Counter(rows)
    customers: Counter[str] = Counter()
    persons: Counter[str] = Counter()
    for (customer, person), count in both.items():
        customers[customer] += count
        persons[person] += count
    return Figures(
        scope=scope,
        records=sum(both.values()),
        together=_pairs(both.values()),
        claimed=_pairs(customers.values()),
        true=_pairs(persons.values()),
    )


def _between(left: str, right: str, rows: list[tuple[str, str, str]]) -> Figures:
    """Pairs of one record of each source; within one source, pairs of two."""
    if left == right:
        return _figures(f"{left} – {right}", ((customer, person) for source, customer, person in rows if source == left))
    ours = [(customer, person) for source, customer, person in rows if source == left]
    theirs = [(customer, person) for source, customer, person in rows if source == right]
    return Figures(
        scope=f"{left} – {right}",
        records=len(ours) + len(theirs),
        together=_crossed(Counter(ours), Counter(theirs)),
        claimed=_crossed(Counter(customer for customer, _ in ours), Counter(customer for customer, _ in theirs)),
        true=_crossed(Counter(person for _, person in ours), Counter(person for _, person in theirs)),
    )


def _crossed(ours: Mapping[_Group, int], theirs: Mapping[_Group, int]) -> int:
    return sum(count * theirs.get(group, 0) for group, count in ours.items())


def _pairs(counts: Iterable[int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts)
