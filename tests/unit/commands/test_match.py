"""`customer360 match` from the command line: what it writes, and what it says of files that it cannot use."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from customer360.errors import UserError
from customer360.identity.match.mapfile import MapError, read_map

RECORDS = "id,src,name,mail\n1,a,Ann Lee,ann@x.org\n2,b,Ann Leee,ann@x.org\n3,a,Bob Ray,bob@y.org\n1,b,Zoe Q,\n"
MAP = "record_id: id\nsource: src\ncolumns:\n  name: full_name\n  mail: email\n"


def run(folder: Path, *more: str, records: str = RECORDS, mapped: str = MAP) -> subprocess.CompletedProcess[str]:
    (folder / "records.csv").write_text(records, encoding="utf-8")
    (folder / "map.yml").write_text(mapped, encoding="utf-8")

    program = "import sys; from customer360.cli import main; sys.argv = sys.argv[1:]; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "customer360", "match", "records.csv", "--map", "map.yml", "--out", "out.csv", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_it_writes_clusters_edges_and_a_model_that_can_be_used_again(tmp_path: Path) -> None:
    first = run(tmp_path, "--edges", "edges.csv", "--model-out", "model.json")
    assert first.returncode == 0, first.stderr
    with (tmp_path / "out.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["record_id"], row["source"]) for row in rows] == [("1", "a"), ("2", "b"), ("3", "a"), ("1", "b")]
    assert list(rows[0]) == ["record_id", "source", "customer_id", "confidence"]
    assert rows[0]["customer_id"] == rows[1]["customer_id"]
    assert len({row["customer_id"] for row in rows}) == 3
    with (tmp_path / "edges.csv").open() as stream:
        edges = list(csv.DictReader(stream))
    assert list(edges[0]) == ["record_id_l", "source_l", "record_id_r", "source_r", "match_probability", "evidence"]
    assert "email" in json.loads(edges[0]["evidence"])
    before = (tmp_path / "out.csv").read_bytes()
    again = run(tmp_path, "--model", "model.json")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("mapped", "told"),
    [
        ("record_id: id\ncolumns: {name: full_nam}\n", "columns.name: unknown semantic type 'full_nam'. Did you mean 'full_name'?"),
        ("columns: {name: full_name}\n", "record_id: is missing"),
        ("record_id: id\n", "columns: must list"),
        ("record_id: id\ncolumn: {name: full_name}\n", "column: unknown key. Did you mean 'columns'?"),
        ("record_id: id\ncolumns: {name: full_name, name: text}\n", "stands twice"),
        ("record_id: [id\n", "line 2"),
        ("- record_id\n", "holds no mapping"),
        ("record_id: id\nregion: Germany\ncolumns: {name: full_name}\n", "region: must be a country code"),
        ("record_id: id\ncolumns: {id: full_name}\n", "columns.id: is the record_id"),
    ],
)
def test_a_malformed_map_names_place_and_fix(tmp_path: Path, mapped: str, told: str) -> None:
    path = tmp_path / "map.yml"
    path.write_text(mapped)
    with pytest.raises(MapError) as refused:
        read_map(path)
    assert str(path) in str(refused.value)
    assert told in str(refused.value)
    assert isinstance(refused.value, UserError)


def test_a_column_may_be_called_no(tmp_path: Path) -> None:
    (tmp_path / "map.yml").write_text("record_id: id\nregion: NO\ncolumns: {no: house_number}\n")
    mapped = read_map(tmp_path / "map.yml")
    assert (mapped.columns, mapped.region) == ({"no": "house_number"}, "NO")


def test_a_column_the_file_lacks_ends_with_exit_code_2(tmp_path: Path) -> None:
    ended = run(tmp_path, mapped=MAP.replace("mail:", "maill:"))
    assert ended.returncode == 2
    assert "columns.maill: records.csv has no column 'maill'. Did you mean 'mail'?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_record_that_stands_twice_ends_with_exit_code_2(tmp_path: Path) -> None:
    ended = run(tmp_path, records=RECORDS + "3,a,Bob Ray,\n")
    assert ended.returncode == 2
    assert "row 6" in ended.stderr


def clusters(folder: Path) -> list[str]:
    with (folder / "out.csv").open(encoding="utf-8") as stream:
        return [row["customer_id"] for row in csv.DictReader(stream)]


def resolved(folder: Path, content: bytes, mapped: str = MAP.replace("source: src\n", "")) -> list[str]:
    from customer360.identity.match.people import read_people, resolve_people, write_clusters

    (folder / "records.csv").write_bytes(content)
    (folder / "map.yml").write_text(mapped, encoding="utf-8")
    write_clusters(
        resolve_people(read_people(folder / "records.csv", read_map(folder / "map.yml"), folder / "map.yml")), folder / "out.csv"
    )
    return clusters(folder)


SPELLINGS = "id,name,mail\n1,José Müller,j@x.org\n2,Jose Muller,j@x.org\n3,Bob Ray,bob@y.org\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_of_spreadsheets_is_read(tmp_path: Path, encoding: str) -> None:
    assert resolved(tmp_path, SPELLINGS.encode(encoding)) == ["1", "1", "3"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_every_delimiter_of_spreadsheets_is_read(tmp_path: Path, delimiter: str) -> None:
    assert resolved(tmp_path, SPELLINGS.replace(",", delimiter).encode()) == ["1", "1", "3"]


def test_a_file_without_records_and_one_of_a_single_record(tmp_path: Path) -> None:
    assert resolved(tmp_path, b"id,name,mail\n") == []
    assert resolved(tmp_path, b"id,name,mail\n7,Ann Lee,ann@x.org\n") == ["7"]


def test_records_that_are_the_same_all_over_are_one_customer_if_that_says_who_it_is(tmp_path: Path) -> None:
    """There is nothing to compare then, and so no model."""
    same = b"id,name,mail\n1,Ann Lee,ann@x.org\n2,Ann Lee,ann@x.org\n3,Ann Lee,ANN@x.org\n4,Ann Lee,\n"
    assert resolved(tmp_path, same) == ["1", "1", "1", "4"]
    assert resolved(tmp_path, b"id,name,mail\n1,Ann Lee,\n2,Ann Lee,\n") == ["1", "2"]


def test_line_ends_inside_quotes_and_null_bytes_are_no_obstacle(tmp_path: Path) -> None:
    spoiled = b'id,name,mail\n1,"Ann\nLee",ann@x.org\n2,Ann\x00 Lee,ann@x.org\n3,Bob Ray,bob@y.org\n'
    assert resolved(tmp_path, spoiled) == ["1", "1", "3"]
