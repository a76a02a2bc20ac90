"""A file of people becomes a source by a contract alone: no code, no SQL, no suite. It goes through gate, identity and golden record.

`C360_PEOPLE_FOLDERS` may name folders (colon-separated) that hold, themselves or each of their own, `records.csv`, `map.yml` (as for `customer360 match`) and `truth.csv`
(record, true cluster); each then goes the same way in the slow tests, and its figures are printed.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.people_folders import named, people_folders
from customer360.pipeline import build, ingest, resolve

_PEOPLE_FOLDERS = list(people_folders(named()).values())

_MAP = {
    "record_id": "uid",
    "columns": {"given": "first_name", "family": "last_name", "born": "birth_date", "town": "city", "mail": "email"},
}
_PEOPLE = [
    ("Johannes", "Brandt", "1971-04-12", "Kiel", "j.brandt@post.example"),
    ("Margarethe", "Brandt", "1973-09-02", "Kiel", "m.brandt@post.example"),
    ("Aylin", "Yildirim", "1988-12-30", "Bremen", "aylin@yildirim.example"),
    ("Piotr", "Wisniewski", "1990-01-19", "Gdansk", "piotrw@poczta.example"),
    ("Eleni", "Papadopoulou", "1965-06-06", "Patras", "eleni.pap@mail.example"),
    ("George", "Hathaway", "1954-11-23", "Leeds", "ghathaway@mail.example"),
]


def _write_people(folder: Path) -> None:
    """Each person twice, the second time with a typing error and without birth date; one row whose mail has no value at all."""
    with (folder / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", *_MAP["columns"]])
        for number, (given, family, born, town, mail) in enumerate(_PEOPLE):
            writer.writerow([f"a{number}", given, family, born, town, mail])
            writer.writerow([f"b{number}", given, family[:-1] + "x", "", town, mail.upper()])
        writer.writerow(["c0", "Nobody", "Alone", "1930-01-01", "Nowhere", ""])
    with (folder / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "cluster"])
        writer.writerows([f"{letter}{number}", number] for number in range(len(_PEOPLE)) for letter in "ab")
        writer.writerow(["c0", "alone"])
    (folder / "map.yml").write_text(yaml.safe_dump(_MAP))


def _contract(folder: Path, system: str) -> dict[str, Any]:
    people_map = yaml.safe_load((folder / "map.yml").read_text())
    with (folder / "records.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    key = people_map["record_id"]
    properties = []
    for column in header:
        declared: dict[str, Any] = {"name": column, "logicalType": "string", "classification": "personal.free_text"}
        if column == key:
            declared |= {"primaryKey": True, "required": True, "unique": True, "classification": "internal"}
        elif column in people_map["columns"]:
            declared["semanticType"] = people_map["columns"][column]
        properties.append(declared)
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": system,
        "name": system,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "A file of people."},
        "team": {"name": "people", "members": [{"username": "people@example.com", "role": "owner"}]},
        "servers": [{"server": system, "type": "local", "path": "records.csv", "format": "csv"}],
        "slaProperties": [{"property": "schedule", "value": "0 3 * * *"}, {"property": "freshness", "value": 48, "unit": "h"}],
        "roles": [{"role": "c360_transformer", "access": "read"}],
        "schema": [
            {
                "name": "people",
                "logicalType": "object",
                "description": "People.",
                "dataGranularityDescription": "one row per record",
                "customProperties": [
                    {"property": "entity", "value": {"kind": "person"}},
                    {"property": "extract", "value": {"files": "records.csv", "format": "csv", "deletes": {"snapshot": True}}},
                ],
                "properties": properties,
            }
        ],
    }


def _clusters(warehouse: Any) -> dict[str, str]:
    rows = warehouse.fetch(
        "select split_part(record_id, ':', 2), customer_id::text from identity.membership where valid_to is null order by record_id"
    )
    return dict(rows)


def _pairwise(truth: dict[str, str], found: dict[str, str]) -> tuple[float, float]:
    """Precision and recall over pairs of records."""

    def pairs(counts: Counter[Any]) -> int:
        return sum(count * (count - 1) // 2 for count in counts.values())

    hit = pairs(Counter((truth[record], found[record]) for record in truth))
    said, wanted = pairs(Counter(found[record] for record in truth)), pairs(Counter(truth.values()))
    return hit / said if said else 1.0, hit / wanted if wanted else 1.0


def _truth(folder: Path) -> dict[str, str]:
    with (folder / "truth.csv").open(newline="") as file:
        rows = iter(csv.reader(file))
        next(rows)
        return {row[0]: row[1] for row in rows}


@pytest.fixture
def declared(warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Declare a folder as the source system `people`; returns the warehouse once its file went all the way."""

    def declare(folder: Path) -> Any:
        contracts = tmp_path / "contracts"
        contracts.mkdir()
        (contracts / "people.yaml").write_text(yaml.safe_dump(_contract(folder, "people"), sort_keys=False))
        monkeypatch.setenv("C360_CONTRACTS", str(contracts))
        monkeypatch.setenv("C360_CONN_PEOPLE", folder.as_uri())
        monkeypatch.setenv("C360_HOME", str(tmp_path / "home"))
        outcome = ingest.ingest_object("people", "people")
        assert outcome.state == "published", outcome
        resolved = resolve.resolve()
        assert resolved.state == "resolved", resolved
        build.build(live=False).raise_for_failure()
        return warehouse

    return declare


def _assert_golden(warehouse: Any, truth: dict[str, str]) -> dict[str, str]:
    """Each record is some customer's, each customer is in the dimension, each of its values names the field it came from."""
    found = _clusters(warehouse)
    assert set(found) == set(truth), "each record belongs to a customer"
    golden = {row[0] for row in warehouse.fetch("select customer_id::text from marts.dim_customer")}
    assert golden == set(found.values())
    assert warehouse.fetch("select count(*) from marts.dim_customer_attribute where field is null or record_id is null") == [(0,)]
    return found


@pytest.mark.integration
def test_a_contract_alone_brings_people_to_the_golden_record(declared: Any, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    _write_people(folder)
    warehouse = declared(folder)
    truth = _truth(folder)
    found = _assert_golden(warehouse, truth)
    assert _pairwise(truth, found) == (1.0, 1.0)
    names = dict(warehouse.fetch("select customer_id::text, birth_date::text from marts.dim_customer"))
    assert names[found["b0"]] == "1971-04-12", "a value that only one of the records has is the customer's"


@pytest.mark.broad
@pytest.mark.skipif(not _PEOPLE_FOLDERS, reason="C360_PEOPLE_FOLDERS names no folder of people files with known truth")
@pytest.mark.parametrize("folder", _PEOPLE_FOLDERS, ids=lambda folder: folder.name)
def test_public_people_go_all_the_way(declared: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = _truth(folder)
    found = _assert_golden(declared(folder), truth)
    precision, recall = _pairwise(truth, found)
    f1 = 2 * precision * recall / (precision + recall)
    with capsys.disabled():
        print(f"\n{folder.name}: {len(truth)} records, precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}")  # noqa: T201  # the figures are what this run is for
    assert f1 > 0.5, "far below what any of the files gives: something is broken"
