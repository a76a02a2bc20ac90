"""Files behind a real S3 API and a real SFTP server: each once, by content; what stops them is told without a secret."""

from __future__ import annotations

import gzip
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import asyncssh
import pyarrow as pa
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from customer360.pipeline.load_run import SourceDown
from sandbox.surveys.sftp import SftpServer
from tests.integration.sources.conftest import Pipeline

pytestmark = pytest.mark.integration

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: club
name: Club
version: 1.0.0
status: active
description: {{purpose: Files for tests., limitations: None.}}
team: {{name: testers, members: [{{username: testers@example.com, role: owner}}]}}
servers: [{{server: club, type: {kind}, format: csv, {server}}}]
slaProperties: [{{property: schedule, value: "* * * * *"}}, {{property: freshness, value: 24, unit: h}}]
roles: [{{role: c360_transformer, access: read}}]
schema:
  - name: members
    logicalType: object
    dataGranularityDescription: one row per member
    customProperties:
      - {{property: extract, value: {{files: "members/**", cursor: updated_at}}}}
    properties:
      - {{name: member_id, logicalType: integer, primaryKey: true, required: true, unique: true, classification: internal}}
      - {{name: name, logicalType: string, required: true, classification: personal.name}}
      - {{name: updated_at, logicalType: timestamp, required: true, classification: internal}}
