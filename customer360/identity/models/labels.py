"""What people know to be true, from files: who is who (clusters), or of single pairs whether they are one person. No values, ids alone.

- clusters: `record_id,person_id[,locale]`, all records or those of a sample of people;
- pairs: `record_id_l,record_id_r,is_match`, for instance pairs that a steward has judged.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from customer360.errors import UserError
from customer360.identity.models.evaluation import Interval, Truth, source_of, wilson

_SAID = {
    **dict.fromkeys(("true", "1", "yes", "y", "t"), True),
    **dict.fromkeys(("false", "0", "no", "n", "f"), False),
}


class LabelError(UserError):
    """A file of labels cannot be used: which, where, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPair:
    """Two records, smaller id first, and whether they are one person."""

    record_id_l: str
    record_id_r: str
    is_match: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFigures:
    """Labelled pairs: `hits` are one person and one customer, `wrong` one customer only, `missed` one person only, `apart` neither.

    The intervals are those of a share of pairs drawn independently: they hold for pairs drawn at random, not for hand-picked ones.
    """

    scope: str
    hits: int
    wrong: int
    missed: int
    apart: int

    @property
    def pairs(self) -> int:
        """All of them."""
        return self.hits + self.wrong + self.missed + self.apart

    @property
    def precision(self) -> float:
        """Of the labelled pairs that are one customer, the share that is one person."""
        return self.hits / (self.hits + self.wrong) if self.hits + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of the labelled pairs that are one person, the share that is one customer."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        whole = 2 * self.hits + self.wrong + self.missed
        return 2 * self.hits / whole if whole else 1.0

    @property
    def precision_interval(self) -> Interval:
        """Wilson's, 95 %."""
        return wilson(self.hits, self.hits + self.wrong)

    @property
    def recall_interval(self) -> Interval:
        """Wilson's, 95 %."""
        return wilson(self.hits, self.hits + self.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEvaluation:
    """`missing`: labelled pairs of which identity does not hold both records; they count nowhere."""

    overall: PairFigures
    source_pairs: Sequence[PairFigures]
    evidence: Sequence[PairFigures]  # a pair counts as found where such an edge stands between its two records
    missing: int


def read_clusters(path: Path) -> dict[str, Truth]:
    """`record_id,person_id[,locale]`; further columns are not read; the last row of a record counts. Raises LabelError."""
    found = {}
    for line, row in labelled_rows(path, ("record_id", "person_id")):
        if not row["record_id"] or not row["person_id"]:
            raise LabelError(f"{path}, line {line}: record_id or person_id is empty. Fill both or drop the line.")
        found[row["record_id"]] = Truth(person_id=row["person_id"], locale=row.get("locale") or "")
    if not found:
        raise LabelError(f"{path} holds no row: nothing can be compared with it.")
    return found


def read_pairs(path: Path) -> list[LabelledPair]:
    """`record_id_l,record_id_r,is_match` in either order of ids; a pair may be told twice, but not both ways. Raises LabelError."""
    found: dict[tuple[str, str], bool] = {}
    for line, row in labelled_rows(path, ("record_id_l", "record_id_r", "is_match")):
        left, right = sorted((row["record_id_l"] or "", row["record_id_r"] or ""))
        if not left or left == right:
            raise LabelError(f"{path}, line {line}: a pair needs two different record ids, like shop.customers:123.")
        said = _SAID.get((row["is_match"] or "").strip().lower())
        if said is None:
            raise LabelError(f"{path}, line {line}: is_match is {row['is_match']!r}; write true or false.")
        if found.setdefault((left, right), said) != said:
            raise LabelError(f"{path}, line {line}: this pair was called {str(not said).lower()} before. Keep one of the two lines.")
    if not found:
        raise LabelError(f"{path} holds no row: nothing can be compared with it.")
    return [LabelledPair(record_id_l=left, record_id_r=right, is_match=said) for (left, right), said in sorted(found.items())]


def evaluate_pairs(
    customer_of: Mapping[str, str], labelled: Iterable[LabelledPair], edges: Iterable[tuple[str, str, str, str]] = ()
) -> PairEvaluation:
    """`customer_of`: the customer of every living record. `edges`: (left, right, kind, rule) of every edge that holds."""
    every = list(labelled)
    known = [one for one in every if one.record_id_l in customer_of and one.record_id_r in customer_of]
    asked = {(one.record_id_l, one.record_id_r) for one in known}
    linked_by: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for left, right, kind, _ in edges:
        if (left, right) in asked:
            linked_by[kind].add((left, right))
    one_customer = {(one.record_id_l, one.record_id_r) for one in known if customer_of[one.record_id_l] == customer_of[one.record_id_r]}
    by_sources: dict[str, list[LabelledPair]] = defaultdict(list)
    for one in known:
        by_sources[" – ".join(sorted(source_of(record) for record in (one.record_id_l, one.record_id_r)))].append(one)
    return PairEvaluation(
        overall=_counted("all", known, one_customer),
        source_pairs=[_counted(scope, pairs, one_customer) for scope, pairs in sorted(by_sources.items())],
        evidence=[_counted(kind, known, pairs) for kind, pairs in sorted(linked_by.items())],
        missing=len(every) - len(known),
    )


def _counted(scope: str, labelled: Iterable[LabelledPair], claimed: set[tuple[str, str]]) -> PairFigures:
    counts = {(said, claims): 0 for said in (True, False) for claims in (True, False)}
    for one in labelled:
        counts[one.is_match, (one.record_id_l, one.record_id_r) in claimed] += 1
    return PairFigures(
        scope=scope, hits=counts[True, True], wrong=counts[False, True], missed=counts[True, False], apart=counts[False, False]
    )


def labelled_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Line number and row. Raises LabelError for a file that is missing, no CSV in UTF-8, or lacks a column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            lacking = [name for name in needed if name not in (reader.fieldnames or ())]
            if lacking:
                raise LabelError(f"{path} lacks the column {lacking[0]}; its first line must name {', '.join(needed)}.")
            for row in reader:
                yield reader.line_num, row
    except (FileNotFoundError, IsADirectoryError):
        raise LabelError(f"{path} is no file. Labels are a CSV file with the columns {', '.join(needed)}.") from None
    except UnicodeDecodeError:
        raise LabelError(f"{path} is not UTF-8. Save it as UTF-8 (CSV).") from None
