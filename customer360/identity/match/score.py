"""Scoring record pairs with a frozen model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import log2
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from customer360.identity.match import database, splinking
from customer360.identity.match.model import Model
from customer360.identity.match.train import load, share_tables
from customer360.identity.match.vectors import columns_used


def score(frame: pa.Table, model: Model, *, candidates: Collection[str] | None = None, floor: float | None = None) -> pa.Table:
    """Match edges among the records of `frame` (see `columns.frame`), by Splink.

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
        touching = None
        if candidates is not None:
            connection.register("touched", pa.table({"unique_id": pa.array(sorted(candidates), pa.string())}))
            touching = "touched"
        conditions = [rule["blocking_rule"] for rule in model.splink["blocking_rules_to_generate_predictions"]]
        if frame.num_rows < 2 or not splinking.pair_table(connection, "pairs", "frame", conditions, touching=touching):
            return _empty(model)
        return _scored(connection, model, model.review_threshold if floor is None else floor)


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
    lists = {name for name in names if name.endswith("_any") or name == "name_tokens"}
    return {name: pa.list_(pa.string()) if name in lists else pa.string() for name in sorted(names)}


def _scored(connection: duckdb.DuckDBPyConnection, model: Model, floor: float) -> pa.Table:
    shares = share_tables(connection, model.term_frequencies, model.rare)
    floor_weight = float(np.log2(floor / (1 - floor))) if 0 < floor < 1 else (None if floor <= 0 else 200.0)
    splinking.predict(
        connection,
        table="frame",
        pairs="pairs",
        splink_settings=model.splink,
        term_frequencies=shares,
        threshold_match_weight=floor_weight,
        out="scored",
    )
    there = {row[0] for row in connection.execute("describe scored").fetchall()}
    parts = ", ".join(part for comparison in model.splink["comparisons"] for part in _parts(comparison, there))
    return connection.sql(
        "select unique_id_l as l, unique_id_r as r, a.source_dataset as source_l, b.source_dataset as source_r,"
        f" match_probability as probability, match_weight, cast(match_key as integer) as rule, {parts}"
        " from scored join frame a on a.unique_id = unique_id_l join frame b on b.unique_id = unique_id_r order by l, r"
    ).to_arrow_table()


def _weighted_levels(comparison: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Label and weight of each level but the null level, best first."""
    return [
        (level["label_for_charts"], log2(level["m_probability"] / level["u_probability"]))
        for level in comparison["comparison_levels"]
        if not level.get("is_null_level")
    ]


def _parts(comparison: Mapping[str, Any], there: Collection[str]) -> list[str]:
    """Per comparison its whole weight (level and term frequency together) and the number of the level, told by the level's weight."""
    name = comparison["output_column_name"]
    adjustment = f" + mw_tf_adj_{name}" if f"mw_tf_adj_{name}" in there else ""
    cases = " ".join(
        f"when abs(mw_{name} - ({weight!r})) < 1e-9 then {number}" for number, (_, weight) in enumerate(_weighted_levels(comparison))
    )
    return [f"cast(mw_{name}{adjustment} as float) as mw_{name}", f"cast(case {cases} else -1 end as tinyint) as level_{name}"]


def evidence(edge: Mapping[str, Any], model: Model) -> dict[str, dict[str, Any]]:
    """What one row of `score` says, for people: comparison → level reached and its weight in bits.

    Missing values are left out; no value is shown.
    """
    found: dict[str, dict[str, Any]] = {}
    for comparison in model.splink["comparisons"]:
        name = comparison["output_column_name"]
        if edge[f"level_{name}"] >= 0:
            label = _weighted_levels(comparison)[edge[f"level_{name}"]][0]
            found[name] = {"level": label, "weight": round(edge[f"mw_{name}"], 2)}
    return found


def _empty(model: Model) -> pa.Table:
    text, number = pa.string(), pa.float64()
    fields = {"l": text, "r": text, "source_l": text, "source_r": text, "probability": number, "match_weight": number, "rule": pa.int32()}
    for comparison in model.splink["comparisons"]:
        fields |= {f"mw_{comparison['output_column_name']}": pa.float32(), f"level_{comparison['output_column_name']}": pa.int8()}
    return pa.table({name: pa.array([], kind) for name, kind in fields.items()})
