"""What identity looks like now, as counts, distributions and rates: no value, no id of any record.

Reads every record, customer and edge, so it belongs to the nightly run, never to a live one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from psycopg import Connection

from customer360.identity.evidence.certain import stream

# A distribution's classes, by the smallest value of each; the last is open.
CLUSTER_SIZES = (1, 2, 3, 4, 5, 7, 11, 21)  # records of a customer
MATCH_WEIGHTS = (-16, -4, -2, 0, 2, 4, 6, 8, 12, 16)  # bits: log2 of the odds that a scored pair is one person
_AGREEMENT_PAIRS = 50_000  # linked pairs whose fields are compared, at most about so many
_CERTAIN = 1e-9  # odds of a probability nearer to 0 or 1 than this are not told apart

Distribution = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def share(self) -> float:
        """0 of nothing."""
        return self.part / self.whole if self.whole else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Living records and customers.

    `records`: per source. `cluster_sizes`: customers by their number of records. `edges`: by kind, the grey zone included.
    `match_weights`: scored pairs by class. `grey_zone`: scored pairs below the threshold whose records are two customers.
    `refusals`: values that join nobody, by attribute. `refused`: of the identifier values that more than one record holds, per attribute.
    `completeness`: records with a value, per source and attribute. `agreement`: linked pairs (a sample of many) with an equal value, of
    those where both have one, per attribute.
    """

    records: Distribution
    customers: int
    cluster_sizes: Distribution
    edges: Distribution
    match_weights: Distribution
    grey_zone: int
    refusals: Distribution
    refused: Mapping[str, Rate]
    completeness: Mapping[str, Mapping[str, Rate]]
    agreement: Mapping[str, Rate]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Summary:
        """What `as_dict` gave. Raises KeyError for a summary of another shape."""
        given = {field.name: told[field.name] for field in fields(cls)}
        given["refused"] = _rates(given["refused"])
        given["completeness"] = {source: _rates(rates) for source, rates in given["completeness"].items()}
        given["agreement"] = _rates(given["agreement"])
        return cls(**given)

    @property
    def record_count(self) -> int:
        """Of all sources."""
        return sum(self.records.values())


def summarise(connection: Connection[Any], *, threshold: float) -> Summary:
    """Read it all. `threshold`: probability from which the model in use links."""
    records = _counts(
        connection, "select system || '.' || object, count(*) from identity.record where not is_deleted group by 1 order by 1"
    )
    sizes = connection.execute(
        """select records, count(*) from (
               select count(*) as records from identity.membership where valid_to is null group by customer_id) sized
            group by 1"""
    ).fetchall()
    refusals = _counts(connection, "select attribute, count(*) from identity.identifier_refusal group by 1 order by 1")
    joining = _counts(connection, "select rule, count(distinct identifier) from identity.edge where kind = 'exact' group by 1 order by 1")
    return Summary(
        records=records,
        customers=sum(count for _, count in sizes),
        cluster_sizes=_classed(dict(sizes), CLUSTER_SIZES),
        edges=_counts(connection, "select kind, count(*) from identity.edge group by 1 order by 1"),
        match_weights=_match_weights(connection),
        grey_zone=_grey_zone(connection, threshold),
        refusals=refusals,
        refused={name: Rate(part=refusals.get(name, 0), whole=refusals.get(name, 0) + count) for name, count in joining.items()},
        completeness=_completeness(connection, records),
        agreement=_agreement(connection),
    )


def class_name(starts: tuple[int, ...], position: int) -> str:
    """`1`, `5-6`, `21+` for whole numbers from `starts[position]` on."""
    first = starts[position]
    if position + 1 == len(starts):
        return f"{first}+"
    last = starts[position + 1] - 1
    return str(first) if first == last else f"{first}-{last}"


def weight_name(position: int) -> str:
    """`below -4`, `4 to 6`, `16+`: classes of match weights."""
    if position == 0:
        return f"below {MATCH_WEIGHTS[1]}"
    if position + 1 == len(MATCH_WEIGHTS):
        return f"{MATCH_WEIGHTS[position]}+"
    return f"{MATCH_WEIGHTS[position]} to {MATCH_WEIGHTS[position + 1]}"


def _classed(counts: Mapping[int, int], starts: tuple[int, ...]) -> dict[str, int]:
    found = {class_name(starts, position): 0 for position in range(len(starts))}
    for value, count in counts.items():
        position = max(index for index, start in enumerate(starts) if start <= value)
        found[class_name(starts, position)] += count
    return found


def _match_weights(connection: Connection[Any]) -> dict[str, int]:
    rows = connection.execute(
        """select greatest(width_bucket(ln(p / (1 - p)) / ln(2.0), %(starts)s::float8[]), 1) - 1 as position, count(*)
             from (select least(greatest(probability, %(certain)s), 1 - %(certain)s) as p
                     from identity.edge where kind = 'probabilistic') scored
            group by 1""",
        {"starts": list(MATCH_WEIGHTS), "certain": _CERTAIN},
    ).fetchall()
    counts = dict(rows)
    return {weight_name(position): int(counts.get(position, 0)) for position in range(len(MATCH_WEIGHTS))}


def _grey_zone(connection: Connection[Any], threshold: float) -> int:
    row = connection.execute(
        """select count(*)
             from identity.edge e
             join identity.membership l on l.record_id = e.record_id_l and l.valid_to is null
             join identity.membership r on r.record_id = e.record_id_r and r.valid_to is null
            where e.kind = 'probabilistic' and e.probability < %s and l.customer_id <> r.customer_id""",
        [threshold],
    ).fetchone()
    return int(row[0]) if row else 0


def _completeness(connection: Connection[Any], records: Distribution) -> dict[str, dict[str, Rate]]:
    found: dict[str, dict[str, Rate]] = {}
    rows = connection.execute(
        """select r.system || '.' || r.object, attribute, count(*)
             from identity.record r cross join lateral jsonb_object_keys(r.standard) as attribute
            where not r.is_deleted group by 1, 2 order by 1, 2"""
    )
    for source, attribute, count in rows:
        found.setdefault(source, {})[attribute] = Rate(part=count, whole=records[source])
    return found


def _agreement(connection: Connection[Any]) -> dict[str, Rate]:
    """A pair is in the sample or not by the hash of its ids: the same pairs each time, so that a change is one of the pairs."""
    row = connection.execute("select count(*) from identity.edge").fetchone()
    parts = max(1, (int(row[0]) if row else 0) // _AGREEMENT_PAIRS)
    both: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    pairs = stream(
        connection,
        """select l.standard, r.standard
             from (select distinct record_id_l, record_id_r from identity.edge
                    where abs(hashtextextended(record_id_l || '~' || record_id_r, 0) %% %s) = 0) e
             join identity.membership ml on ml.record_id = e.record_id_l and ml.valid_to is null
             join identity.membership mr on mr.record_id = e.record_id_r and mr.valid_to is null
             join identity.record l on l.record_id = e.record_id_l
             join identity.record r on r.record_id = e.record_id_r
            where ml.customer_id = mr.customer_id""",
        [parts],
    )
    for left, right in pairs:
        for attribute in left.keys() & right.keys():
            both[attribute] += 1
            equal[attribute] += not set(left[attribute]).isdisjoint(right[attribute])
    return {attribute: Rate(part=equal[attribute], whole=count) for attribute, count in sorted(both.items())}


def _counts(connection: Connection[Any], query: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in connection.execute(query).fetchall()}


def _rates(told: Mapping[str, Any]) -> dict[str, Rate]:
    return {name: Rate(part=rate["part"], whole=rate["whole"]) for name, rate in told.items()}
