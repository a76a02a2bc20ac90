"""What each field contributed to a score: the prior, each comparison's level and weight in bits, and their sum.

Any two records can be asked about, whether a blocking rule brings them together or not, and however low they score.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from customer360.identity.match import database, weighing
from customer360.identity.match.model import Model
from customer360.identity.match.score import completed
from customer360.identity.match.train import add_shares, load

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

    Scored by the query of `score.score`, so a pair has the same probability here as on its edge.
    """
    wanted = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    present = set(frame["unique_id"].to_pylist())
    wanted = [pair for pair in wanted if present.issuperset(pair)]
    if not wanted:
        return {}
    with database.connect() as connection:
        load(connection, completed(frame, model))
        add_shares(connection, model.term_frequencies, model.rare)
        _pair_table(connection, wanted, _rules(model))
        return {(one.record_id_l, one.record_id_r): one for one in _read(connection, model)}


def _rules(model: Model) -> list[str]:
    return [str(rule["blocking_rule"]) for rule in model.splink["blocking_rules_to_generate_predictions"]]


def _pair_table(connection: duckdb.DuckDBPyConnection, wanted: Sequence[tuple[str, str]], rules: Sequence[str]) -> None:
    """Table `pairs` of the wanted ones, each with the number of the first rule that finds it, or one past the last."""
    connection.register("wanted", pa.table({"a": pa.array([left for left, _ in wanted]), "b": pa.array([right for _, right in wanted])}))
    cases = " ".join(f"when {rule} then {number}" for number, rule in enumerate(rules))
    found = f"case {cases} else {len(rules)} end" if rules else "0"
    connection.execute(
        f"create or replace table pairs as select l.row as l, r.row as r, {found} as rule"
        " from wanted join frame l on l.unique_id = a join frame r on r.unique_id = b"
    )
    connection.unregister("wanted")


def _read(connection: duckdb.DuckDBPyConnection, model: Model) -> list[Breakdown]:
    comparisons, prior, rules = weighing.parts(model.splink), weighing.prior_bits(model.splink), _rules(model)
    told = ", ".join(f"mw_{part.name}, level_{part.name}" for part in comparisons)
    connection.execute(f"create or replace table levels as {weighing.levels_sql(comparisons, pairs='pairs')}")
    scored = weighing.scored_sql(comparisons, levels="levels", prior_bits=prior, floor_bits=None)
    rows = connection.execute(
        f"select a.unique_id, b.unique_id, match_weight, {weighing.PROBABILITY_SQL}, s.rule, {told}"
        f" from ({scored}) s join frame a on a.row = s.l join frame b on b.row = s.r order by 1, 2"
    ).fetchall()
    return [
        Breakdown(
            record_id_l=left,
            record_id_r=right,
            prior=round(prior, _PRECISION),
            fields=[_field(part, *parts[2 * number : 2 * number + 2]) for number, part in enumerate(comparisons)],
            match_weight=round(weight, _PRECISION),
            probability=probability,
            blocking_rule=rules[rule] if rule < len(rules) else None,
        )
        for left, right, weight, probability, rule, *parts in rows
    ]


def _field(part: weighing.Part, weight: float, reached: int) -> FieldWeight:
    level, of_level = part.levels[reached][:2] if reached >= 0 else (None, 0.0)
    return FieldWeight(field=part.name, level=level, weight=round(weight, _PRECISION), rarity=round(weight - of_level, _PRECISION))
