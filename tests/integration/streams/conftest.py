"""A source table whose changes are followed, and what a load of it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from customer360.pipeline.ingest import ingest_object
from customer360.pipeline.outcome import LoadOutcome
from tests.integration.load.conftest import assert_adds_up

HEAD = """
apiVersion: v3.1.0
kind: DataContract
id: {system}
name: {system}
version: 1.0.0
status: active
description: {{purpose: A source for tests., limitations: None.}}
team: {{name: testers, members: [{{username: testers@example.com, role: owner}}]}}
slaProperties: [{{property: schedule, value: "* * * * *", scheduler: cron}}, {{property: freshness, value: 24, unit: h}}]
roles: [{{role: c360_transformer, access: read}}]
"""

SHOP = (
    HEAD.format(system="shop")
    + """
servers: [{server: shop, type: postgresql, database: shop, schema: public, description: Tests.}]
schema:
  - name: people
    physicalName: people
    logicalType: object
    description: People.
    dataGranularityDescription: one row per person
    customProperties:
      - {property: extract, value: {changes: {publication: customer360, max_retained: 1MB}}}
    properties:
      - {name: person_id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true, unique: true, classification: internal}
      - {name: name, logicalType: string, required: true, classification: personal.name}
      - {name: age, logicalType: integer, physicalType: integer, classification: internal}
      - {name: bio, logicalType: string, classification: personal.free_text}
      - {name: is_member, logicalType: boolean, classification: internal}
      - {name: seen_at, logicalType: timestamp, classification: internal}
"""
)

PEOPLE_SUITE: dict[str, Any] = {
    "name": "shop.people",
    "meta": {"max_failed_rows": 2, "max_failed_share": 0.05, "max_gone_rows": 5, "max_gone_share": 0.6},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "age", "min_value": 0, "max_value": 150},
            "severity": "critical",
            "meta": {"level": "row", "reason": "Nobody is older."},
        }
    ],
}

TABLE = (
    "create table people (person_id bigint primary key, name text, age integer, bio text, is_member boolean, seen_at timestamptz, nick char(8))",
    "alter table people replica identity full",
    "create publication customer360 for table people",
)


@dataclass(frozen=True)
class Source:
    """The source database, with statements run in its own time."""

    uri: str

    def run(self, *statements: str) -> None:
        """Each statement is a transaction, written through to the log, which is what is followed."""
        with psycopg.connect(self.uri, autocommit=True, options="-c timezone=UTC -c synchronous_commit=on") as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]


def write_checkout(repo: Path, contracts: dict[str, str], suites: dict[str, Any]) -> None:
    """A checkout with these contracts and suites (by 'system/object')."""
    (repo / "contracts").mkdir(parents=True)
    for system, text in contracts.items():
        (repo / "contracts" / f"{system}.yaml").write_text(text)
    (repo / "great_expectations" / "expectations").mkdir(parents=True)
    for name, suite in suites.items():
        path = repo / "great_expectations" / "expectations" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(suite))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repo = tmp_path / "repo"
    write_checkout(repo, {"shop": SHOP}, {"shop/people": PEOPLE_SUITE})
    monkeypatch.setenv("C360_REPO", str(repo))
    return repo


def free_slots(database_uri: str) -> None:
    """Slots of one source database, which would keep it from being dropped."""
    with psycopg.connect(database_uri, autocommit=True) as connection:
        connection.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()")


@pytest.fixture
def source(shop: Any, checkout: Path) -> Iterator[Source]:
    made = Source(shop.uri)
    made.run(*TABLE)
    yield made
    free_slots(shop.uri)


@pytest.fixture
def load(source: Source, warehouse: Any) -> Callable[..., LoadOutcome]:
    """Load shop.people; every load that ends well adds up."""

    def run(**options: Any) -> LoadOutcome:
        outcome = ingest_object("shop", "people", **{"sleep": lambda _: None, **options})
        if outcome.state in ("published", "nothing_new"):
            assert_adds_up(outcome.counts)
        return outcome

    return run
