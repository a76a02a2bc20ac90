"""Running Splink on pairs of our choosing: one door for training and for scoring."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker

from customer360.identity.match.blocking import Rule


def settings(comparisons: Sequence[Mapping[str, Any]], rules: Sequence[str], prior: float) -> dict[str, Any]:
    """Splink settings in the form its own `save_model_to_json` has."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "comparisons": [dict(comparison) for comparison in comparisons],
        "blocking_rules_to_generate_predictions": [{"blocking_rule": rule, "sql_dialect": "duckdb"} for rule in rules],
    }


def pair_table(connection: duckdb.DuckDBPyConnection, name: str, table: str, rules: Sequence[str], *, touching: str | None = None) -> int:
    """Makes `name` (join_key_l < join_key_r, match_key: the first rule that finds the pair); returns its rows.

    `touching`: a table of `unique_id`; at least one record of every pair is in it.
    """
    parts = []
    for number, rule in enumerate(rules):
        if touching is None:
            parts.append(
                f"select l.unique_id a, r.unique_id b, {number} k from {table} l join {table} r on {rule} where l.unique_id < r.unique_id"
            )
        else:
            parts.append(
                f"select least(l.unique_id, r.unique_id) a, greatest(l.unique_id, r.unique_id) b, {number} k"
                f" from (select * from {table} semi join {touching} using (unique_id)) l join {table} r on {rule}"
                " where l.unique_id <> r.unique_id"
            )
    union = " union all ".join(parts)
    connection.execute(
        f"create or replace table {name} as select a as join_key_l, b as join_key_r, cast(min(k) as varchar) as match_key"
        f" from ({union}) group by all"
    )
    (rows,) = connection.execute(f"select count(*) from {name}").fetchall()[0]
    return int(rows)


def predict(
    connection: duckdb.DuckDBPyConnection,
    *,
    table: str,
    pairs: str,
    splink_settings: Mapping[str, Any],
    term_frequencies: Mapping[str, str] | None = None,
    threshold_match_weight: float | None = None,
    out: str,
) -> None:
    """Splink's prediction for the pairs of table `pairs`, as table `out`.

    `term_frequencies`: column → table with that column and `tf_<column>`.
    """
    api = DuckDBAPI(connection=connection)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("splink").setLevel(logging.ERROR)
        linker = Linker(api.register(table), dict(splink_settings), log_level=None, validate_settings=False)
        linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
        for column, lookup in (term_frequencies or {}).items():
            linker.table_management.register_term_frequency_lookup(api.register(lookup), column)
        found = linker.inference.predict(threshold_match_weight=threshold_match_weight, warning_mode="never")
    connection.execute(f"create or replace view {out} as select * from {found.physical_name}")


def rules_sql(rules: Sequence[Rule]) -> list[str]:
    """The rules as Splink writes them."""
    return [rule.sql for rule in rules]
