"""The real pipeline on the real contracts and suites, with sources that a test can break."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from customer360.pipeline import ingest
from customer360.pipeline.outcome import LoadOutcome
from tests.integration.sources.records import ENGAGEMENT_COLUMNS, SUBSCRIBER_COLUMNS
from tests.integration.sources.services import Services, serving
from tests.unit.extract.crm_server import Crm


@dataclass
class Pipeline:
    """Loads objects, and tells what became of them."""

    warehouse: Any

    def load(self, name: str, **options: Any) -> LoadOutcome:
        system, _, obj = name.partition(".")
        outcome = ingest.ingest_object(system, obj, sleep=lambda _: None, **options)
        counts = outcome.counts
        if outcome.state in ("published", "nothing_new"):
            assert counts.extracted == counts.published + counts.unchanged + counts.superseded + counts.stale + counts.quarantined
        return outcome

    def raw(self, name: str, columns: str = "count(*)") -> list[tuple[Any, ...]]:
        return list(self.warehouse.fetch(f"select {columns} from raw.{name.replace('.', '__')} where not _is_deleted order by 1"))

    def complaints(self) -> list[tuple[Any, ...]]:
        """Every expectation of any severity that failed, but the references: those objects were not loaded here."""
        return list(
            self.warehouse.fetch(
                "select load_id, expectation, observed from ops.gate_result where not success and expectation not like 'references%%'"
            )
        )

    def incidents(self) -> list[tuple[Any, ...]]:
        return list(
            self.warehouse.fetch("select kind, subject, details from ops.incident where closed_at is null and kind <> 'row_warnings'")
        )

    def quarantine(self) -> list[tuple[Any, ...]]:
        """(key, first reason's expectation) of open rows."""
        return list(
            self.warehouse.fetch(
                "select record_key, reasons -> 0 ->> 'expectation' from quarantine.row where state = 'open' order by quarantine_id"
            )
        )


def refused_for(outcome: LoadOutcome) -> list[str]:
    assert outcome.refusal is not None
    return [failure["expectation"] for failure in outcome.refusal["failures"]]


@pytest.fixture
def pipeline(warehouse: Any, c360_home: Path) -> Pipeline:
    return Pipeline(warehouse)


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
    with Crm() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.page_size = 100
        monkeypatch.setenv("C360_CONN_CRM", server.uri)
        yield server
        server.shutdown()
        thread.join()


class Folder:
    """A source's folder of files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, content: bytes) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def put_events(self, name: str, events: Iterable[Any]) -> Path:
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        return self.put(f"events/{name}.jsonl.gz", gzip.compress(lines.encode()))

    def put_csv(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return self.put(f"{name}.csv", text.getvalue().encode())

    def put_subscribers(self, name: str, rows: Iterable[Sequence[str]]) -> Path:
        return self.put_csv(f"subscribers/{name}", SUBSCRIBER_COLUMNS, rows)

    def put_engagement(self, name: str, rows: Iterable[Sequence[str]]) -> Path:
        return self.put_csv(f"engagement/{name}", ENGAGEMENT_COLUMNS, rows)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = Folder(tmp_path / "web")
    folder.path.mkdir()
    monkeypatch.setenv("C360_CONN_WEB", folder.path.as_uri())
    return folder


@pytest.fixture
def mail_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = Folder(tmp_path / "email")
    folder.path.mkdir()
    monkeypatch.setenv("C360_CONN_EMAIL", folder.path.as_uri())
    return folder


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The sandbox's billing and support, which a test fills."""
    with serving(tmp_path / "world.sqlite") as started:
        monkeypatch.setenv("C360_CONN_BILLING", started.billing_uri)
        monkeypatch.setenv("C360_CONN_SUPPORT", started.support_uri)
        yield started
