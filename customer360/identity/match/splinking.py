"""A model in Splink's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def rules_sql(rules: Sequence[Rule]) -> list[str]:
    """The rules as Splink writes them."""
    return [rule.sql for rule in rules]
