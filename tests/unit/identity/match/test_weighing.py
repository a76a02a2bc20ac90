"""Our one query gives the scores of Splink's own `predict`."""

from __future__ import annotations

import logging
import warnings

import duckdb
import pyarrow as pa
import pytest
from splink import DuckDBAPI, Linker

from benchmarks.people import make
from benchmarks.people_kinds import KINDS
from customer360.identity.match.columns import frame_of_wide
from customer360.identity.match.model import Model
from customer360.identity.match.score import score
from customer360.identity.match.train import train


@pytest.fixture(scope="module")
def people() -> pa.Table:
    kind = KINDS["everything"]
    rows, _ = make(kind, records=250, seed=5)
    table = pa.table({column: pa.array([row[column] or None for row in rows], pa.string()) for column in rows[0]})
    return frame_of_wide(table, kind.columns, record_id="id", source="src")


@pytest.fixture(scope="module")
def model(people: pa.Table) -> Model:
    return train(people)


def predicted(people: pa.Table, model: Model, floor: float) -> dict[tuple[str, str], tuple[float, float]]:
    """Splink's match weight and probability per pair."""
    with duckdb.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("splink").setLevel(logging.ERROR)
        connection.register("people", people)
        connection.execute("create table frame as select * from people")
        api = DuckDBAPI(connection=connection)
        linker = Linker(api.register("frame"), dict(model.splink), log_level=None)
        for column, listed in model.term_frequencies.items():
            shares = {value: listed.get(value, model.rare[column]) for value in people[column].unique().drop_null().to_pylist()}
            lookup = pa.table({column: pa.array(list(shares), pa.string()), f"tf_{column}": pa.array(list(shares.values()), pa.float64())})
            linker.table_management.register_term_frequency_lookup(api.register(lookup), column)
        found = linker.inference.predict(threshold_match_probability=floor, warning_mode="never").as_record_list()
    return {
        (min(row["unique_id_l"], row["unique_id_r"]), max(row["unique_id_l"], row["unique_id_r"])): (
            row["match_weight"],
            row["match_probability"],
        )
        for row in found
    }


@pytest.mark.parametrize("floor", [0.0, 0.1, 0.9])
def test_scores_are_those_of_splink(people: pa.Table, model: Model, floor: float) -> None:
    """Every pair that Splink predicts and no other, also where pairs that cannot reach the floor leave early."""
    ours = {(edge["l"], edge["r"]): (edge["match_weight"], edge["probability"]) for edge in score(people, model, floor=floor).to_pylist()}
    theirs = predicted(people, model, floor)
    assert len(ours) > 80
    assert set(ours) == set(theirs)
    for pair, (weight, probability) in ours.items():
        assert weight == pytest.approx(theirs[pair][0], abs=1e-9)
        assert probability == pytest.approx(theirs[pair][1], rel=1e-9)
