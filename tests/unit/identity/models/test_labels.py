"""Labels from files: what is read, what is refused with which words, and what judged pairs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.identity.models.labels import LabelError, LabelledPair, evaluate_pairs, read_clusters, read_pairs


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_are_read_in_either_order_and_once(tmp_path: Path) -> None:
    path = written(tmp_path, "record_id_l,record_id_r,is_match,note\nb:2,a:1,Yes,\na:1,b:2,true,again\na:1,c:3,0,\n")
    assert read_pairs(path) == [
        LabelledPair(record_id_l="a:1", record_id_r="b:2", is_match=True),
        LabelledPair(record_id_l="a:1", record_id_r="c:3", is_match=False),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("record_id_l,record_id_r\na,b\n", "lacks the column is_match"),
        ("record_id_l,record_id_r,is_match\na,b,perhaps\n", "line 2: is_match is 'perhaps'; write true or false"),
        ("record_id_l,record_id_r,is_match\na,a,true\n", "line 2: a pair needs two different record ids"),
        ("record_id_l,record_id_r,is_match\na,b,true\nb,a,false\n", "line 3: this pair was called true before"),
        ("record_id_l,record_id_r,is_match\na\n", "line 2: a pair needs two different"),
        ("record_id_l,record_id_r,is_match\n", "holds no row"),
    ],
)
def test_pairs_that_cannot_be_used_name_line_and_fix(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LabelError, match=told):
        read_pairs(written(tmp_path, text))


def test_clusters_need_their_columns_and_a_file(tmp_path: Path) -> None:
    found = read_clusters(written(tmp_path, "record_id,person_id,locale\na:1,p1,de-DE\na:2,p1,\n"))
    assert {record: (one.person_id, one.locale) for record, one in found.items()} == {"a:1": ("p1", "de-DE"), "a:2": ("p1", "")}
    with pytest.raises(LabelError, match="lacks the column person_id"):
        read_clusters(written(tmp_path, "record_id,person\na:1,p\n"))
    with pytest.raises(LabelError, match="line 2: record_id or person_id is empty"):
        read_clusters(written(tmp_path, "record_id,person_id\na:1,\n"))
    with pytest.raises(LabelError, match="is no file"):
        read_clusters(tmp_path / "none.csv")


def test_judged_pairs_give_figures_with_intervals_overall_per_sources_and_per_evidence() -> None:
    customer_of = {"a:1": "x", "a:2": "x", "b:1": "x", "b:2": "y", "b:3": "z"}
    labelled = [
        LabelledPair(record_id_l="a:1", record_id_r="b:1", is_match=True),  # hit
        LabelledPair(record_id_l="a:1", record_id_r="a:2", is_match=False),  # wrong
        LabelledPair(record_id_l="a:1", record_id_r="b:2", is_match=True),  # missed
        LabelledPair(record_id_l="b:2", record_id_r="b:3", is_match=False),  # apart
        LabelledPair(record_id_l="a:1", record_id_r="gone:1", is_match=True),
    ]
    edges = [("a:1", "b:1", "exact", "email"), ("a:1", "a:2", "probabilistic", "model")]
    found = evaluate_pairs(customer_of, labelled, edges)
    one = found.overall
    assert (one.hits, one.wrong, one.missed, one.apart, found.missing) == (1, 1, 1, 1, 1)
    assert (one.precision, one.recall, one.f1) == (0.5, 0.5, 0.5)
    assert one.precision_interval.low < 0.5 < one.precision_interval.high
    assert {scope.scope: scope.pairs for scope in found.source_pairs} == {"a – a": 1, "a – b": 2, "b – b": 1}
    by_kind = {kind.scope: kind for kind in found.evidence}
    assert (by_kind["exact"].precision, by_kind["probabilistic"].precision) == (1.0, 0.0)
