"""Match weights of pairs in one SQL query, with the semantics of Splink's `predict`.

A comparison adds the weight log2(m/u) of the level it reaches, and on a level that is judged by term frequency
`tf_adjustment_weight` times the log2 of the exact level's u over the greater of the two shares; missing values add nothing.
What a pair can reach at most is known before any string is compared: where two values differ, at most the best of the other
levels. So pairs that cannot reach the floor leave before the dear comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from customer360.identity.match.vectors import columns_used, level_sql

_SLACK = 1e-6  # bits: sums in another order differ in the last digits
SMALLEST = 1e-10  # Splink's own floor under m and u
# as Splink writes it: neither power overflows
PROBABILITY_SQL = (
    "case when match_weight >= 0 then 1 / (1 + power(2.0::double, -match_weight))"
    " else power(2.0::double, match_weight) / (1 + power(2.0::double, match_weight)) end"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison. `levels`: (label, weight in bits, column whose share judges it or None, how much of it counts), best first."""

    name: str
    level_sql: str
    null_sql: str
    levels: tuple[tuple[str, float, str | None, float], ...]
    exact_sql: str | None
    exact_u: float

    @property
    def weight_sql(self) -> str:
        """The comparison's part of the match weight, from `g_<name>`."""
        cases = " ".join(f"when {number} then {self._weight(number)}" for number in range(len(self.levels)))
        return f"case g_{self.name} {cases} else 0e0 end"

    def _weight(self, number: int) -> str:
        _, weight, column, share = self.levels[number]
        if column is None or share == 0.0:
            return _double(weight)
        greater = f"greatest(coalesce(tf_{column}_l, tf_{column}_r), coalesce(tf_{column}_r, tf_{column}_l))"
        return f"({_double(weight)} + {_double(share)} * coalesce({_double(log2(self.exact_u))} - log2({greater}), 0e0))"

    def bound_sql(self, most: Mapping[str, float]) -> str:
        """What the comparison adds at most, told by equality alone. `most`: column → bits that its rarest value adds at most."""
        others = max([0.0, *(weight + share * most[column] if column else weight for _, weight, column, share in self.levels[1:])])
        first = self.levels[0]
        if self.exact_sql is None:
            return _double(max(others, first[1] + (first[3] * most[first[2]] if first[2] else 0.0)))
        return f"case when {self.null_sql} then 0e0 when {self.exact_sql} then {self._weight(0)} else {_double(others)} end"

    @property
    def exact_columns(self) -> list[str]:
        """Columns that `bound_sql` reads."""
        return columns_used([{"comparison_levels": [{"sql_condition": self.null_sql}, {"sql_condition": self.exact_sql or "true"}]}])


def parts(splink_settings: Mapping[str, Any]) -> list[Part]:
    """The comparisons of Splink settings."""
    return [_part(comparison) for comparison in splink_settings["comparisons"]]


def prior_bits(splink_settings: Mapping[str, Any]) -> float:
    """log2 of the odds that two random records match."""
    prior = float(splink_settings["probability_two_random_records_match"])
    return log2(prior / (1 - prior))


def _part(comparison: Mapping[str, Any]) -> Part:
    levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    nulls = [level["sql_condition"] for level in comparison["comparison_levels"] if level.get("is_null_level")]
    found = []
    for level in levels:
        column = level.get("tf_adjustment_column")
        share = float(level.get("tf_adjustment_weight", 1.0)) if column else 0.0
        found.append((str(level["label_for_charts"]), _bits(level), column, share))
    exact = {f"{column}_l = {column}_r": column for column in columns_used([comparison])}
    judged = next((level for level in levels if level["sql_condition"] in exact), levels[0])
    is_first = bool(nulls) and comparison["comparison_levels"][0].get("is_null_level") and levels[0]["sql_condition"] in exact
    return Part(
        name=str(comparison["output_column_name"]),
        level_sql=level_sql(comparison),
        null_sql=" or ".join(f"({condition})" for condition in nulls) or "false",
        levels=tuple(found),
        exact_sql=levels[0]["sql_condition"] if is_first else None,
        exact_u=max(float(judged["u_probability"]), SMALLEST),
    )


def _bits(level: Mapping[str, Any]) -> float:
    return log2(max(level["m_probability"], SMALLEST) / max(level["u_probability"], SMALLEST))


def _double(number: float) -> str:
    """The number as a literal that every engine reads as a double: without an exponent some make it a decimal."""
    text = repr(float(number))
    return text if "e" in text else f"{text}e0"


def _sides(columns: Sequence[str]) -> str:
    return ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in columns)


def _shares(comparisons: Sequence[Part]) -> list[str]:
    return sorted({f"tf_{column}" for part in comparisons for _, _, column, share in part.levels if column and share})


def reachable_sql(comparisons: Sequence[Part], *, pairs: str, floor_bits: float, most: Mapping[str, float]) -> str:
    """The rows of `pairs` (l, r: rows of table `frame`; rule) whose comparisons may add up to `floor_bits`."""
    columns = sorted({column for part in comparisons for column in part.exact_columns})
    bound = " + ".join(part.bound_sql(most) for part in comparisons)
    return (
        f"select l, r, rule from (select p.*, {_sides([*columns, *_shares(comparisons)])} from {pairs} p"
        f" join frame l on l.row = p.l join frame r on r.row = p.r) where {bound} >= {_double(floor_bits - _SLACK)}"
    )


def scored_sql(comparisons: Sequence[Part], *, pairs: str, prior_bits: float, floor_bits: float | None) -> str:
    """Rows of `pairs` at or above the floor with `match_weight`, and per comparison `mw_<name>` and `level_<name>`."""
    columns = sorted(set(columns_used([{"comparison_levels": [{"sql_condition": part.level_sql}]} for part in comparisons])))
    shares = _shares(comparisons)
    levels = ", ".join(f"{part.level_sql} as g_{part.name}" for part in comparisons)
    kept = "".join(f", {share}_l, {share}_r" for share in shares)
    weights = ", ".join(f"{part.weight_sql} as w_{part.name}" for part in comparisons)
    gammas = ", ".join(f"g_{part.name}" for part in comparisons)
    total = " + ".join([_double(prior_bits), *(f"w_{part.name}" for part in comparisons)])
    floor = "" if floor_bits is None else f" where match_weight >= {_double(floor_bits)}"
    out = ", ".join(f"w_{part.name} as mw_{part.name}, g_{part.name} as level_{part.name}" for part in comparisons)
    return (
        f"with sided as (select p.l, p.r, p.rule, {_sides([*columns, *shares])} from {pairs} p"
        " join frame l on l.row = p.l join frame r on r.row = p.r),"
        f" levelled as (select l, r, rule, {levels}{kept} from sided),"
        f" weighed as (select l, r, rule, {gammas}, {weights} from levelled),"
        f" summed as (select l, r, rule, {total} as match_weight, {out} from weighed)"
        f" select * from summed{floor}"
    )
