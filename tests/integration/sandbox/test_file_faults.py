"""Faults of the exports of marketing and surveys, as a reader of the real contract meets them over the real connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.extract import open_reader
from customer360.extract.files import FilesReader
from customer360.extract.protocol import MissingFields, Part, ReadRequest, Reject, Rows, SourceFile
from customer360.platform import home
from sandbox.faults import switch
from tests.integration.sandbox.conftest import Running

pytestmark = pytest.mark.integration


def read(name: str, known: set[bytes], *, later: bool = True) -> list[Part]:
    """What a load of the object would be handed; files in `known` are not read again, and new ones join it."""
    system, _, obj = name.partition(".")
    contract = load_contracts()[system]
    reader = open_reader(contract, home.read_connections()[system])
    assert isinstance(reader, FilesReader)
    reader._clock = lambda: datetime.now(UTC) + (timedelta(hours=1) if later else timedelta())
    parts = list(reader.read(ReadRequest(object=contract.object(obj), is_known_file=known.__contains__)))
    known.update(part.content_hash for part in parts if isinstance(part, SourceFile))
    reader.close()
    return parts


def found(parts: list[Part]) -> dict[str, Any]:
    return {
        "rows": sum(len(part.rows) for part in parts if isinstance(part, Rows)),
        "rejects": [part.reason for part in parts if isinstance(part, Reject)],
        "missing": {name for part in parts if isinstance(part, MissingFields) for name in part.fields},
    }


@pytest.mark.parametrize(
    ("system", "fault", "options", "rejects", "missing"),
    [
        ("surveys", "broken_quoting", {"object": "answers"}, 1, set()),
        ("surveys", "missing_column", {"object": "answers", "field": "score"}, 0, {"score"}),
        ("surveys", "renamed_column", {"object": "respondents", "field": "email"}, 0, {"email"}),
        ("surveys", "malformed_rows", {"object": "answers"}, 0, set()),
        ("marketing", "truncated", {"object": "responses"}, 1, set()),
        ("marketing", "missing_column", {"object": "leads", "field": "email"}, 0, {"email"}),
        ("marketing", "renamed_column", {"object": "campaigns", "field": "channel", "to": "way"}, 0, {"channel"}),
    ],
)
def test_a_fault_shows_at_once_and_its_end_mends_it(
    running: Running, system: str, fault: str, options: dict[str, str], rejects: int, missing: set[str]
) -> None:
    name = f"{system}.{options['object']}"
    known: set[bytes] = set()
    assert found(read(name, known))["rows"] > 0
    switch.switch_on(running.layout, system, fault, options)
    try:
        broken = found(read(name, known))
        assert (len(broken["rejects"]), broken["missing"]) == (rejects, missing)
        assert broken["rows"] > 0 or fault == "truncated"
    finally:
        switch.switch_off(running.layout, system)
    mended = found(read(name, known))
    assert mended["rows"] > 0 and not mended["rejects"] and not mended["missing"], "the good content comes in other bytes"


def test_a_fresh_file_that_ends_early_waits(running: Running) -> None:
    known: set[bytes] = set()
    read("marketing.responses", known)
    switch.switch_on(running.layout, "marketing", "truncated", {"object": "responses"})
    try:
        assert found(read("marketing.responses", known, later=False)) == {"rows": 0, "rejects": [], "missing": set()}
        assert found(read("marketing.responses", known))["rejects"] == ["no Parquet file, or cut off before its schema"]
    finally:
        switch.switch_off(running.layout, "marketing")
