"""Match weights of pairs in one SQL query, with the semantics of Splink's `predict`.

A comparison adds the weight log2(m/u) of the level it reaches, and on a level that is judged by term frequency
`tf_adjustment_weight` times the log2 of the exact level's u over the greater of the two shares; missing values add nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from customer360.identity.match.vectors import columns_used, level_sql, measured_once

SMALLEST = 1e-300  # Splink's own floor under m and u
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
    levels: tuple[tuple[str, float, str | None, float], ...]
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


def parts(splink_settings: Mapping[str, Any]) -> list[Part]:
    """The comparisons of Splink settings."""
    return [_part(comparison) for comparison in splink_settings["comparisons"]]


def prior_bits(splink_settings: Mapping[str, Any]) -> float:
    """log2 of the odds that two random records match."""
    prior = float(splink_settings["probability_two_random_records_match"])
    return log2(prior / (1 - prior))


def _part(comparison: Mapping[str, Any]) -> Part:
    levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    found = []
    for level in levels:
        column = level.get("tf_adjustment_column")
        share = float(level.get("tf_adjustment_weight", 1.0)) if column else 0.0
        found.append((str(level["label_for_charts"]), _bits(level), column, share))
    exact = {f"{column}_l = {column}_r": column for column in columns_used([comparison])}
    judged = next((level for level in levels if level["sql_condition"] in exact), levels[0])
    return Part(
        name=str(comparison["output_column_name"]),
        level_sql=level_sql(comparison),
        levels=tuple(found),
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


def levels_sql(comparisons: Sequence[Part], *, pairs: str) -> str:
    """Per row of `pairs` (l, r: rows of table `frame`; rule) the level `g_<name>` of each comparison, and the shares its weight reads.

    The levels have to be kept in a table before their weights are summed: an engine that moves a filter to where they come from
    evaluates them once for every weight.
    """
    columns = columns_used([{"comparison_levels": [{"sql_condition": part.level_sql}]} for part in comparisons])
    shares = _shares(comparisons)
    cases, measured = measured_once([part.level_sql for part in comparisons])
    told = [f"{case} as g_{part.name}" for case, part in zip(cases, comparisons, strict=True)]
    told += [f"{share}_{side}" for share in shares for side in "lr"]
    return (
        f"select l, r, rule, {', '.join(told)} from (select {', '.join(['*', *measured])} from"
        f" (select p.l, p.r, p.rule, {_sides([*columns, *shares])} from {pairs} p"
        " join frame l on l.row = p.l join frame r on r.row = p.r))"
    )


def scored_sql(comparisons: Sequence[Part], *, levels: str, prior_bits: float, floor_bits: float | None) -> str:
    """The pairs of table `levels` (see `levels_sql`) at or above the floor: `l`, `r`, `rule`, `match_weight`, and per comparison
    `mw_<name>`, `level_<name>`."""
    weights = ", ".join(f"{part.weight_sql} as mw_{part.name}, g_{part.name} as level_{part.name}" for part in comparisons)
    total = " + ".join([_double(prior_bits), *(f"mw_{part.name}" for part in comparisons)])
    floor = "" if floor_bits is None else f" where match_weight >= {_double(floor_bits)}"
    return f"select * from (select *, {total} as match_weight from (select l, r, rule, {weights} from {levels})){floor}"
