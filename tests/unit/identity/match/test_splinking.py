"""A model's settings in Spark's words. `python -m benchmarks.spark_scores` runs them on Spark itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from benchmarks.people import make
from benchmarks.people_kinds import KINDS
from customer360.identity.match.columns import frame_of_wide
from customer360.identity.match.model import Model
from customer360.identity.match.splinking import for_spark
from customer360.identity.match.train import train

REPO = Path(__file__).resolve().parents[4]
# Spark 3.3's own, and what Splink's jar registers
KNOWN = {"abs", "array_contains", "arrays_overlap", "cast", "try_cast", "coalesce", "greatest", "least", "length", "levenshtein", 
         "substring", "jaro_winkler", "damerau_levenshtein", "array_size", "array_intersect", "starts_with", "and", "or", "if", "case"}  # fmt: skip


def conditions(settings: Any) -> Iterator[str]:
    for comparison in settings["comparisons"]:
        yield from (level["sql_condition"] for level in comparison["comparison_levels"])
    yield from (rule["blocking_rule"] for rule in settings["blocking_rules_to_generate_predictions"])


@pytest.fixture(scope="module", params=["reviewed", "everything", "all_text", "suppliers", "products"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "reviewed":
        return Model.load(REPO / "identity" / "models" / "person.json")
    kind = KINDS[request.param]
    rows, _ = make(kind, records=300, seed=5)
    table = pa.table({column: pa.array([row[column] or None for row in rows], pa.string()) for column in rows[0]})
    return train(frame_of_wide(table, kind.columns, record_id="id", source="src" if "src" in table.column_names else None))


def test_spark_knows_every_function(model: Model) -> None:
    for condition in conditions(for_spark(model.splink)):
        if condition == "ELSE":
            continue
        tree = sqlglot.parse_one(condition, read="spark")
        names = {(node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower() for node in tree.find_all(exp.Func)}
        assert names <= KNOWN, condition
        assert "&&" not in condition


def test_only_the_words_change(model: Model) -> None:
    ours, theirs = dict(model.splink), for_spark(model.splink)
    assert len(list(conditions(ours))) == len(list(conditions(theirs)))
    for comparison in (*ours["comparisons"], *theirs["comparisons"]):
        for level in comparison["comparison_levels"]:
            level.pop("sql_condition", None)
    assert ours["comparisons"] == theirs["comparisons"]
    assert {rule["sql_dialect"] for rule in theirs["blocking_rules_to_generate_predictions"]} == {"spark"}
