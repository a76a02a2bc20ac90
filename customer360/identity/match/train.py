"""Training a model from the records alone: no labels, no settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer360.identity.match import blocking, comparisons, database, splinking
from customer360.identity.match.cluster import RESOLUTION
from customer360.identity.match.estimate import Estimate, estimate
from customer360.identity.match.model import Model
from customer360.identity.match.pairs import Keyring, Pairs, draw
from customer360.identity.match.vectors import Patterns, compare, share_column
from customer360.identity.match.weights import Weights, best_threshold, distil

Progress = Callable[[str], None]
RANDOM_PAIRS = 400_000
TRAINING_PAIRS = 600_000  # more candidate pairs than this are sampled
FEWEST_A_RULE = 20_000
REVIEW_THRESHOLD = 0.1
LISTED_AT_LEAST = 3  # records that must share a value before the model lists its frequency
IDENTIFIER_LISTED_AT_LEAST = 10  # for identifiers: such a value is a switchboard, not a person
_FEWEST_RUNNING = 20  # values; fewer numbers lie close together by chance
_RUNNING_SHARE = 0.9  # of the values are numbers
_RUNNING_DENSITY = 0.2  # of the numbers between the least and the greatest are given out
FEW_SHARE = 0.5  # an identifier that few records share is mostly one person's, told twice: chance shares it less often than it is seen
IDENTIFIERS = frozenset({"email", "phone", "national_id", "external_id"})
LISTED_AT_MOST = 20_000  # values per column
UNSEEN_PEOPLE = 200  # a name that two of four records share is not the name of half of mankind; fewer where values repeat anyway


def train(frame: pa.Table, *, seed: int = 360, progress: Progress | None = None) -> Model:
    """A model for records like those of `frame` (see `columns.frame`). The same frame and seed give the same model.

    Raises ValueError if the frame has fewer than two records or nothing to compare.
    """
    with database.connect() as connection:
        return train_loaded(connection, frame, seed=seed, progress=progress)[0]


def train_loaded(
    connection: duckdb.DuckDBPyConnection, frame: pa.Table, *, seed: int = 360, progress: Progress | None = None
) -> tuple[Model, Keyring]:
    """As `train`; leaves `frame` in table `frame` with the shares that the model reads, and gives the keys of its rows."""
    if frame.num_rows < 2:
        raise ValueError("a model needs at least two records")
    running = running_numbers(frame)
    # a number that no two records have tells nothing
    told_apart = {name for name in running if pc.count_distinct(frame[name]).as_py() == len(frame[name].drop_null())}
    compared = comparisons.comparisons([name for name in _informative(frame) if name not in told_apart], running=running)
    if not compared:
        raise ValueError("no column holds two different values: there is nothing to compare")
    load(connection, frame)
    keyring = Keyring(connection, "frame")
    return _train(connection, keyring, frame, compared, seed, progress or (lambda text: None)), keyring


def _train(
    connection: duckdb.DuckDBPyConnection,
    keyring: Keyring,
    frame: pa.Table,
    compared: list[dict[str, Any]],
    seed: int,
    say: Progress,
) -> Model:
    records = frame.num_rows
    rules = blocking.choose(keyring, frame.column_names)
    say(f"{len(rules)} blocking rules make up to {sum(rule.pairs for rule in rules)} pairs")
    frequencies, rare = term_frequencies(connection, compared)
    add_shares(connection, frequencies, rare)
    pairs, weight = draw(
        keyring,
        splinking.rules_sql(rules),
        [rule.pairs for rule in rules],
        quota=max(TRAINING_PAIRS // len(rules), FEWEST_A_RULE),
        seed=seed,
    )
    say(f"training on {len(pairs)} candidate pairs")
    candidates, pattern_of = compare(connection, table="frame", pairs=pairs, weight=weight, comparisons=compared, shares=frequencies)
    all_pairs = records * (records - 1) / 2
    if len(pairs) == all_pairs:
        at_random = candidates
    else:
        drawn = random_pairs(records, seed)
        at_random, _ = compare(connection, table="frame", pairs=drawn, weight=np.ones(len(drawn)), comparisons=compared, shares=frequencies)
    learnt = estimate(candidates, at_random, all_pairs=all_pairs)
    weights = distil(candidates, learnt)
    threshold = best_threshold(candidates, weights)
    say(f"{learnt.expected_matches:.0f} matching pairs expected")
    kept = blocking.paying(keyring, rules, pairs, weight, learnt.matching[pattern_of])
    if len(kept) < len(rules):
        say(f"{len(kept)} blocking rules pay")
    return Model(
        splink=splinking.settings(_trained(compared, learnt, weights), splinking.rules_sql(kept), 1 / (1 + 2.0**-weights.intercept)),
        match_threshold=threshold,
        review_threshold=REVIEW_THRESHOLD,
        term_frequencies=frequencies,
        rare=rare,
        cluster={"resolution": RESOLUTION},
        training=_figures(records, round(float(weight.sum())), learnt, candidates, threshold=threshold),
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


def running_numbers(frame: pa.Table) -> frozenset[str]:
    """Columns of codes or text that hold numbers given out one after the other: a row's, or those one system gives its customers."""
    found = set()
    for name in frame.column_names:
        if name not in ("national_id", "external_id") and not comparisons.is_text(name):
            continue
        values = pc.unique(frame[name]).drop_null()
        numbers = np.sort(values.filter(pc.match_substring_regex(values, r"^[0-9]{1,18}$")).cast(pa.int64()).to_numpy())
        if len(values) < _FEWEST_RUNNING or len(numbers) < _RUNNING_SHARE * len(values):
            continue
        inner = numbers[len(numbers) // 20 : len(numbers) - len(numbers) // 20]  # without those a typing error took elsewhere
        if len(inner) >= _RUNNING_DENSITY * (inner[-1] - inner[0] + 1):
            found.add(name)
    return frozenset(found)


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


def add_shares(connection: duckdb.DuckDBPyConnection, frequencies: Mapping[str, Mapping[str, float]], rare: Mapping[str, float]) -> None:
    """Gives table `frame` a column `tf_<column>` per column judged by shares: the share of the row's value, listed or rare."""
    shares, joins = [], []
    for number, (column, listed) in enumerate(frequencies.items()):
        values = pa.table({"value": pa.array(list(listed), pa.string()), "share": pa.array(list(listed.values()), pa.float64())})
        connection.register(f"listed_{number}", values)
        shares.append(f"case when f.{column} is not null then coalesce(s{number}.share, {rare[column]}) end as tf_{column}")
        joins.append(f"left join listed_{number} s{number} on s{number}.value = f.{column}")
    connection.execute(
        f"create or replace table frame as select {', '.join(['f.*', *shares])} from frame f {' '.join(joins)} order by f.row"
    )
    for number in range(len(frequencies)):
        connection.unregister(f"listed_{number}")


def random_pairs(records: int, seed: int) -> Pairs:
    """All pairs of rows of a small file, else a seeded sample."""
    if records * (records - 1) // 2 <= RANDOM_PAIRS:
        left, right = np.triu_indices(records, 1)
    else:
        generator = np.random.default_rng(seed)
        one, other = generator.integers(0, records, RANDOM_PAIRS), generator.integers(0, records, RANDOM_PAIRS)
        left, right = np.minimum(one, other)[one != other], np.maximum(one, other)[one != other]
    return Pairs(left, right, np.zeros(len(left), dtype=np.int64))


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
                counts = round(by_rarity, 6)
                weight = weight - counts * np.log2(u)
                # Splink drops a weight of 0 from its settings and then reads the default, 1
                plain = {key: value for key, value in level.items() if not key.startswith("tf_")}
                level = {**level, "tf_adjustment_weight": counts} if counts else plain
            m, u = _ratio(float(weight), float(u))
            levels.append({**level, "m_probability": m, "u_probability": u})
        nulls = [level for level in comparison["comparison_levels"] if level.get("is_null_level")]
        trained.append({**comparison, "comparison_levels": nulls + levels})
    return trained


def _ratio(weight: float, u: float) -> tuple[float, float]:
    """An m and a u with log2(m / u) = weight and this u, or the nearest u that leaves m a probability."""
    u = float(f"{min(u, 0.99 * 2.0**-weight):.6g}")
    return float(f"{min(u * 2.0**weight, 1.0):.6g}"), u


def _figures(records: int, pairs: int, learnt: Estimate, candidates: Patterns, *, threshold: float) -> dict[str, Any]:
    linked = learnt.matching >= threshold
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
