"""A model in Splink's own terms, and the same for Splink on Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

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


def for_spark(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings for Splink's Spark backend: comparisons, weights and rules as they are, their SQL in Spark's words.

    The likeness of strings comes with Splink's jar (`splink.backends.spark.similarity_jar_location`).
    """
    comparisons = [
        {**one, "comparison_levels": [{**level, "sql_condition": _in_spark(level["sql_condition"])} for level in one["comparison_levels"]]}
        for one in settings["comparisons"]
    ]
    rules = [
        {**rule, "blocking_rule": _in_spark(rule["blocking_rule"]), "sql_dialect": "spark"}
        for rule in settings["blocking_rules_to_generate_predictions"]
    ]
    return {**settings, "comparisons": comparisons, "blocking_rules_to_generate_predictions": rules}


def _in_spark(condition: str) -> str:
    if condition == "ELSE":
        return condition
    return str(sqlglot.parse_one(condition, read="duckdb").transform(_renamed).sql("spark"))


def _renamed(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.ArrayOverlaps):
        return exp.Anonymous(this="arrays_overlap", expressions=[node.this, node.expression])
    if isinstance(node, exp.JarowinklerSimilarity):
        return exp.Anonymous(this="jaro_winkler", expressions=[node.this, node.expression])
    if isinstance(node, exp.Anonymous) and node.name.lower() == "list_intersect":
        return exp.Anonymous(this="array_intersect", expressions=node.expressions)
    return node
