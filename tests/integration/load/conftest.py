"""A small source of our own: `people` (its types are the contract's, so it lands typed) and `ledger` (text columns, so it lands as text)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from customer360.load.ledger import Counts
from customer360.pipeline.ingest import ingest_object
from customer360.pipeline.outcome import LoadOutcome
from tests.killing import forked

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop
name: Shop
version: 1.0.0
status: active
description: {purpose: A source for tests., limitations: None.}
team: {name: testers, members: [{username: testers@example.com, role: owner}]}
servers: [{server: shop, type: postgresql, database: shop, schema: public, description: Tests.}]
slaProperties: [{property: schedule, value: "* * * * *", scheduler: cron}, {property: freshness, value: 24, unit: h}]
roles: [{role: c360_transformer, access: read}]
schema:
  - name: people
    physicalName: people
    logicalType: object
    description: People.
    dataGranularityDescription: one row per person
    customProperties:
      - {property: extract, value: {cursor: updated_at, lookback: 10m, deletes: {flag: is_deleted}}}
    properties:
      - {name: person_id, logicalType: integer, physicalType: bigint, primaryKey: true, required: true, unique: true, classification: internal}
      - {name: name, logicalType: string, required: true, classification: personal.name}
      - {name: age, logicalType: integer, physicalType: integer, classification: internal}
      - {name: balance, logicalType: number, physicalType: "numeric(12,2)", classification: internal}
      - {name: born, logicalType: date, classification: personal.birth}
      - {name: is_deleted, logicalType: boolean, required: true, classification: internal}
      - {name: updated_at, logicalType: timestamp, required: true, classification: internal}
  - name: ledger
    physicalName: ledger
    logicalType: object
    description: Entries, kept as text by a source that checks nothing.
    dataGranularityDescription: one row per entry
    customProperties:
      - {property: extract, value: {cursor: changed_at, lookback: 10m}}
    properties:
      - {name: book, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true, classification: internal}
      - {name: entry, logicalType: integer, physicalType: bigint, primaryKey: true, primaryKeyPosition: 2, required: true, classification: internal}
      - name: person_id
        logicalType: integer
        physicalType: bigint
        classification: internal
        relationships: [{type: foreignKey, to: shop.people.person_id}]
      - {name: amount, logicalType: number, physicalType: "numeric(12,2)", classification: internal}
      - {name: on_day, logicalType: date, classification: internal}
      - {name: changed_at, logicalType: timestamp, required: true, classification: internal}
"""

PEOPLE_SUITE: dict[str, Any] = {
    "name": "shop.people",
    "meta": {"max_failed_rows": 5, "max_failed_share": 0.05, "max_gone_rows": 2, "max_gone_share": 0.2},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "age", "min_value": 0, "max_value": 150},
            "severity": "critical",
            "meta": {"level": "row", "reason": "Nobody is older."},
        },
        {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "SELECT _row_number FROM {batch} WHERE age < 18 AND balance < 0"},
            "severity": "critical",
            "meta": {"level": "row", "reason": "Children owe nothing."},
        },
        {
            "type": "expect_column_value_lengths_to_be_between",
            "kwargs": {"column": "name", "max_value": 40},
            "severity": "warning",
            "meta": {"level": "row", "reason": "A long name is worth a look."},
        },
        {
            "type": "expect_column_proportion_of_non_null_values_to_be_between",
            "kwargs": {"column": "balance", "min_value": 0.5},
            "severity": "critical",
            "meta": {"level": "load", "reason": "Balances are usually known.", "min_rows": 10},
        },
    ],
}

