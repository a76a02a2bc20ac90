"""Scoring record pairs with a frozen model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import log2
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from customer360.identity.match import database, weighing
from customer360.identity.match.model import Model
from customer360.identity.match.pairs import Keyring, Pairs, Rows, block
from customer360.identity.match.train import add_shares, load
from customer360.identity.match.vectors import columns_used


def score(frame: pa.Table, model: Model, *, candidates: Collection[str] | None = None, floor: float | None = None) -> pa.Table:
    """Match edges among the records of `frame` (see `columns.frame`): the scores of Splink's `predict`.

    Only scores: nothing is learnt from the frame, so a pair has the same score whatever else is in it. `candidates` limits the
    work to pairs that touch one of these record ids. Pairs below `floor` (a probability; default: the model's review threshold)
    are left out.

    Comes back sorted by (l, r), with l < r: `l`, `r` (record ids), `source_l`, `source_r`, `probability`, `match_weight`
    (log2 of the odds), `rule` (number of the blocking rule that found the pair), and per comparison
    `mw_<comparison>`, its part of the match weight in bits,
    and `level_<comparison>`, the number of the level reached (0 the best, -1 missing). `evidence` puts a row in words.
    """
    with database.connect() as connection:
        load(connection, completed(frame, model))
        add_shares(connection, model.term_frequencies, model.rare)
        touching = None if candidates is None else _rows_of(connection, candidates)
        return score_loaded(connection, Keyring(connection, "frame"), model, touching=touching, floor=floor)


def score_loaded(
    connection: duckdb.DuckDBPyConnection, keyring: Keyring, model: Model, *, touching: Rows | None = None, floor: float | None = None
) -> pa.Table:
    """As `score`, of a table `frame` that holds the columns and shares which the model reads."""
    conditions = [rule["blocking_rule"] for rule in model.splink["blocking_rules_to_generate_predictions"]]
    pairs = block(keyring, conditions, touching=touching)
    if not len(pairs):
        return _empty(model)
    return _scored(connection, model, pairs, model.review_threshold if floor is None else floor)


def _rows_of(connection: duckdb.DuckDBPyConnection, records: Collection[str]) -> Rows:
    connection.register("touched", pa.table({"unique_id": pa.array(sorted(records), pa.string())}))
    found = connection.execute("select row from frame semi join touched using (unique_id) order by row").fetchnumpy()["row"]
    connection.unregister("touched")
    return np.asarray(found, dtype=np.int64)


def completed(frame: pa.Table, model: Model) -> pa.Table:
    """The frame with every column the model reads: one that no record of this frame has is all null."""
    for name, kind in needed_columns(model).items():
        if name not in frame.column_names:
            frame = frame.append_column(name, pa.nulls(frame.num_rows, kind))
    return frame


def needed_columns(model: Model) -> dict[str, pa.DataType]:
    """Frame columns a model reads, with their types."""
    names = set(columns_used(model.splink["comparisons"])) | set(model.term_frequencies)
    for rule in model.splink["blocking_rules_to_generate_predictions"]:
        names |= {
            word.split(".")[1]
            for word in rule["blocking_rule"].replace("(", " ").replace(",", " ").replace(")", " ").split()
            if word[:2] in {"l.", "r."}
        }
    lists = {name for name in names if name.endswith(("_any", "_words")) or name == "name_tokens"}
    return {name: pa.list_(pa.string()) if name in lists else pa.string() for name in sorted(names)}


def _scored(connection: duckdb.DuckDBPyConnection, model: Model, pairs: Pairs, floor: float) -> pa.Table:
    comparisons = weighing.parts(model.splink)
    prior_bits = weighing.prior_bits(model.splink)
    floor_bits = log2(floor / (1 - floor)) if 0 < floor < 1 else (None if floor <= 0 else 200.0)
    connection.register("pairs", pa.table({"l": pairs.left, "r": pairs.right, "rule": pairs.rule.astype(np.int32)}))
    connection.execute(f"create or replace temp table levels as {weighing.levels_sql(comparisons, pairs='pairs')}")
    scored = weighing.scored_sql(comparisons, levels="levels", prior_bits=prior_bits, floor_bits=floor_bits)
    parts = ", ".join(f"cast(mw_{part.name} as float) as mw_{part.name}, level_{part.name}" for part in comparisons)
    return connection.sql(
        "select a.unique_id as l, b.unique_id as r, a.source_dataset as source_l, b.source_dataset as source_r,"
        f" {weighing.PROBABILITY_SQL} as probability, match_weight, s.rule, {parts}"
        f" from ({scored}) s join frame a on a.row = s.l join frame b on b.row = s.r order by s.l, s.r"
    ).to_arrow_table()


def evidence(edge: Mapping[str, Any], model: Model) -> dict[str, dict[str, Any]]:
    """What one row of `score` says, for people: comparison → level reached and its weight in bits.

    Missing values are left out; no value is shown.
    """
    found: dict[str, dict[str, Any]] = {}
    for part in weighing.parts(model.splink):
        reached = edge[f"level_{part.name}"]
        if reached >= 0:
            found[part.name] = {"level": part.levels[reached][0], "weight": round(edge[f"mw_{part.name}"], 2)}
    return found


def _empty(model: Model) -> pa.Table:
    text, number = pa.string(), pa.float64()
    fields = {"l": text, "r": text, "source_l": text, "source_r": text, "probability": number, "match_weight": number, "rule": pa.int32()}
    for comparison in model.splink["comparisons"]:
        fields |= {f"mw_{comparison['output_column_name']}": pa.float32(), f"level_{comparison['output_column_name']}": pa.int8()}
    return pa.table({name: pa.array([], kind) for name, kind in fields.items()})
