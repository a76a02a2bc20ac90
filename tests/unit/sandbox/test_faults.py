"""Options of faults are checked; spoiled files are spoiled in the named way and in no other."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from typing import Any

import pytest

from sandbox.faults.files import spoiled_csv, spoiled_events
from sandbox.faults.registry import FAULTS, ActiveFault, FaultError, checked_options
from sandbox.web.files import packed


def on(fault: str, **options: Any) -> dict[str, ActiveFault]:
    return {fault: ActiveFault("x", fault, options, {}, "")}


def events(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]


GOOD = packed([json.dumps({"messageId": str(i), "type": "page", "timestamp": "t", "traits": {"email": "a@b.example"}}) for i in range(20)])
LIST = b"subscriber_id,email,status\r\n" + b"".join(f'sub_{i},"a,{i}@b.example",subscribed\r\n'.encode() for i in range(20))


def test_defaults_are_filled_in_and_numbers_read() -> None:
    assert checked_options("crm", "server_error", {"status": "500"}) == {"status": 500, "rate": 1.0}


@pytest.mark.parametrize(
    ("system", "fault", "options", "words"),
    [
        ("erp", "slow", {}, "systems: crm, shop, web, email"),
        ("crm", "fire", {}, "faults: server_error"),
        ("crm", "slow", {"speed": 1}, "options: --milliseconds"),
        ("crm", "slow", {"milliseconds": "long"}, "is no number"),
        ("crm", "missing_column", {"object": "contacts"}, "needs --field"),
        ("crm", "missing_column", {"object": "contacts", "field": "Email", "mode": "x"}, "absent, null, refused"),
    ],
)
def test_wrong_options_name_the_right_ones(system: str, fault: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        checked_options(system, fault, options)


def test_every_fault_says_what_happens() -> None:
    assert sum(len(faults) for faults in FAULTS.values()) >= 20
    assert all(fault.meaning for faults in FAULTS.values() for fault in faults)


def test_truncated_gz_cannot_be_unpacked() -> None:
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(spoiled_events(GOOD, on("truncated_gz")))


def test_missing_and_renamed_properties() -> None:
    assert all("email" not in e["traits"] for e in events(spoiled_events(GOOD, on("missing_column", field="traits.email"))))
    renamed = events(spoiled_events(GOOD, on("renamed_column", field="traits.email", to="mail")))
    assert all(e["traits"] == {"mail": "a@b.example"} for e in renamed)
    assert len(renamed) == 20


def test_malformed_events_spoil_every_so_manieth_line() -> None:
    lines = gzip.decompress(spoiled_events(GOOD, on("malformed_rows", every=5))).decode().splitlines()
    good = gzip.decompress(GOOD).decode().splitlines()
    assert [i for i, (a, b) in enumerate(zip(lines, good, strict=True)) if a != b] == [0, 5, 10, 15]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(lines[0])


def test_faults_of_other_objects_leave_a_csv_alone() -> None:
    assert spoiled_csv("subscribers", LIST, on("truncated", object="engagement")) == LIST


def test_csv_columns_go_and_are_renamed_with_the_rest_in_place() -> None:
    rows = list(csv.DictReader(io.StringIO(spoiled_csv("s", LIST, on("missing_column", object="s", field="email")).decode())))
    assert rows[3] == {"subscriber_id": "sub_3", "status": "subscribed"}
    rows = list(csv.DictReader(io.StringIO(spoiled_csv("s", LIST, on("renamed_column", object="s", field="email", to=None)).decode())))
    assert rows[3] == {"subscriber_id": "sub_3", "email_new": "a,3@b.example", "status": "subscribed"}


def test_broken_quoting_swallows_rows_and_truncation_cuts_one() -> None:
    broken = list(csv.reader(io.StringIO(spoiled_csv("s", LIST, on("broken_quoting", object="s")).decode(), newline="")))
    assert len(broken) < 21
    cut = spoiled_csv("s", LIST, on("truncated", object="s"))
    assert len(cut) < len(LIST)
    assert not cut.endswith(b"\r\n")


def test_malformed_rows_hold_impossible_values() -> None:
    rows = list(csv.DictReader(io.StringIO(spoiled_csv("s", LIST, on("malformed_rows", object="s", every=5)).decode())))
    assert rows[0]["email"] == "nobody at nowhere"
    assert rows[5]["status"] == "floating"
    assert rows[1] == {"subscriber_id": "sub_1", "email": "a,1@b.example", "status": "subscribed"}
