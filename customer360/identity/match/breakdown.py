"""What each field contributed to a score: the prior, each comparison's level and weight in bits, and their sum.

Any two records can be asked about, whether a blocking rule brings them together or not, and however low they score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import duckdb
import pyarrow as pa

from customer360.identity.match import database, splinking
from customer360.identity.match.model import Model
from customer360.identity.match.score import completed
from customer360.identity.match.train import load, share_tables
from customer360.identity.match.vectors import columns_used, level_sql

_PRECISION = 12  # decimals kept of a weight: far below what two summations differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWeight:
    """What one comparison said. `level`: the level reached in the model's words, None where a record has no value (weight 0).
    `weight`: bits for (positive) or against; `rarity`: the part of it owed to how rare the value agreed on is."""

    field: str
    level: str | None
    weight: float
    rarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A pair's score: `prior` + the weights of `fields` = `match_weight`, in bits (log2 of the odds), and
    `probability` = 1 / (1 + 2^-match_weight).

    `blocking_rule`: the model's first rule that brings the two together, as it stands there; None: none does.
    """

    record_id_l: str
    record_id_r: str
    prior: float
    fields: Sequence[FieldWeight]
    match_weight: float
    probability: float
    blocking_rule: str | None


def breakdowns(frame: pa.Table, model: Model, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], Breakdown]:
    """The breakdown of each pair of record ids, by (smaller id, greater id). `frame`: see `columns.frame`; pairs that it does not
    hold are left out.

    Scored by Splink as `score.score` does it, so a pair has the same probability here as on its edge.
    """
    wanted = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    present = set(frame["unique_id"].to_pylist())
    wanted = [pair for pair in wanted if present.issuperset(pair)]
    if not wanted:
        return {}
    with database.connect() as connection:
        load(connection, completed(frame, model))
        _pair_table(connection, wanted, _rules(model))
        splinking.predict(
            connection,
            table="frame",
            pairs="pairs",
            splink_settings=model.splink,
            term_frequencies=share_tables(connection, model.term_frequencies, model.rare),
            out="scored",
        )
        return {(one.record_id_l, one.record_id_r): one for one in _read(connection, model)}


def _rules(model: Model) -> list[str]:
    return [str(rule["blocking_rule"]) for rule in model.splink["blocking_rules_to_generate_predictions"]]


def _pair_table(connection: duckdb.DuckDBPyConnection, wanted: Sequence[tuple[str, str]], rules: Sequence[str]) -> None:
    """Table `pairs` of the wanted ones, each with the number of the first rule that finds it, or one past the last."""
    connection.register("wanted", pa.table({"a": pa.array([left for left, _ in wanted]), "b": pa.array([right for _, right in wanted])}))
    cases = " ".join(f"when {rule} then {number}" for number, rule in enumerate(rules))
    found = f"case {cases} else {len(rules)} end" if rules else "0"
    connection.execute(
        f"create or replace table pairs as select a as join_key_l, b as join_key_r, cast({found} as varchar) as match_key"
        " from wanted join frame l on l.unique_id = a join frame r on r.unique_id = b"
    )
    connection.unregister("wanted")


def _read(connection: duckdb.DuckDBPyConnection, model: Model) -> list[Breakdown]:
    comparisons: Sequence[Mapping[str, Any]] = model.splink["comparisons"]
    rules = _rules(model)
    there = {row[0] for row in connection.execute("describe scored").fetchall()}
    sides = ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in columns_used(comparisons))
    parts = []
    for comparison in comparisons:
        name = comparison["output_column_name"]
        rarity = f"s.mw_tf_adj_{name}" if f"mw_tf_adj_{name}" in there else "0e0"
        parts += [f"s.mw_{name}", rarity, level_sql(comparison)]
    rows = connection.execute(
        f"with sided as (select s.*, {sides} from scored s"
        " join frame l on l.unique_id = s.unique_id_l join frame r on r.unique_id = s.unique_id_r)"
        f" select unique_id_l, unique_id_r, match_weight, match_probability, cast(match_key as integer), {', '.join(parts)}"
        " from sided s order by 1, 2"
    ).fetchall()
    prior = model.splink["probability_two_random_records_match"]
    return [
        Breakdown(
            record_id_l=left,
            record_id_r=right,
            prior=round(log2(prior / (1 - prior)), _PRECISION),
            fields=[_field(comparison, *told[3 * number : 3 * number + 3]) for number, comparison in enumerate(comparisons)],
            match_weight=round(weight, _PRECISION),
            probability=probability,
            blocking_rule=rules[rule] if rule < len(rules) else None,
        )
        for left, right, weight, probability, rule, *told in rows
    ]


def _field(comparison: Mapping[str, Any], level_weight: float, rarity: float, number: int) -> FieldWeight:
    labels = [level["label_for_charts"] for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    return FieldWeight(
        field=comparison["output_column_name"],
        level=labels[number] if number >= 0 else None,
        weight=round(level_weight + rarity, _PRECISION),
        rarity=round(rarity, _PRECISION),
    )
