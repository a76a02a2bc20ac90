"""A warehouse whose raw tables the test fills itself, as a load's publish would, and a small frozen model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, sql

from customer360.contracts.model import SourceObject
from customer360.contracts.reader import load_contracts
from customer360.identity.match.model import Model
from customer360.identity.match.splinking import settings as splink_settings
from customer360.identity.records.sources import record_sources
from customer360.identity.resolution import Rules
from customer360.identity.settings import Settings, read_settings
from customer360.pipeline.resolve import SETTINGS, ResolveOutcome, resolve
from customer360.platform import home
from customer360.warehouse import tables


def _levels(column: str, m_equal: float, u_equal: float) -> dict[str, Any]:
    return {
        "output_column_name": column,
        "comparison_levels": [
            {"sql_condition": f"{column}_l is null or {column}_r is null", "label_for_charts": "missing", "is_null_level": True},
            {"sql_condition": f"{column}_l = {column}_r", "label_for_charts": "exact", "m_probability": m_equal, "u_probability": u_equal},
            {"sql_condition": "ELSE", "label_for_charts": "different", "m_probability": 1 - m_equal, "u_probability": 1 - u_equal},
        ],
    }


def small_model(*, match_threshold: float = 0.9) -> Model:
    """Name, birth date and city decide; two rules block."""
    comparisons = [
        _levels("first_name", 0.9, 0.01),
        _levels("last_name", 0.9, 0.02),
        _levels("birth_date", 0.95, 0.0005),
        _levels("city", 0.8, 0.05),
    ]
    rules = ["l.last_key = r.last_key and l.first_key = r.first_key", "l.birth_date = r.birth_date"]
    return Model(splink=splink_settings(comparisons, rules, 0.001), match_threshold=match_threshold, review_threshold=0.5)


@dataclass
class Sources:
    """Source systems as raw shows them."""

    connection: Connection[Any]
    objects: Mapping[str, SourceObject]
    clock: int = 0
    loads: list[int] = field(default_factory=list)

    def publish(self, name: str, rows: Iterable[Mapping[str, Any]] = (), *, delete: Iterable[Mapping[str, Any]] = ()) -> int:
        """One load: upsert rows (missing fields are null), bury those whose key fields are given in `delete`. Returns the load id."""
        obj = self.objects[name]
        self.clock += 1
        at = self.connection.execute("select timestamptz '2026-01-01 00:00+00' + make_interval(mins => %s)", [self.clock]).fetchone()[0]
        (load_id,) = self.connection.execute(
            "insert into ops.load (system, object, kind, state) values (%s, %s, 'incremental', 'published') returning load_id",
            [obj.system, obj.name],
        ).fetchone()
        count = 0
        for row in rows:
            self._upsert(obj, row, load_id, at, is_deleted=False)
            count += 1
        for key in delete:
            self._upsert(obj, key, load_id, at, is_deleted=True)
            count += 1
        self.connection.execute(
            "insert into ops.change (load_id, system, object, rows) values (%s, %s, %s, %s)", [load_id, obj.system, obj.name, count]
        )
        self.connection.commit()
        return load_id

    def _upsert(self, obj: SourceObject, row: Mapping[str, Any], load_id: int, at: Any, *, is_deleted: bool) -> None:
        raw, history = sql.Identifier("raw", obj.table), sql.Identifier("raw_history", obj.table)
        names = [declared.name for declared in obj.fields]
        unknown = set(row) - set(names)
        assert not unknown, f"{obj.full_name} has no field {unknown}"
        key = sql.SQL(" and ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(row[name])) for name in obj.key)
        columns = sql.SQL(", ").join(
            map(
                sql.Identifier, [*names, "_extra", "_load_id", "_row_hash", "_is_deleted", "_deleted_at", "_first_seen_at", "_published_at"]
            )
        )
        self.connection.execute(
            sql.SQL("insert into {} ({}, _replaced_at, _replaced_by_load_id) select {}, %s, %s from {} where {}").format(
                history, columns, columns, raw, key
            ),
            [at, load_id],
        )
        if is_deleted:
            self.connection.execute(
                sql.SQL("update {} set _is_deleted = true, _deleted_at = %s, _load_id = %s, _published_at = %s where {}").format(raw, key),
                [at, load_id, at],
            )
            return
        filled = {name: row.get(name) for name in names}
        for name in names:
            declared = obj.field(name)
            if filled[name] is None and declared.required:
                filled[name] = {"timestamptz": at, "boolean": False}.get(declared.sql_type, "x" if declared.sql_type == "text" else 0)
        if obj.extract.cursor and obj.extract.cursor not in row:
            filled[obj.extract.cursor] = at
        known = self.connection.execute(sql.SQL("select _first_seen_at from {} where {}").format(raw, key)).fetchone()
        self.connection.execute(sql.SQL("delete from {} where {}").format(raw, key))
        values = [*filled.values(), load_id, b"", False, known[0] if known else at, at]
        targets = [*filled, "_load_id", "_row_hash", "_is_deleted", "_first_seen_at", "_published_at"]
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                raw, sql.SQL(", ").join(map(sql.Identifier, targets)), sql.SQL(", ").join(sql.Placeholder() * len(values))
            ),
            values,
        )


@dataclass
class Identity:
    """Identity as the test sees it."""

    connection: Connection[Any]
    rules: Rules

    def resolve(self, *, full: bool = False, accept: bool = False) -> ResolveOutcome:
        return resolve(full=full, accept=accept, rules=self.rules)

    def with_settings(self, **changes: Any) -> None:
        self.rules = replace(self.rules, settings=self.rules.settings.model_copy(update=changes))

    def customers(self) -> dict[UUID, set[str]]:
        """Living customers and their records."""
        rows = self.connection.execute(
            "select customer_id, array_agg(record_id) from identity.membership where valid_to is null group by 1"
        ).fetchall()
        self.connection.commit()
        return {customer_id: set(records) for customer_id, records in rows}

    def customer_of(self, record_id: str) -> UUID | None:
        return next((customer for customer, records in self.customers().items() if record_id in records), None)

    def partition(self) -> set[frozenset[str]]:
        return {frozenset(records) for records in self.customers().values()}

    def fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        rows = self.connection.execute(query, parameters).fetchall()
        self.connection.commit()
        return rows


@pytest.fixture(scope="session")
def identity_settings() -> Settings:
    return read_settings(home.repo() / SETTINGS)


def _source_objects(connection: Connection[Any]) -> dict[str, SourceObject]:
    """Every object of the contracts by name; those that hold records have their tables."""
    objects = {obj.full_name: obj for contract in load_contracts().values() for obj in contract.objects}
    for obj in objects.values():
        if obj.entity is not None:
            tables.ensure(connection, obj)
    connection.commit()
    return objects


def _small_rules(settings: Settings) -> Rules:
    return Rules(sources=record_sources(load_contracts().values()), settings=settings, model=small_model())


@pytest.fixture
def sources(warehouse: Any, c360_home: Any) -> Iterable[Sources]:
    with warehouse.connect(autocommit=False) as connection:
        yield Sources(connection, _source_objects(connection))


@pytest.fixture
def identity(warehouse: Any, sources: Sources, identity_settings: Settings) -> Iterable[Identity]:
    with warehouse.connect(autocommit=False) as connection:
        yield Identity(connection, _small_rules(identity_settings))


@pytest.fixture(scope="module")
def module_identity(
    module_warehouse: Any, identity_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterable[tuple[Sources, Identity]]:
    """Sources and identity of one warehouse for all tests of a module, which read what its own fixture has made of them."""
    with (
        pytest.MonkeyPatch.context() as patch,
        module_warehouse.connect(autocommit=False) as raw,
        module_warehouse.connect(autocommit=False) as connection,
    ):
        patch.setenv("C360_HOME", str(tmp_path_factory.mktemp("c360")))
        yield Sources(raw, _source_objects(raw)), Identity(connection, _small_rules(identity_settings))


@pytest.fixture
def model_with() -> Callable[..., Model]:
    return small_model


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_with: Callable[..., Model]) -> Path:
    """A checkout of the test's own, whose reviewed model is the small one."""
    real = home.repo()
    folder = tmp_path / "checkout"
    (folder / "identity" / "models").mkdir(parents=True)
    (folder / "contracts").symlink_to(real / "contracts")
    (folder / "identity" / "settings.yaml").write_text((real / "identity" / "settings.yaml").read_text())
    model_with().save(folder / "identity" / "models" / "person.json")
    monkeypatch.setenv("C360_REPO", str(folder))
    return folder


@pytest.fixture
def people() -> Callable[[random.Random, int], list[dict[str, Any]]]:
    """Makes records of few people, so that models with other thresholds disagree about them."""

    def made(dice: random.Random, count: int) -> list[dict[str, Any]]:
        return [
            {
                "customer_id": number,
                "first_name": dice.choice(("Anna", "Bernd", "Clara", "David")),
                "last_name": dice.choice(("Schneider", "Maier", "Weber")),
                "birth_date": dice.choice([None, "1980-03-04", "1985-11-22", "1991-06-17"]),
                "email": f"m{dice.randrange(count)}@example.com",
            }
            for number in range(1, count + 1)
        ]

    return made
