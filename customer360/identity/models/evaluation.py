"""How good the customers are against what is known to be true. Pure.

- **Pairs**: precision, recall and F1 over pairs of records.
- **Exact clusters**: customers that are exactly one person, people that are exactly one customer.
- **B³**: per record, how much of its customer is its person and the other way round, averaged over records (Bagga and Baldwin,
  "Algorithms for Scoring Coreference Chains", 1998). A large cluster weighs by its records here, by their square among pairs.
- **Evidence**: which edges are right, and how many true pairs they connect.

Where the truth knows a part of the records only, it is a sample of people: the three figures over pairs then carry an interval.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import sqrt

from customer360.identity.clusters.forest import Forest

Z = 1.959964  # of a normal distribution, 95 % lie within so many deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of one record."""

    person_id: str
    locale: str


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high` with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFigures:
    """Whole clusters: `customers` claimed, `people` true, `exact` both; B³ precision and recall are means over records."""

    customers: int
    people: int
    exact: int
    b3_precision: float
    b3_recall: float

    @property
    def exact_precision(self) -> float:
        """Of the customers, the share that is exactly one person."""
        return self.exact / self.customers if self.customers else 1.0

    @property
    def exact_recall(self) -> float:
        """Of the people, the share that is exactly one customer."""
        return self.exact / self.people if self.people else 1.0

    @property
    def exact_f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.exact / (self.customers + self.people) if self.customers + self.people else 1.0

    @property
    def b3_f1(self) -> float:
        """Harmonic mean of B³ precision and recall."""
        total = self.b3_precision + self.b3_recall
        return 2 * self.b3_precision * self.b3_recall / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Of the figures over pairs, people being drawn at random."""

    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Pairs of records: `together` in the truth and in the result, `claimed` by the result, `true` in the truth.

    `clusters` is None between two sources, `intervals` where the truth is no sample.
    """

    scope: str
    records: int
    together: int
    claimed: int
    true: int
    clusters: ClusterFigures | None = None
    intervals: Intervals | None = None

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
class EvidenceFigures:
    """The edges of one kind (or rule) of evidence between records that the truth knows.

    `pairs` and `right`: pairs of records with such an edge, and those of them that are one person. `alone`: true pairs that right edges
    of this kind connect by themselves; `only`: true pairs that nothing else would connect; both of `true` pairs.
    """

    scope: str
    pairs: int
    right: int
    alone: int
    only: int
    true: int

    @property
    def precision(self) -> float:
        """Of the pairs with such an edge, the share that is one person."""
        return self.right / self.pairs if self.pairs else 1.0

    @property
    def recall_alone(self) -> float:
        """Share of the true pairs that this evidence would find without any other."""
        return self.alone / self.true if self.true else 1.0

    @property
    def recall_brought(self) -> float:
        """Share of the true pairs that would be lost without it."""
        return self.only / self.true if self.true else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """`missing`: records of the truth that identity does not hold (deleted, quarantined); `unknown`: living records that the truth does
    not know. Both count nowhere."""

    overall: Figures
    locales: Sequence[Figures]
    source_pairs: Sequence[Figures]
    evidence: Sequence[EvidenceFigures]
    missing: int
    unknown: int


def evaluate(
    customer_of: Mapping[str, str],
    truth: Mapping[str, Truth],
    edges: Iterable[tuple[str, str, str, str]] = (),
) -> Evaluation:
    """`customer_of`: the customer of every living record. `edges`: (left, right, kind, rule) of every edge that holds."""
    known = sorted(record for record in customer_of if record in truth)
    rows = [(record, customer_of[record], truth[record]) for record in known]
    locales = sorted({told.locale for _, _, told in rows} - {""})
    sources = sorted({source_of(record) for record in known})
    is_sample = len(known) < len(customer_of)
    by_locale: dict[str, list[tuple[str, str]]] = {locale: [] for locale in locales}
    by_source: dict[str, list[tuple[str, str]]] = {source: [] for source in sources}
    for record, customer, told in rows:
        if told.locale:
            by_locale[told.locale].append((customer, told.person_id))
        by_source[source_of(record)].append((customer, told.person_id))
    overall = _figures("all", [(customer, told.person_id) for _, customer, told in rows], is_sample=is_sample)
    return Evaluation(
        overall=overall,
        locales=[_figures(locale, by_locale[locale], is_sample=is_sample) for locale in locales],
        source_pairs=[_between(left, right, by_source) for left, right in combinations_with_replacement(sources, 2)],
        evidence=evidence_figures(edges, {record: truth[record].person_id for record in known}, overall.true),
        missing=len(set(truth) - set(known)),
        unknown=len(customer_of) - len(known),
    )


def evidence_figures(edges: Iterable[tuple[str, str, str, str]], person_of: Mapping[str, str], true: int) -> list[EvidenceFigures]:
    """Per kind of evidence, then per rule where a kind has several. Edges at records outside `person_of` are left out."""
    pairs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for left, right, kind, rule in edges:
        if left in person_of and right in person_of:
            pairs[kind, rule].add((left, right))
    right_of = {key: [pair for pair in found if person_of[pair[0]] == person_of[pair[1]]] for key, found in pairs.items()}
    kinds = sorted({kind for kind, _ in pairs})
    scopes = [(kind, [key for key in sorted(pairs) if key[0] == kind]) for kind in kinds]
    scopes += [(f"{kind}: {rule}", [(kind, rule)]) for kind, rule in sorted(pairs) if sum(other == kind for other, _ in pairs) > 1]
    everything = connected_pairs(pair for found in right_of.values() for pair in found)
    figures = []
    for scope, keys in scopes:
        ours = {pair for key in keys for pair in right_of[key]}
        figures.append(
            EvidenceFigures(
                scope=scope,
                pairs=len({pair for key in keys for pair in pairs[key]}),
                right=len(ours),
                alone=connected_pairs(ours),
                only=everything - connected_pairs(pair for key, found in right_of.items() if key not in keys for pair in found),
                true=true,
            )
        )
    return figures


def connected_pairs(edges: Iterable[tuple[str, str]]) -> int:
    """Pairs of records that are connected, directly or by way of others."""
    known = list(edges)
    forest = Forest(record for pair in known for record in pair)
    for left, right in known:
        forest.join(left, right)
    return pairs_within(map(len, forest.members.values()))


def wilson(successes: int, trials: int) -> Interval:
    """The score interval of a share, which keeps its promise for small samples and at 0 and 1 too (Wilson, "Probable Inference, the Law
    of Succession, and Statistical Inference", 1927). Nothing is known of no trial."""
    if trials == 0:
        return Interval(0.0, 1.0)
    share, square = successes / trials, Z * Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    reach = Z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def source_of(record_id: str) -> str:
    """`shop.customers` of `shop.customers:123`."""
    return record_id.split(":", 1)[0]


def _figures(scope: str, rows: Sequence[tuple[str, str]], *, is_sample: bool) -> Figures:
    both = Counter(rows)
    customers: Counter[str] = Counter()
    persons: Counter[str] = Counter()
    for (customer, person), count in both.items():
        customers[customer] += count
        persons[person] += count
    return Figures(
        scope=scope,
        records=sum(both.values()),
        together=pairs_within(both.values()),
        claimed=pairs_within(customers.values()),
        true=pairs_within(persons.values()),
        clusters=_cluster_figures(both, customers, persons),
        intervals=_intervals(rows) if is_sample else None,
    )


def _cluster_figures(both: Mapping[tuple[str, str], int], customers: Mapping[str, int], persons: Mapping[str, int]) -> ClusterFigures:
    records = sum(both.values())
    return ClusterFigures(
        customers=len(customers),
        people=len(persons),
        exact=sum(count == customers[customer] == persons[person] for (customer, person), count in both.items()),
        b3_precision=sum(count * count / customers[customer] for (customer, _), count in both.items()) / records if records else 1.0,
        b3_recall=sum(count * count / persons[person] for (_, person), count in both.items()) / records if records else 1.0,
    )


@dataclass(frozen=True, slots=True)
class ShareOfPerson:
    """Pairs of records that one person adds to the counts. A claimed pair counts half for each end's person."""

    together: float
    claimed: float
    true: float


def shares_of_people(rows: Iterable[tuple[str, str]]) -> dict[str, ShareOfPerson]:
    """By person, of one (customer, person) per record."""
    both = Counter(rows)
    sizes: Counter[str] = Counter()
    for (customer, _), count in both.items():
        sizes[customer] += count
    together: dict[str, float] = defaultdict(float)
    claimed: dict[str, float] = defaultdict(float)
    records: Counter[str] = Counter()
    for (customer, person), count in both.items():
        together[person] += count * (count - 1) / 2
        claimed[person] += count * (sizes[customer] - 1) / 2
        records[person] += count
    return {
        person: ShareOfPerson(together=together[person], claimed=claimed[person], true=count * (count - 1) / 2)
        for person, count in records.items()
    }


def _intervals(rows: Iterable[tuple[str, str]]) -> Intervals:
    """People are what was drawn, so each figure is a ratio of two sums over people, and its variance that of such a ratio by
    linearisation (Cochran, "Sampling Techniques", 3rd edition 1977, section 6.5)."""
    shares = list(shares_of_people(rows).values())
    return Intervals(
        precision=_ratio_interval([(one.together, one.claimed) for one in shares]),
        recall=_ratio_interval([(one.together, one.true) for one in shares]),
        f1=_ratio_interval([(2 * one.together, one.claimed + one.true) for one in shares]),
    )


def _ratio_interval(drawn: Sequence[tuple[float, float]]) -> Interval:
    counted = [(part, whole) for part, whole in drawn if whole > 0]
    total = sum(whole for _, whole in counted)
    if len(counted) < 2:
        return Interval(0.0, 1.0)
    ratio = sum(part for part, _ in counted) / total
    square = sum((part - ratio * whole) ** 2 for part, whole in counted)
    if square == 0.0:  # the same for everybody seen: only their number says how sure that is
        return wilson(round(ratio * len(counted)), len(counted))
    reach = Z * sqrt(len(counted) / (len(counted) - 1) * square) / total
    return Interval(max(0.0, ratio - reach), min(1.0, ratio + reach))


def _between(left: str, right: str, by_source: Mapping[str, Sequence[tuple[str, str]]]) -> Figures:
    """Pairs of one record of each source; within one source, pairs of two."""
    scope = f"{left} – {right}"
    if left == right:
        return _figures(scope, by_source[left], is_sample=False)
    ours, theirs = by_source[left], by_source[right]
    return Figures(
        scope=scope,
        records=len(ours) + len(theirs),
        together=_crossed(ours, theirs, lambda row: row),
        claimed=_crossed(ours, theirs, lambda row: row[0]),
        true=_crossed(ours, theirs, lambda row: row[1]),
    )


def _crossed(ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]], group: Callable[[tuple[str, str]], Hashable]) -> int:
    counts = Counter(map(group, theirs))
    return sum(count * counts[key] for key, count in Counter(map(group, ours)).items())


def pairs_within(counts: Iterable[int]) -> int:
    """Pairs of records inside groups of these many."""
    return sum(count * (count - 1) // 2 for count in counts)
