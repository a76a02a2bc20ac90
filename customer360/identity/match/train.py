"""Training a model from the records alone: no labels, no settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from customer360.identity.match import blocking, comparisons, database, splinking
from customer360.identity.match.cluster import RESOLUTION
from customer360.identity.match.estimate import Estimate, estimate
from customer360.identity.match.model import Model
from customer360.identity.match.vectors import Patterns, compare, share_column
from customer360.identity.match.weights import Weights, distil

Progress = Callable[[str], None]
RANDOM_PAIRS = 400_000
TRAINING_PAIRS = 600_000  # more candidate pairs than this are sampled
MATCH_THRESHOLD = 0.5
REVIEW_THRESHOLD = 0.1
LISTED_AT_LEAST = 3  # records that must share a value before the model lists its frequency
IDENTIFIER_LISTED_AT_LEAST = 10  # for identifiers: such a value is a switchboard, not a person
FEW_SHARE = 0.5  # an identifier that few records share is mostly one person's, told twice: chance shares it less often than it is seen
IDENTIFIERS = frozenset({"email", "phone", "national_id", "external_id"})
LISTED_AT_MOST = 20_000  # values per column
UNSEEN_PEOPLE = 200  # a name that two of four records share is not the name of half of mankind; fewer where values repeat anyway


def train(frame: pa.Table, *, seed: int = 360, progress: Progress | None = None) -> Model:
    """A model for records like those of `frame` (see `columns.frame`). The same frame and seed give the same model.

    Raises ValueError if the frame has fewer than two records or nothing to compare.
    """
    say = progress or (lambda text: None)
    if frame.num_rows < 2:
        raise ValueError("a model needs at least two records")
    compared = comparisons.comparisons(_informative(frame))
    if not compared:
        raise ValueError("no column holds two different values: there is nothing to compare")
    with database.connect() as connection:
        load(connection, frame)
        return _train(connection, frame, compared, seed, say)


def _train(connection: duckdb.DuckDBPyConnection, frame: pa.Table, compared: list[dict[str, Any]], seed: int, say: Progress) -> Model:
    records = frame.num_rows
    rules = blocking.choose(connection, "frame", frame.column_names)
    conditions = splinking.rules_sql(rules)
    say(f"{len(rules)} blocking rules")
    frequencies, rare = term_frequencies(connection, compared)
    shares = share_tables(connection, frequencies, rare)
    found = splinking.pair_table(connection, "pairs", "frame", conditions)
    kept = sample(connection, len(conditions))
    say(f"{found} candidate pairs, training on {kept}")
    candidates = compare(connection, table="frame", pairs="training_pairs", comparisons=compared, shares=shares)
    all_pairs = records * (records - 1) / 2
    if found == kept == all_pairs:
        at_random = candidates
    else:
        random_pairs(connection, records, seed)
        at_random = compare(connection, table="frame", pairs="random_pairs", comparisons=compared, shares=shares)
    learnt = estimate(candidates, at_random, all_pairs=all_pairs)
    weights = distil(candidates, learnt)
    say(f"{learnt.expected_matches:.0f} matching pairs expected")
    return Model(
        splink=splinking.settings(_trained(compared, learnt, weights), conditions, 1 / (1 + 2.0**-weights.intercept)),
        match_threshold=MATCH_THRESHOLD,
        review_threshold=REVIEW_THRESHOLD,
        term_frequencies=frequencies,
        rare=rare,
        cluster={"resolution": RESOLUTION},
        training=_figures(records, found, learnt, candidates),
    )


def load(connection: duckdb.DuckDBPyConnection, frame: pa.Table) -> None:
    """`frame` as table `frame`, in the order of its ids, with row numbers in `row`."""
    connection.register("given_frame", frame)
    connection.execute(
        "create or replace table frame as select row_number() over (order by unique_id) - 1 as row, * from given_frame order by unique_id"
    )
    connection.unregister("given_frame")


def _informative(frame: pa.Table) -> list[str]:
    """Columns with at least two different values."""
    kept = []
    for name in frame.column_names:
        column = frame[name]
        if pa.types.is_list(column.type) or len(column.unique().drop_null()) > 1:
            kept.append(name)
    return kept


def term_frequencies(
    connection: duckdb.DuckDBPyConnection, compared: Sequence[dict[str, Any]]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Shares of the values that several records have, and the share a value not listed is given.

    That is the share of a value that two records have; of identifiers less (`FEW_SHARE`).
    """
    listed: dict[str, dict[str, float]] = {}
    rare: dict[str, float] = {}
    for comparison in compared:
        column = share_column(comparison)
        if column is None:
            continue
        least = IDENTIFIER_LISTED_AT_LEAST if column in IDENTIFIERS else LISTED_AT_LEAST
        known, distinct = connection.execute(f"select count({column}), count(distinct {column}) from frame").fetchall()[0]
        people = known + UNSEEN_PEOPLE * distinct / max(known, 1)
        rows = connection.execute(
            f"select {column}, count(*) as n from frame where {column} is not null group by 1 having n >= {least}"
            f" order by n desc, 1 limit {LISTED_AT_MOST}"
        ).fetchall()
        listed[column] = {value: round(count / people, 9) for value, count in rows}
        rare[column] = round((FEW_SHARE if column in IDENTIFIERS else 2) / max(people, 2), 9)
    return listed, rare


