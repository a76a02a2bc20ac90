"""Comparison vectors: which level each comparison of a pair reaches, read with the same conditions that Splink runs, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from customer360.identity.match.pairs import Pairs

_SIDED = re.compile(r"\b([a-z_0-9]+?)_([lr])\b")
_OF_ONE_COLUMN = re.compile(r"\b(jaro_winkler_similarity|levenshtein)\(([a-z_0-9]+)_l, \2_r\)")
_OF_EQUALS = {"jaro_winkler_similarity": "1e0", "levenshtein": "0"}


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


def measured_once(cases: Sequence[str]) -> tuple[list[str], list[str]]:
    """`cases` with each likeness of a column's two values that they ask for more than once as a column of its own, and those columns'
    definitions. An engine does not notice by itself that two branches of a case ask for the same: measuring is most of what a pair costs.
    """
    calls = Counter(match.group() for case in cases for match in _OF_ONE_COLUMN.finditer(case))
    names = {call: f"likeness_{number}" for number, call in enumerate(call for call, times in calls.items() if times > 1)}
    defined = []
    for call, name in names.items():
        function, column = next(_OF_ONE_COLUMN.finditer(call)).groups()
        defined.append(f"case when {column}_l = {column}_r then {_OF_EQUALS[function]} else {call} end as {name}")
    return [_OF_ONE_COLUMN.sub(lambda match: names.get(match.group(), match.group()), case) for case in cases], defined


def columns_used(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Frame columns that the level conditions read."""
    found: set[str] = set()
    for comparison in comparisons:
        for level in comparison["comparison_levels"]:
            found |= {match[1] for match in _SIDED.finditer(level["sql_condition"])}
    return sorted(found)


def compare(
    connection: duckdb.DuckDBPyConnection,
    *,
    table: str,
    pairs: Pairs,
    weight: NDArray[np.float64],
    comparisons: Sequence[Mapping[str, Any]],
    shares: Collection[str],
) -> tuple[Patterns, NDArray[np.int64]]:
    """Patterns of pairs of rows of `table`, each standing for `weight` pairs; and the pattern of each pair.

    `shares`: columns whose exact levels are judged by the share of the value, which the table has as `tf_<column>`.
    """
    used = columns_used(comparisons)
    judged = {number: column for number, comparison in enumerate(comparisons) if (column := share_column(comparison)) in shares}
    sides = ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in used)
    tf = "".join(f", l.tf_{column} as tf_{number}" for number, column in judged.items())
    cases, measured = measured_once([level_sql(comparison) for comparison in comparisons])
    levels = [f"{case} as g{number}" for number, case in enumerate(cases)]
    bits = [f"cast(round(-log2(tf_{number})) as tinyint) as r{number}" for number in judged]
    connection.register("compared_pairs", pa.table({"l": pairs.left, "r": pairs.right, "number": np.arange(len(pairs))}))
    found = connection.execute(
        f"with sided as (select p.number, {sides}{tf} from compared_pairs p join {table} l on l.row = p.l join {table} r on r.row = p.r),"
        f" measured as (select {', '.join(['*', *measured])} from sided)"
        f" select number, {', '.join(levels + bits)} from measured"
    ).fetchnumpy()
    connection.unregister("compared_pairs")
    order = np.argsort(np.asarray(found["number"]))
    level = np.column_stack([np.asarray(found[f"g{number}"], dtype=np.int8)[order] for number in range(len(comparisons))])
    rarity = np.zeros_like(level)
    for number in judged:
        rarity[:, number] = np.where(level[:, number] == 0, np.ma.filled(np.ma.asarray(found[f"r{number}"]), 0)[order], 0)
    distinct, pattern_of = _distinct(np.column_stack([level, rarity]))
    patterns = Patterns(
        names=tuple(str(comparison["output_column_name"]) for comparison in comparisons),
        sizes=tuple(sum(not one.get("is_null_level") for one in comparison["comparison_levels"]) for comparison in comparisons),
        by_share=tuple(number in judged for number in range(len(comparisons))),
        levels=distinct[:, : len(comparisons)].astype(np.int64),
        rarity=distinct[:, len(comparisons) :].astype(np.int64),
        count=np.bincount(pattern_of, weights=weight, minlength=len(distinct)).astype(np.float64),
    )
    return patterns, pattern_of


def _distinct(rows: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The distinct rows, in order, and which of them each row is."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    number = np.empty(len(rows), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return ordered[new], number


def share_column(comparison: Mapping[str, Any]) -> str | None:
    """The column whose shares judge the exact level of this comparison."""
    columns = (level.get("tf_adjustment_column") for level in comparison["comparison_levels"])
    return next((str(column) for column in columns if column), None)
