"""File sets on a real file system: each file once, broken pieces named, nothing lost."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from fsspec.implementations.local import LocalFileSystem

from customer360.contracts.model import SourceContract
from customer360.extract import json_shape, stored_file
from customer360.extract.files import SETTLED_AFTER, FilesReader
from customer360.extract.protocol import (
    KnownFile,
    MissingFields,
    Part,
    ReadRequest,
    Reject,
    Row,
    Rows,
    SourceFile,
    SourceRefused,
    SourceUnavailable,
    WholeObject,
)

Declared = Callable[..., SourceContract]

LATER = datetime.now(UTC) + timedelta(days=1)


def read(
    contract: SourceContract, folder: Path | str, *, known: Iterable[bytes] = (), full: bool = False, now: datetime = LATER
) -> list[Part]:
    uri = folder if isinstance(folder, str) else folder.as_uri()
    reader = FilesReader(contract, uri, clock=lambda: now)
    return list(reader.read(ReadRequest(object=contract.objects[0], full=full, is_known_file=set(known).__contains__)))


def rows(parts: Iterable[Part]) -> list[Row]:
    return [row for part in parts if isinstance(part, Rows) for row in part.rows]


def of(kind: type, parts: Iterable[Part]) -> list:
    return [part for part in parts if isinstance(part, kind)]


@pytest.fixture
def csv_contract(declared: Declared) -> SourceContract:
    return declared({"id": "id", "name": "Name", "at": "at"}, files="**/*.csv", format="csv")


@pytest.fixture
def json_contract(declared: Declared) -> SourceContract:
    return declared({"id": "messageId", "path": "properties.path"}, files="events/*.jsonl.gz", format="jsonl")


def write_gz(path: Path, *documents: object) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(document) + "\n" for document in documents).encode()))
    return path.read_bytes()


# ------------------------------------------------------------------------------------------------------ which files
def test_files_come_in_the_order_of_their_names_each_with_its_hash(tmp_path: Path, json_contract: SourceContract) -> None:
    second = write_gz(tmp_path / "events/2.jsonl.gz", {"messageId": "b"}, {"messageId": "c"})
    first = write_gz(tmp_path / "events/1.jsonl.gz", {"messageId": "a"})
    write_gz(tmp_path / "elsewhere/0.jsonl.gz", {"messageId": "x"})
    parts = read(json_contract, tmp_path)
    assert [row[0] for row in rows(parts)] == ["a", "b", "c"]
    assert [(file.path, file.content_hash, file.bytes, file.rows) for file in of(SourceFile, parts)] == [
        ("events/1.jsonl.gz", hashlib.sha256(first).digest(), len(first), 1),
        ("events/2.jsonl.gz", hashlib.sha256(second).digest(), len(second), 2),
    ]


def test_a_file_is_taken_once_by_content_whatever_its_name(tmp_path: Path, json_contract: SourceContract) -> None:
    content = write_gz(tmp_path / "events/1.jsonl.gz", {"messageId": "a"})
    (tmp_path / "events/1-again.jsonl.gz").write_bytes(content)
    known = [hashlib.sha256(content).digest()]
    assert {part.path for part in read(json_contract, tmp_path, known=known) if isinstance(part, KnownFile)} == {
        "events/1.jsonl.gz", "events/1-again.jsonl.gz",
    }  # fmt: skip
    assert rows(read(json_contract, tmp_path, known=known)) == []
    assert len(rows(read(json_contract, tmp_path, known=known, full=True))) == 2


def test_any_fsspec_folder_will_do(json_contract: SourceContract) -> None:
    store = fsspec.filesystem("memory")
    content = gzip.compress(b'{"messageId":"a"}\n')
    store.pipe("/bucket/events/1.jsonl.gz", content)
    try:
        parts = read(json_contract, "memory://bucket")
    finally:
        store.rm("/bucket", recursive=True)
    assert rows(parts) == [("a", None, None)]
    assert of(SourceFile, parts)[0].path == "events/1.jsonl.gz"


def test_a_missing_folder_is_an_outage_and_an_empty_one_is_nothing_new(tmp_path: Path, csv_contract: SourceContract) -> None:
    assert read(csv_contract, tmp_path) == []
    with pytest.raises(SourceUnavailable):
        read(csv_contract, tmp_path / "not mounted")


def test_an_unknown_file_system_or_format_is_refused_without_the_secret(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*.xls", format="xls")
    with pytest.raises(SourceRefused, match="nosuch://") as caught:
        FilesReader(contract, "nosuch://user:hunter2@host/")
    assert "hunter2" not in str(caught.value)
    (tmp_path / "a.xls").write_text("x")
    with pytest.raises(SourceRefused, match="xls"):
        read(contract, tmp_path)


def test_a_file_set_cannot_list_its_keys(tmp_path: Path, csv_contract: SourceContract) -> None:
    with pytest.raises(SourceRefused, match="snapshot"):
        FilesReader(csv_contract, tmp_path.as_uri()).read_keys(csv_contract.objects[0])


# ------------------------------------------------------------------------------------------------------ JSON lines
def test_a_broken_line_costs_itself(tmp_path: Path, json_contract: SourceContract) -> None:
    (tmp_path / "events").mkdir()
    body = b'{"messageId":"a"}\n{"messageId":\n\n"text"\n{"messageId":"\xff"}\n{"messageId":"b"}\n'
    (tmp_path / "events/1.jsonl.gz").write_bytes(gzip.compress(body))
    parts = read(json_contract, tmp_path)
    assert [row[0] for row in rows(parts)] == ["a", "b"]
    assert of(Reject, parts) == [
        Reject(raw='{"messageId":', reason="not valid JSON", place="events/1.jsonl.gz line 2"),
        Reject(raw='"text"', reason="not a JSON object", place="events/1.jsonl.gz line 4"),
        Reject(raw='{"messageId":"\\xff"}', reason="not UTF-8", place="events/1.jsonl.gz line 5"),
    ]
    assert of(SourceFile, parts)[0].rows == 5


def test_a_byte_order_mark_plain_text_and_zstd_are_read(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*", format="jsonl")
    (tmp_path / "1").write_bytes(b'\xef\xbb\xbf{"id":"plain"}')
    (tmp_path / "2").write_bytes(pa.compress(b'{"id":"zstd"}\n', codec="zstd", asbytes=True))
    (tmp_path / "3").write_bytes(gzip.compress(b'{"id":"one"}\n') + gzip.compress(b'{"id":"two"}\n'))
    assert [row[0] for row in rows(read(contract, tmp_path))] == ["plain", "zstd", "one", "two"]


def test_many_rows_come_in_parts(tmp_path: Path, json_contract: SourceContract) -> None:
    write_gz(tmp_path / "events/1.jsonl.gz", *({"messageId": str(number)} for number in range(12_001)))
    parts = read(json_contract, tmp_path)
    assert [row[0] for row in rows(parts)] == [str(number) for number in range(12_001)]
    assert all(0 < len(part.rows) <= 5_000 for part in of(Rows, parts)) and len(of(Rows, parts)) >= 3


def test_lines_come_as_they_are_however_they_are_read(tmp_path: Path, json_contract: SourceContract) -> None:
    """Those of a known shape are read many at once, those between them one by one."""
    json_shape._shape.cache_clear()
    odd = {
        50_010: '{"messageId": "a\\tb"}',
        50_020: "{",
        50_030: "",
        50_040: '{"messageId": 1}{"messageId": 2}',
        50_050: '{"messageId": "\t"}',
    }
    lines = [odd.get(number, '{"messageId": "%d", "other": [%d]}' % (number, number)) for number in range(1, 60_001)]  # noqa: UP031
    (tmp_path / "events").mkdir()
    (tmp_path / "events/1.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    parts = read(json_contract, tmp_path)
    found = {row[0]: row[-1] for row in rows(parts)}
    assert found == {str(n): '{"other":[%d]}' % n for n in range(1, 60_001) if n not in odd} | {"a\tb": None}  # noqa: UP031
    assert [reject.place for reject in of(Reject, parts)] == [f"events/1.jsonl.gz line {number}" for number in (50_020, 50_040, 50_050)]
    assert sum(len(part.copy_lines or ()) for part in of(Rows, parts)) > 55_000


# ------------------------------------------------------------------------------------------------------ unfinished files
def cut_gz(path: Path) -> bytes:
    whole = write_gz(path, *({"messageId": f"m{number}", "filler": os.urandom(40).hex()} for number in range(1_000)))
    path.write_bytes(whole[: len(whole) // 2])
    return whole


def test_a_fresh_cut_file_waits_and_holds_up_nobody(tmp_path: Path, json_contract: SourceContract) -> None:
    whole = cut_gz(tmp_path / "events/1.jsonl.gz")
    write_gz(tmp_path / "events/2.jsonl.gz", {"messageId": "other"})
    parts = read(json_contract, tmp_path, now=datetime.now(UTC))
    assert [row[0] for row in rows(parts)] == ["other"]
    assert [file.path for file in of(SourceFile, parts)] == ["events/2.jsonl.gz"]
    (tmp_path / "events/1.jsonl.gz").write_bytes(whole)
    assert len(rows(read(json_contract, tmp_path, now=datetime.now(UTC)))) == 1_001


def test_a_settled_cut_file_gives_its_whole_lines_and_a_reject(tmp_path: Path, json_contract: SourceContract) -> None:
    cut_gz(tmp_path / "events/1.jsonl.gz")
    parts = read(json_contract, tmp_path, now=datetime.now(UTC) + SETTLED_AFTER * 2)
    taken = rows(parts)
    assert 0 < len(taken) < 1_000
    assert [row[0] for row in taken] == [f"m{number}" for number in range(len(taken))]
    (reject,) = of(Reject, parts)
    assert reject.reason == "the file is cut off"
    assert f'{{"messageId": "m{len(taken)}"'.startswith(reject.raw[:17])  # the cut line itself
    assert of(SourceFile, parts)[0].rows == len(taken) + 1


def test_a_damaged_stream_is_a_reject_too(tmp_path: Path, json_contract: SourceContract) -> None:
    content = bytearray(write_gz(tmp_path / "events/1.jsonl.gz", {"messageId": "a"}))
    content[-6] ^= 0xFF  # the checksum
    (tmp_path / "events/1.jsonl.gz").write_bytes(content)
    (reject,) = of(Reject, read(json_contract, tmp_path))
    assert "damaged" in reject.reason


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.97])
def test_what_comes_before_damage_is_taken(tmp_path: Path, share: float) -> None:
    """To the byte to which zlib finds it sound, in a file of several blocks."""
    path = tmp_path / "1.gz"
    content = bytearray(write_gz(path, *(os.urandom(60).hex() for _ in range(4_000))))
    place = int(len(content) * share) + 20
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)
    reference, sound = zlib.decompressobj(wbits=31), bytearray()
    with pytest.raises(zlib.error):
        for byte in content:
            sound += reference.decompress(bytes([byte]))
    found = bytearray()
    fs = LocalFileSystem()
    entry = stored_file.FileEntry.of(str(path), str(tmp_path), fs.info(str(path)))
    with stored_file.open_stored(fs, entry) as stored, pytest.raises(stored_file.Damaged, match="damaged"):
        for chunk in stored.chunks():
            found += chunk
    assert found == sound
    assert len(sound) > 4_000 * 120 * (share - 0.1)


def test_a_cut_zstd_file_is_noticed(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*", format="jsonl")
    whole = pa.compress("".join(f'{{"id":"{os.urandom(20).hex()}"}}\n' for _ in range(5_000)).encode(), codec="zstd", asbytes=True)
    (tmp_path / "1").write_bytes(whole[: len(whole) // 2])
    assert read(contract, tmp_path, now=datetime.now(UTC)) == []
    assert len(of(Reject, read(contract, tmp_path))) >= 1


@pytest.mark.parametrize(("end", "is_taken"), [('{"id":"b"}', True), ('{"id":"b', False), ("", True)])
def test_a_last_line_without_its_end_is_judged_by_what_it_is(tmp_path: Path, declared: Declared, end: str, is_taken: bool) -> None:
    contract = declared({"id": "id"}, files="*.jsonl", format="jsonl")
    (tmp_path / "1.jsonl").write_text('{"id":"a"}\n' + end)
    assert bool(read(contract, tmp_path, now=datetime.now(UTC))) is is_taken


# ------------------------------------------------------------------------------------------------------ CSV
def test_csv_cells_quotes_and_nulls(tmp_path: Path, csv_contract: SourceContract) -> None:
    text = 'id,Name,at\r\n1,"Doe, ""J"" ",x\r\n2,,\r\n3,"",y\r\n4,"two\r\nlines",z\r\n5,5" pipe,z\r\n'
    (tmp_path / "1.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert rows(read(csv_contract, tmp_path)) == [
        ("1", 'Doe, "J" ', "x", None),
        ("2", None, None, None),
        ("3", None, "y", None),  # tools that quote every cell mean nothing by it
        ("4", "two\r\nlines", "z", None),
        ("5", '5" pipe', "z", None),
    ]


def test_csv_columns_are_found_by_name_and_the_undeclared_kept(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text("zone;at;Name;id;area\neu;now;Ann;1;\n")
    assert rows(read(csv_contract, tmp_path)) == [("1", "Ann", "now", '{"zone":"eu"}')]


def test_a_quote_that_never_closes_costs_its_own_line(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text('id,Name,at\n1,a,x\n2,"b,x\n3,c,x\n4,"d",x\n5,"e"e,x\n6,f\n7,g,x\n')
    parts = read(csv_contract, tmp_path)
    assert [row[0] for row in rows(parts)] == ["1", "3", "4", "7"]
    assert [(reject.place, reject.reason) for reject in of(Reject, parts)] == [
        ("1.csv line 3", "text after a closing quote"),
        ("1.csv line 6", "text after a closing quote"),
        ("1.csv line 7", "2 cells where the header has 3"),
    ]
    assert of(Reject, parts)[0].raw == '2,"b,x'


def test_bytes_that_are_no_text_cost_their_own_line(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_bytes(b"id,Name,at\n1,M\xfcller,x\n2,a\0b,x\n3,\xc3\xbc,x\n")
    parts = read(csv_contract, tmp_path)
    assert rows(parts) == [("3", "ü", "x", None)]
    assert [(reject.raw, reject.reason) for reject in of(Reject, parts)] == [
        ("1,M\\xfcller,x", "not UTF-8"),
        ("2,a\\x00b,x", "holds a NUL character"),
    ]


def test_a_missing_column_is_reported_and_the_rows_still_count(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text("id,at\n1,x\n")
    parts = read(csv_contract, tmp_path)
    assert parts[0] == MissingFields(fields=frozenset({"name"}), place="1.csv")
    assert rows(parts) == [("1", None, "x", None)]


def test_a_doubled_column_is_refused(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text("id,Name,at,Name\n1,a,x,b\n")
    with pytest.raises(SourceRefused, match="Name more than once"):
        read(csv_contract, tmp_path)


def test_csv_without_a_last_line_end_waits_until_it_has_settled(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text("id,Name,at\n1,a,2026-11-2")
    assert read(csv_contract, tmp_path, now=datetime.now(UTC)) == []
    assert rows(read(csv_contract, tmp_path)) == [("1", "a", "2026-11-2", None)]


# ------------------------------------------------------------------------------------------------------ snapshots
@pytest.fixture
def snapshots(declared: Declared) -> SourceContract:
    return declared({"id": "id"}, files="*.csv", format="csv", snapshot=True)


def test_only_the_newest_snapshot_is_read_and_it_is_the_whole(tmp_path: Path, snapshots: SourceContract) -> None:
    (tmp_path / "2026-11-20.csv").write_text("id\n1\n2\n")
    (tmp_path / "2026-11-21.csv").write_text("id\n2\n3\n")
    parts = read(snapshots, tmp_path)
    assert [row[0] for row in rows(parts)] == ["2", "3"]
    assert parts[-1] == WholeObject() and len(of(SourceFile, parts)) == 1
    assert rows(read(snapshots, tmp_path, known=[of(SourceFile, parts)[0].content_hash])) == []


def test_a_list_that_returns_to_an_earlier_state_is_news(tmp_path: Path, snapshots: SourceContract) -> None:
    known = []
    for name, body in (("1.csv", "id\n1\n"), ("2.csv", "id\n1\n2\n")):
        (tmp_path / name).write_text(body)
        known += [file.content_hash for file in of(SourceFile, read(snapshots, tmp_path, known=known))]
    (tmp_path / "3.csv").write_text("id\n1\n")
    parts = read(snapshots, tmp_path, known=known)
    assert [row[0] for row in rows(parts)] == ["1"] and parts[-1] == WholeObject()


@pytest.mark.parametrize("body", ['id\n1\n"2\n', "name\n1\n", ""])
def test_a_snapshot_that_could_not_be_read_whole_buries_nobody(tmp_path: Path, snapshots: SourceContract, body: str) -> None:
    (tmp_path / "1.csv").write_text(body)
    parts = read(snapshots, tmp_path)
    assert of(SourceFile, parts) and not of(WholeObject, parts)


# ------------------------------------------------------------------------------------------- when a file is finished
@pytest.mark.parametrize("name", [".1.csv", "_1.csv", "1.csv.part", "1.csv.PARTIAL", "1.csv.filepart", "1.csv.tmp"])
def test_a_name_that_says_unfinished_is_left(tmp_path: Path, declared: Declared, name: str) -> None:
    contract = declared({"id": "id"}, files="*", format="csv")
    (tmp_path / name).write_text("id\n1\n")
    assert read(contract, tmp_path) == []
    (tmp_path / name).rename(tmp_path / "1.csv")
    assert rows(read(contract, tmp_path)) == [("1", None)]


def test_a_file_younger_than_its_settle_time_waits(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*.csv", format="csv", settle=timedelta(minutes=10))
    (tmp_path / "1.csv").write_text("id\n1\n")
    written = datetime.fromtimestamp((tmp_path / "1.csv").stat().st_mtime, UTC)
    assert read(contract, tmp_path, now=written + timedelta(minutes=9)) == []
    assert rows(read(contract, tmp_path, now=written + timedelta(minutes=10))) == [("1", None)]


@pytest.mark.parametrize(("marker", "name"), [("_SUCCESS", "day/_SUCCESS"), ("{name}.done", "day/1.csv.done")])
def test_a_file_waits_for_its_marker(tmp_path: Path, declared: Declared, marker: str, name: str) -> None:
    contract = declared({"id": "id"}, files="**/*.csv", format="csv", marker=marker)
    (tmp_path / "day").mkdir()
    (tmp_path / "day/1.csv").write_text("id\n1\n")
    assert read(contract, tmp_path) == []
    (tmp_path / name).touch()
    assert rows(read(contract, tmp_path)) == [("1", None)]


def test_a_file_that_changes_while_it_is_read_is_left(
    tmp_path: Path, csv_contract: SourceContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.csv").write_text("id,Name,at\n1,a,x\n")
    opened = stored_file._seekable

    def written_meanwhile(fs: object, path: str) -> object:
        with Path(path).open("a") as handle:
            handle.write("2,b,x\n")
        return opened(fs, path)

    with monkeypatch.context() as patch:
        patch.setattr(stored_file, "_seekable", written_meanwhile)
        assert read(csv_contract, tmp_path) == []
    assert [row[0] for row in rows(read(csv_contract, tmp_path))] == ["1", "2"]


# ------------------------------------------------------------------------------------------------ known by the listing
def test_a_file_that_nobody_wrote_since_is_not_opened(
    tmp_path: Path, csv_contract: SourceContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.csv"
    path.write_text("id,Name,at\n1,a,x\n")
    (file,) = of(SourceFile, read(csv_contract, tmp_path))
    assert file.version is not None

    def again(version: str | None = file.version, known: bytes = file.content_hash) -> list[Part]:
        reader = FilesReader(csv_contract, tmp_path.as_uri(), clock=lambda: LATER)
        seen = {"1.csv": (version, file.content_hash)}
        request = ReadRequest(object=csv_contract.objects[0], is_known_file={known}.__contains__, file_last_seen=seen.get)  # type: ignore[arg-type]
        return list(reader.read(request))

    with monkeypatch.context() as patch:
        patch.setattr(stored_file, "_seekable", lambda *_: pytest.fail("the file was opened"))
        assert again() == []
    assert again(version="another") == [KnownFile(path="1.csv", content_hash=file.content_hash, version=file.version)]
    assert len(rows(again(known=b"of a load that was refused"))) == 1
    times = path.stat()
    path.write_text("id,Name,at\n2,a,x\n")  # replaced under its name: as long as before, its time of change put back
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [row[0] for row in rows(again())] == ["2"]


def test_the_listing_of_a_file_just_written_is_not_trusted(tmp_path: Path, csv_contract: SourceContract) -> None:
    (tmp_path / "1.csv").write_text("id,Name,at\n1,a,x\n")
    assert [file.version for file in of(SourceFile, read(csv_contract, tmp_path, now=datetime.now(UTC)))] == [None]


# ------------------------------------------------------------------------------------------------------- encodings
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(tmp_path: Path, csv_contract: SourceContract, encoding: str) -> None:
    (tmp_path / "1.csv").write_bytes("\ufeffid,Name,at\r\n1,Müller 山田,x\r\n".encode(encoding))
    assert rows(read(csv_contract, tmp_path)) == [("1", "Müller 山田", "x", None)]
    (tmp_path / "1.csv").write_bytes("\ufeffid,Name,at\r\n1,a,x\r\n2,b,x\r\n".encode(encoding) + b"3")
    parts = read(csv_contract, tmp_path)
    assert [row[0] for row in rows(parts)] == ["1", "2"]
    assert [reject.reason for reject in of(Reject, parts)] == ["the file is cut off in the middle of a character"]


def test_lines_of_another_encoding_are_read_when_it_is_declared(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id", "name": "Name"}, files="*.csv", format="csv", encoding="windows-1252")
    (tmp_path / "1.csv").write_bytes("id,Name\n1,Müller\n".encode() + "2,Müller – Söhne\n".encode("windows-1252") + b"3,\x81\n")
    parts = read(contract, tmp_path)
    assert rows(parts) == [("1", "Müller", None), ("2", "Müller – Söhne", None)]
    assert [reject.reason for reject in of(Reject, parts)] == ["not UTF-8"]


# --------------------------------------------------------------------------------------------------------- Parquet
def write_parquet(path: Path, columns: dict[str, object], **options: object) -> None:
    parquet.write_table(pa.table(columns), path, **options)


def test_parquet_values_are_written_as_postgresql_reads_them(tmp_path: Path, declared: Declared) -> None:
    names = ["id", "amount", "at", "day", "is_new", "share", "tags", "kind"]
    contract = declared({name: name for name in names}, files="*.parquet", format="parquet")
    moment = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
    write_parquet(
        tmp_path / "1.parquet",
        {
            "id": [1, 2], "amount": pa.array([Decimal("12.30"), None], pa.decimal128(10, 2)), "at": [moment, None],
            "day": [moment.date(), None], "is_new": [True, None], "share": [0.1, 1e21], "tags": [["a", "b"], None],
            "kind": pa.array(["x", "x"]).dictionary_encode(), "zone": [None, {"name": "eu"}],
        },
        compression="zstd",
    )  # fmt: skip
    first, second = rows(read(contract, tmp_path))
    assert first == ("1", "12.30", "2026-11-22 10:00:00.123456Z", "2026-11-22", "true", "0.1", '["a","b"]', "x", None)
    assert second == ("2", None, None, None, None, "1e+21", None, "x", '{"zone":{"name":"eu"}}')


def test_parquet_paths_into_structs_missing_columns_and_nul(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id", "city": "home.city", "gone": "gone"}, files="*.parquet", format="parquet")
    write_parquet(
        tmp_path / "1.parquet", {"id": ["a", "b\0", "c"], "home": [{"city": "Ulm", "zip": "1"}, None, {"city": None, "zip": None}]}
    )
    parts = read(contract, tmp_path)
    assert parts[0] == MissingFields(fields=frozenset({"gone"}), place="1.parquet")
    assert rows(parts) == [("a", "Ulm", None, '{"home":{"zip":"1"}}'), ("c", None, None, None)]
    assert [(reject.place, reject.reason) for reject in of(Reject, parts)] == [("1.parquet row 2", "holds a NUL character")]
    assert of(SourceFile, parts)[0].rows == 3


def test_a_cut_parquet_file_waits_and_then_is_a_reject(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*.parquet", format="parquet")
    write_parquet(tmp_path / "1.parquet", {"id": list(range(10_000))})
    whole = (tmp_path / "1.parquet").read_bytes()
    (tmp_path / "1.parquet").write_bytes(whole[:-20])
    assert read(contract, tmp_path, now=datetime.now(UTC)) == []
    assert [reject.reason for reject in of(Reject, read(contract, tmp_path))] == ["no Parquet file, or cut off before its schema"]
    broken = bytearray(whole)
    broken[10:2_000] = os.urandom(1_990)
    (tmp_path / "1.parquet").write_bytes(broken)
    assert [reject.reason for reject in of(Reject, read(contract, tmp_path))] == ["the file is damaged"]


def test_zstd_written_in_several_frames_is_read_to_its_end(tmp_path: Path, declared: Declared) -> None:
    contract = declared({"id": "id"}, files="*", format="jsonl")
    frames = [pa.compress(f'{{"id":"{number}"}}\n'.encode(), codec="zstd", asbytes=True) for number in range(3)]
    (tmp_path / "1.jsonl.zst").write_bytes(b"".join(frames))
    assert [row[0] for row in rows(read(contract, tmp_path))] == ["0", "1", "2"]