def share_tables(
    connection: duckdb.DuckDBPyConnection, frequencies: dict[str, dict[str, float]] | Any, rare: dict[str, float] | Any
) -> dict[str, str]:
    """A table (column, tf_<column>) per column: every value of the frame with its share, listed or rare."""
    tables = {}
    for column, listed in frequencies.items():
        connection.register(
            "listed_shares",
            pa.table({"value": pa.array(list(listed), pa.string()), "share": pa.array(list(listed.values()), pa.float64())}),
        )
        connection.execute(
            f"create or replace table share_{column} as select f.{column}, coalesce(s.share, {rare[column]}) as tf_{column}"
            f" from (select distinct {column} from frame where {column} is not null) f left join listed_shares s on s.value = f.{column}"
        )
        connection.unregister("listed_shares")
        tables[column] = f"share_{column}"
    return tables


def sample(connection: duckdb.DuckDBPyConnection, rules: int) -> int:
    """Table `training_pairs`: of the pairs of each blocking rule all, or a fixed sample with its weight. Returns its rows.

    By rule, because the narrow rules hold the matches: a sample of everything could miss the few duplicates of a large file.
    """
    quota = max(TRAINING_PAIRS // rules, 20_000)
    connection.execute(
        "create or replace table training_pairs as with counted as ("
        "select *, count(*) over (partition by match_key) as n, hash(join_key_l, join_key_r) % 1000003 / 1000003 as draw from pairs)"
        f" select join_key_l, join_key_r, greatest(1.0, n / {quota}) as weight from counted where draw * n < {quota}"
    )
    (rows,) = connection.execute("select count(*) from training_pairs").fetchall()[0]
    return int(rows)


def random_pairs(connection: duckdb.DuckDBPyConnection, records: int, seed: int) -> None:
    """Table `random_pairs`: all pairs of a small file, else a seeded sample."""
    if records * (records - 1) // 2 <= RANDOM_PAIRS:
        left, right = np.triu_indices(records, 1)
    else:
        generator = np.random.default_rng(seed)
        left, right = generator.integers(0, records, RANDOM_PAIRS), generator.integers(0, records, RANDOM_PAIRS)
        left, right = np.minimum(left, right), np.maximum(left, right)
        left, right = left[left != right], right[left != right]
    connection.register("drawn", pa.table({"a": left, "b": right}))
    connection.execute(
        "create or replace table random_pairs as select l.unique_id as join_key_l, r.unique_id as join_key_r, 1.0 as weight"
        " from drawn join frame l on l.row = a join frame r on r.row = b"
    )
    connection.unregister("drawn")


def _trained(compared: Sequence[dict[str, Any]], learnt: Estimate, weights: Weights) -> list[dict[str, Any]]:
    """The comparisons with an m and a u per level whose ratio is the level's weight."""
    trained = []
    for number, comparison in enumerate(compared):
        levels, bits, by_rarity = [], iter(weights.level[number]), weights.by_rarity[number]
        for level, u in zip(
            [level for level in comparison["comparison_levels"] if not level.get("is_null_level")], learnt.u[number], strict=True
        ):
            weight = next(bits)
            if level.get("tf_adjustment_column"):  # Splink adds by_rarity * (log2(u) - log2(share))
                level = {**level, "tf_adjustment_weight": round(by_rarity, 6)}
                weight = weight - by_rarity * np.log2(u)
            m, u = _ratio(float(weight), float(u))
            levels.append({**level, "m_probability": m, "u_probability": u})
        nulls = [level for level in comparison["comparison_levels"] if level.get("is_null_level")]
        trained.append({**comparison, "comparison_levels": nulls + levels})
    return trained


def _ratio(weight: float, u: float) -> tuple[float, float]:
    """An m and a u with log2(m / u) = weight and this u, or the nearest u that leaves m a probability."""
    u = float(f"{min(u, 0.99 * 2.0**-weight):.6g}")
    return float(f"{min(u * 2.0**weight, 1.0):.6g}"), u


def _figures(records: int, pairs: int, learnt: Estimate, candidates: Patterns) -> dict[str, Any]:
    linked = learnt.matching >= MATCH_THRESHOLD
    expected = learnt.matching * candidates.count
    said = float(candidates.count[linked].sum())
    return {
        "records": records,
        "candidate_pairs": pairs,
        "expected_matches": round(learnt.expected_matches, 1),
        "expected_moved_pairs": round(learnt.expected_moves, 1),
        "expected_household_pairs": round(learnt.expected_households, 1),
        "expected_namesake_pairs": round(learnt.expected_namesakes, 1),
        "iterations": learnt.iterations,
        "estimated_pair_precision": round(float(expected[linked].sum()) / max(said, 1.0), 4),
        "estimated_pair_recall": round(float(expected[linked].sum()) / max(float(expected.sum()), 1e-9), 4),
    }
