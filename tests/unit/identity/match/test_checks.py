"""What no one person has is found in whole customers, and their records are held less certain."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from benchmarks.people import write
from benchmarks.people_kinds import KINDS
from customer360.cli import build_app
from customer360.identity.match.checks import CERTAINTY_OF_DOUBTFUL, Checked, check


def checked(values: list[tuple[str | None, str | None]], edges: list[tuple[int, int, float]], owner: list[int]) -> Checked:
    frame = pa.table(
        {"birth_date": pa.array([b for b, _ in values], pa.string()), "national_id": pa.array([n for _, n in values], pa.string())}
    )
    left, right = (np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1))
    return check(frame, np.array(owner, dtype=np.int64), (left, right), np.array([p for _, _, p in edges]))


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ("1980-05-17", "1980-05-17", False),
        ("1980-05-17", "1980-05-18", False),  # a slip
        ("1980-05-07", "1980-07-05", False),  # day and month
        ("1980-05-17", "1980-01-01", False),  # only the year was known
        ("1980-05-17", "1900-01-01", False),  # a default
        ("1980-05-17", None, False),
        ("1980-05-17", "1963-11-02", True),
    ],
)
def test_birth_dates_of_one_customer(one: str, other: str | None, contradict: bool) -> None:
    found = checked([(one, None), (other, None), ("1963-11-02", None)], [(0, 1, 0.99)], [0, 0, 2])
    assert found.contradicting_birth_dates == contradict
    assert found.is_doubtful.tolist() == [contradict, contradict, False]


def test_ids_contradict_across_the_whole_customer_though_no_edge_joins_them() -> None:
    found = checked([(None, "12345678"), (None, None), (None, "87651234")], [(0, 1, 0.99), (1, 2, 0.99)], [0, 0, 0])
    assert (found.contradicting_national_ids, found.weak_links, found.largest) == (1, 0, 3)
    assert checked([(None, "12345678"), (None, "12345687")], [(0, 1, 0.99)], [0, 0]).contradicting_national_ids == 0


def test_a_weak_link_counts_where_nothing_stronger_goes_round() -> None:
    nothing = [(None, None)] * 4
    assert checked(nothing, [(0, 1, 0.99), (2, 3, 0.99), (1, 2, 0.6)], [0, 0, 0, 0]).weak_links == 1
    assert checked(nothing, [(0, 1, 0.99), (2, 3, 0.99), (1, 2, 0.6), (0, 3, 0.9)], [0, 0, 0, 0]).weak_links == 0
    assert checked(nothing, [(0, 1, 0.6), (2, 3, 0.99)], [0, 1, 2, 2]).weak_links == 0, "an edge between customers holds nobody together"


def test_nobody_is_doubtful_in_an_empty_file() -> None:
    assert checked([], [], []).largest == 0


def test_the_command_tells_what_was_found_and_is_less_certain_of_it(tmp_path: Path) -> None:
    write(KINDS["agencies"], tmp_path, records=400, seed=11)
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(
        build_app("match"), ["match", str(tmp_path / "records.csv"), "--map", str(tmp_path / "map.yml"), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "contradicting birth dates" in result.output and "records in the largest customer" in result.output
    with out.open(encoding="utf-8") as stream:
        certain = [float(row["confidence"]) for row in csv.DictReader(stream)]
    assert 0 < sum(value == CERTAINTY_OF_DOUBTFUL for value in certain) < len(certain) / 4
