"""Comparison vectors: which level each comparison of a pair reaches, read with the same conditions that Splink runs, and counted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

_SIDED = re.compile(r"\b([a-z_0-9]+?)_([lr])\b")


@dataclass(frozen=True, slots=True)
class Patterns:
    """The distinct comparison vectors of many pairs, and how many pairs have each.

    `levels` (patterns × comparisons): 0 is the best level, -1 missing. `rarity` (same shape): -log2 of the share of the value
    agreed on, in whole bits, where the level is exact and judged by it, else 0. `sizes`: levels per comparison; `by_share`: whether its
    exact level is judged by that share. `count`: pairs per pattern.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    by_share: tuple[bool, ...]
    levels: NDArray[np.int64]
    rarity: NDArray[np.int64]
    count: NDArray[np.float64]


def level_sql(comparison: Mapping[str, Any]) -> str:
    """`case when … end`: -1 for the null level, then 0, 1, … in the order of the settings."""
    parts, number = [], 0
    for level in comparison["comparison_levels"]:
        if level.get("is_null_level"):
            parts.append(f"when {level['sql_condition']} then -1")
        elif level["sql_condition"].strip().upper() == "ELSE":
            parts.append(f"else {number}")
            number += 1
        else:
            parts.append(f"when {level['sql_condition']} then {number}")
            number += 1
    return f"cast(case {' '.join(parts)} end as tinyint)"


def columns_used(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Frame columns that the level conditions read."""
    found: set[str] = set()
    for comparison in comparisons:
        for level in comparison["comparison_levels"]:
            found |= {match[1] for match in _SIDED.finditer(level["sql_condition"])}
    return sorted(found)


def compare(
    connection: duckdb.DuckDBPyConnection, *, table: str, pairs: str, comparisons: Sequence[Mapping[str, Any]], shares: Mapping[str, str]
) -> Patterns:
    """Patterns of the pairs in table `pairs` (`join_key_l`, `join_key_r`, `weight`: how many pairs the row stands for) over `table`.

    `shares`: column → table (column, tf_<column>) for the exact levels that are judged by the share of the value.
    """
    used = columns_used(comparisons)
    judged = {number: column for number, comparison in enumerate(comparisons) if (column := share_column(comparison)) in shares}
    sides = ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in used)
    gammas = ", ".join(f"{level_sql(comparison)} as g{number}" for number, comparison in enumerate(comparisons))
    bits = [f"case when g{number} = 0 then cast(round(-log2(tf_{number})) as tinyint) else 0 end as r{number}" for number in judged]
    joins = " ".join(f"left join {shares[str(column)]} s{number} on s{number}.{column} = l.{column}" for number, column in judged.items())
    tf = "".join(f", s{number}.tf_{column} as tf_{number}" for number, column in judged.items())
    keys = ", ".join([f"g{number}" for number in range(len(comparisons))] + [f"r{number}" for number in judged])
    found = connection.execute(
        f"with sided as (select p.weight, {sides}{tf} from {pairs} p join {table} l on l.unique_id = p.join_key_l"
        f" join {table} r on r.unique_id = p.join_key_r {joins}),"
        f" levels as (select weight, {gammas}{''.join(f', tf_{number}' for number in judged)} from sided),"
        f" rated as (select weight, {', '.join([f'g{number}' for number in range(len(comparisons))] + bits)} from levels)"
        f" select {keys}, sum(weight) as n from rated group by {keys} order by {keys}"
    ).fetchnumpy()
    nothing = np.zeros(len(found["n"]), dtype=np.int64)
    return Patterns(
        names=tuple(str(comparison["output_column_name"]) for comparison in comparisons),
        sizes=tuple(sum(not level.get("is_null_level") for level in comparison["comparison_levels"]) for comparison in comparisons),
        by_share=tuple(number in judged for number in range(len(comparisons))),
        levels=np.column_stack([np.asarray(found[f"g{number}"], dtype=np.int64) for number in range(len(comparisons))]),
        rarity=np.column_stack(
            [np.asarray(found[f"r{number}"], dtype=np.int64) if number in judged else nothing for number in range(len(comparisons))]
        ),
        count=np.asarray(found["n"], dtype=np.float64),
    )


def share_column(comparison: Mapping[str, Any]) -> str | None:
    """The column whose shares judge the exact level of this comparison."""
    columns = (level.get("tf_adjustment_column") for level in comparison["comparison_levels"])
    return next((str(column) for column in columns if column), None)