TABLES = """
create table people (person_id bigint primary key, name text, age integer, balance numeric(12,2), born date, is_deleted boolean, updated_at timestamptz);
create index on people (updated_at);
create table ledger (book text, entry text, person_id text, amount text, on_day text, changed_at text);
"""


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the contract and its suite; returns the folder of suites."""
    repo = tmp_path / "repo"
    (repo / "contracts").mkdir(parents=True)
    (repo / "contracts" / "shop.yaml").write_text(CONTRACT)
    suites = repo / "great_expectations" / "expectations" / "shop"
    suites.mkdir(parents=True)
    (suites / "people.json").write_text(json.dumps(PEOPLE_SUITE))
    monkeypatch.setenv("C360_REPO", str(repo))
    return suites


@dataclass(frozen=True)
class Source:
    """The source database, with statements run in its own time."""

    uri: str

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.uri, autocommit=True, options="-c timezone=UTC") as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def people(self, *rows: str) -> None:
        """Insert or overwrite people: 'id, name, age, balance, born, is_deleted, updated_at' as SQL values."""
        self.run(
            f"insert into people values {', '.join(f'({row})' for row in rows)} on conflict (person_id) do update set name = excluded.name,"
            " age = excluded.age, balance = excluded.balance, born = excluded.born, is_deleted = excluded.is_deleted, updated_at = excluded.updated_at"
        )


@pytest.fixture
def source(shop: Any, contracts: Path) -> Source:
    made = Source(shop.uri)
    made.run(TABLES)
    return made


@pytest.fixture
def people(source: Source, warehouse: Any) -> Callable[..., LoadOutcome]:
    """Load shop.people; every load that ends well adds up."""
    return _checked("people")


@pytest.fixture
def entries(source: Source, warehouse: Any) -> Callable[..., LoadOutcome]:
    """Load shop.ledger."""
    return _checked("ledger")


def _checked(name: str) -> Callable[..., LoadOutcome]:
    def load(**options: Any) -> LoadOutcome:
        outcome = ingest_object("shop", name, **{"sleep": lambda _: None, **options})
        if outcome.state in ("published", "nothing_new"):
            assert_adds_up(outcome.counts)
        return outcome

    return load


def assert_adds_up(c: Counts) -> None:
    assert c.extracted == c.published + c.unchanged + c.superseded + c.stale + c.quarantined
    assert c.published == c.inserted + c.updated + c.deleted


def snapshot(database: Any, table: str, key: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything a load leaves behind, without ids of loads and moments."""
    meta = {"_load_id", "_published_at", "_first_seen_at", "_deleted_at", "_replaced_at", "_replaced_by_load_id"}
    with database.connect() as connection:

        def rows(schema: str) -> list[tuple[Any, ...]]:
            names = [
                name
                for (name,) in connection.execute(
                    "select column_name from information_schema.columns where table_schema = %s and table_name = %s order by column_name",
                    [schema, table],
                )
                if name not in meta
            ]
            return connection.execute(f"select {', '.join(names)} from {schema}.{table} order by {key}, _row_hash").fetchall()

        object_name = table.split("__")[1]
        return {
            "raw": rows("raw"),
            "history": rows("raw_history"),
            "change": connection.execute(
                "select system, object, rows from ops.change where object = %s order by seq", [object_name]
            ).fetchall(),
            "watermark": connection.execute("select cursor_value from ops.watermark where object = %s", [object_name]).fetchall(),
            "quarantine": connection.execute(
                "select record_key, payload, reasons, state from quarantine.row where object = %s order by record_key, payload::text",
                [object_name],
            ).fetchall(),
            "figures": connection.execute(
                """select extracted, published, inserted, updated, deleted, unchanged, superseded, stale, quarantined
                   from ops.load where object = %s and state = 'published' order by load_id""",
                [object_name],
            ).fetchall(),
            "left over": connection.execute(
                "select relname from pg_class where relnamespace = 'landing'::regnamespace and relname like 'load\\_%' and relkind = 'r'"
            ).fetchall()
            + connection.execute(f"select * from landing.{table}").fetchall(),
        }


def run_killed(name: str, environment: dict[str, str], *, kill_after: float | None = None, system: str = "shop") -> int:
    """Load <system>.<name> in a process of its own; its exit code, negative for the signal that ended it.

    Forked, so that it need not import everything again; it opens its own connections.
    """

    return forked(lambda: ingest_object(system, name, sleep=lambda _: None), environment, kill_after=kill_after)


@pytest.fixture(scope="session", autouse=True)
def _preloaded() -> Iterator[None]:
    """Great Expectations takes seconds to import; forked loads inherit it."""
    import great_expectations  # noqa: F401

    yield