"""
HEADER = "member_id,name,updated_at\n"


class Store(Protocol):
    """A place files are put in, and how the platform gets at it."""

    kind: str
    uri: str

    def put(self, name: str, content: bytes, *, age: float = 3600) -> None: ...

    def rename(self, name: str, new: str) -> None: ...

    def without_access(self) -> str:
        """A connection with the wrong password."""
        ...

    def elsewhere(self) -> str:
        """A connection to a folder that is not there."""
        ...


class Sftp:
    kind = "sftp"

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "exports").mkdir()
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.server = SftpServer(root, password="s3cr/t @", key=self.key)
        self.server.start()
        self.uri = self.server.uri.replace("/?", "/exports?")

    def put(self, name: str, content: bytes, *, age: float = 3600) -> None:
        path = self.root / "exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - age, time.time() - age))

    def rename(self, name: str, new: str) -> None:
        (self.root / "exports" / name).rename(self.root / "exports" / new)

    def without_access(self) -> str:
        return self.uri.replace(quote("s3cr/t @", safe=""), "hunter2")

    def elsewhere(self) -> str:
        return self.uri.replace("/exports", "/nowhere")


class ObjectStore:
    kind = "s3"

    def __init__(self, port: int) -> None:
        endpoint = f"http://127.0.0.1:{port}"
        self.uri = f"s3://c360:s3cr%2Ft@exports/club?endpoint_url={quote(endpoint, safe='')}&region=eu-central-1"
        self.fs = s3fs.S3FileSystem(
            key="c360", secret="s3cr/t", client_kwargs={"endpoint_url": endpoint, "region_name": "eu-central-1"}, use_listings_cache=False
        )
        if self.fs.exists("exports"):
            self.fs.rm("exports", recursive=True)
        self.fs.mkdir("exports")

    def put(self, name: str, content: bytes, *, age: float = 3600) -> None:
        self.fs.pipe(f"exports/club/{name}", content)

    def rename(self, name: str, new: str) -> None:
        self.fs.mv(f"exports/club/{name}", f"exports/club/{new}")

    def without_access(self) -> str:
        with socket.socket() as free:  # moto lets everybody in: here nobody answers
            free.bind(("127.0.0.1", 0))
            return f"s3://hunter2:hunter2@exports/club?endpoint_url=http%3A%2F%2F127.0.0.1%3A{free.getsockname()[1]}"

    def elsewhere(self) -> str:
        return self.uri.replace("@exports", "@nowhere")


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture(params=["sftp", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    (tmp_path / "files").mkdir()
    made: Any = Sftp(tmp_path / "files") if request.param == "sftp" else ObjectStore(request.getfixturevalue("s3_port"))
    repo = tmp_path / "repo"
    (repo / "contracts").mkdir(parents=True)
    server = 'location: "s3://exports/club"' if made.kind == "s3" else 'location: "/exports"'
    (repo / "contracts" / "club.yaml").write_text(CONTRACT.format(kind=made.kind, server=server))
    monkeypatch.setenv("C360_REPO", str(repo))
    monkeypatch.setenv("C360_CONN_CLUB", made.uri)
    yield made
    if isinstance(made, Sftp):
        made.server.stop()


def members(*numbers: int, name: str = "Ann") -> bytes:
    return (HEADER + "".join(f"{number},{name},2026-11-22T10:00:{number % 60:02d}Z\n" for number in numbers)).encode()


def test_each_file_once_by_content_whatever_its_name(pipeline: Pipeline, store: Store) -> None:
    store.put("members/1.csv", members(1, 2))
    store.put("members/2.csv.gz", gzip.compress(members(3)))
    store.put("members/3.csv.zst", pa.compress(members(4), codec="zstd", asbytes=True))
    store.put("members/4.csv.part", members(5))
    outcome = pipeline.load("club.members")
    assert (outcome.state, outcome.counts.published) == ("published", 4)
    store.put("members/5.csv", members(1, 2))  # sent again
    store.rename("members/2.csv.gz", "members/6.csv.gz")
    assert pipeline.load("club.members").counts.extracted == 0
    store.put("members/1.csv", members(1, 6, name="Bob"), age=3000)  # another content under a name we know
    store.rename("members/4.csv.part", "members/4.csv")
    outcome = pipeline.load("club.members")
    assert (outcome.counts.extracted, outcome.counts.published) == (3, 3)
    assert pipeline.raw("club.members") == [(6,)]
    names = {path for (path,) in pipeline.warehouse.fetch("select path from ops.source_file_name")}
    if store.kind == "sftp":  # what an object store was given a moment ago, its listing cannot vouch for yet
        assert names >= {"members/3.csv.zst", "members/5.csv", "members/6.csv.gz"}


def test_a_large_file_goes_through_a_temporary_file(pipeline: Pipeline, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customer360.extract.stored_file._IN_MEMORY", 1 << 10)
    store.put("members/1.csv", members(*range(1, 20_001)))
    assert pipeline.load("club.members").counts.published == 20_000


def test_a_store_that_does_not_let_us_in_is_an_incident_without_a_secret(
    pipeline: Pipeline, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uri in (store.without_access(), store.elsewhere()):
        monkeypatch.setenv("C360_CONN_CLUB", uri)
        with pytest.raises(SourceDown) as caught:
            pipeline.load("club.members")
        assert "hunter2" not in str(caught.value) and "s3cr" not in str(caught.value)
    ((kind, subject, details),) = pipeline.incidents()
    assert (kind, subject) == ("source_down", "club.members") and "hunter2" not in str(details)
    store.put("members/1.csv", members(1))
    monkeypatch.setenv("C360_CONN_CLUB", store.uri)
    assert pipeline.load("club.members").state == "published"
    assert pipeline.incidents() == []


@pytest.mark.parametrize("store", ["sftp"], indirect=True)
@pytest.mark.parametrize("shown", ["another key", "ssh-ed25519 nonsense", None])
def test_a_server_that_cannot_prove_who_it_is_gets_no_password(
    pipeline: Pipeline, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shown: str | None
) -> None:
    store.put("members/1.csv", members(1))
    monkeypatch.setenv("HOME", str(tmp_path))
    if shown == "another key":
        shown = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    query = f"?host_key={quote(shown)}" if shown else ""
    monkeypatch.setenv("C360_CONN_CLUB", store.uri.split("?")[0] + query)
    with pytest.raises(SourceDown, match=r"host.key"):
        pipeline.load("club.members")
