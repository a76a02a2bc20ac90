"""What readers of the marts may see, and what a failing test leaves behind."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from customer360.pipeline import build as building
from customer360.pipeline import dbt_run
from customer360.warehouse.roles import Role
from tests.dbt.world import World

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


def personal_columns(project: Path) -> dict[str, list[str]]:
    """Columns of each mart that the project classifies as personal."""
    found: dict[str, list[str]] = {}
    for file in project.glob("models/marts/*/*.yml"):
        for model in yaml.safe_load(file.read_text())["models"]:
            found[model["name"]] = [
                column["name"] for column in model["columns"] if column["config"]["meta"]["classification"].startswith("personal")
            ]
    return found


def as_role(database: Any, role: Role) -> psycopg.Connection[Any]:
    connection = database.connect()
    connection.execute(f"set role {role.value}")
    return connection


def test_every_mart_classifies_every_column(world: World, built_warehouse: Any, project: Path) -> None:
    """A contract that is not enforced, or a column nobody classified, would slip past the masking test below."""
    models = [model for file in project.glob("models/marts/*/*.yml") for model in yaml.safe_load(file.read_text())["models"]]
    built = {
        name
        for (name,) in built_warehouse.fetch(
            "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('v', 'r')"
        )
    }
    assert built == {model["name"] for model in models}
    assert all(model["config"]["contract"] == {"enforced": True} for model in models)
    assert all(column["data_type"] and column["description"] for model in models for column in model["columns"])


def test_every_personal_column_is_masked_where_it_is_selected(project: Path) -> None:
    """Whatever rows there are."""
    columns = personal_columns(project)
    assert sum(map(len, columns.values())) > 40
    unmasked = [
        f"{mart}.{column}"
        for mart, names in columns.items()
        for column in names
        if not re.search(rf"mask\(.*\) as {column}\b", next(project.glob(f"models/marts/*/{mart}.sql")).read_text())
    ]
    assert unmasked == []


def test_an_analyst_sees_no_personal_value(world: World, built_warehouse: Any, project: Path) -> None:
    """Personal text is ***, other personal types are null; a reader who may see them gets values in the same places."""
    with as_role(built_warehouse, Role.ANALYST) as analyst, as_role(built_warehouse, Role.SERVICE) as service:
        compared = 0
        for mart, columns in personal_columns(project).items():
            for column in columns:
                query = f"select count(*) from marts.{mart} where {column} is not null and {column}::text <> '***'"
                assert analyst.execute(query).fetchone() == (0,), f"{mart}.{column}"
                compared += service.execute(query).fetchone()[0]  # type: ignore[index]
    assert compared > 50


def test_an_analyst_sees_marts_alone(world: World, built_warehouse: Any) -> None:
    """Behind the views stand the unmasked tables."""
    for table in (
        "intermediate.int_customers_pivoted",
        "staging.stg_shop__customers",
        "raw.shop__customers",
        "identity.record_attribute",
        "ops.load",
    ):
        with as_role(built_warehouse, Role.ANALYST) as analyst, pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(f"select * from {table}")


def test_the_documented_queries_run(world: World, built_warehouse: Any, project: Path) -> None:
    """Each example of docs/models.md, as an analyst."""
    text = (project.parent / "docs" / "models.md").read_text()
    examples = [part for block in text.split("```sql")[1:] for part in block.split("```")[0].split(";") if part.strip()]
    assert len(examples) > 3
    with as_role(built_warehouse, Role.ANALYST) as analyst:
        for example in examples:
            analyst.execute(example.replace(":customer_id", "(select min(customer_id::text)::uuid from marts.dim_customer)"))


def test_a_failing_test_opens_an_incident_and_a_passing_one_closes_it(world: World, built_warehouse: Any) -> None:
    """The outcome names test and model; the incident is one, however often the test fails."""
    with built_warehouse.connect() as connection:
        connection.execute("insert into intermediate.int_products_conformed (product_id, canonical_product_id) values (-1, -1)")
    for _ in range(2):
        outcome = building.build(live=False, select="not_null_dim_product_sku")
        assert outcome.state == "failed"
        assert [(failure.node, failure.model, failure.rows) for failure in outcome.failures] == [
            ("not_null_dim_product_sku", "dim_product", 1)
        ]
    with pytest.raises(building.BuildFailed, match="not_null_dim_product_sku on dim_product"):
        outcome.raise_for_failure()
    open_ones = "select subject, severity, occurrences from ops.incident where kind = 'dbt_test_failed' and closed_at is null"
    assert ("not_null_dim_product_sku", "critical", 2) in built_warehouse.fetch(open_ones)

    assert building.build(live=False, select="int_products_conformed dim_product").state == "built"
    assert "not_null_dim_product_sku" not in [subject for subject, *_ in built_warehouse.fetch(open_ones)]


def test_the_rules_hold(world: World) -> None:
    """The unit tests of the models, which check code and so are no part of a build."""
    outcome = building.check(select="test_type:unit")
    assert outcome.state == "built", outcome.failures
    assert outcome.tests > 40


def test_tests_across_models_run_on_their_own(world: World) -> None:
    """Built model by model, relationships and singular tests would never run."""
    outcome = building.check()
    assert outcome.state == "built", outcome.failures
    assert outcome.tests > 25


def test_documentation_holds_no_value(world: World, built_warehouse: Any) -> None:
    """The page speaks of models and columns; values of customers are not in it."""
    page = dbt_run.documentation().read_text()
    assert "customer_360" in page
    assert "survivorship" in page
    values = [
        value
        for (value,) in built_warehouse.fetch(
            "select distinct raw_value from identity.record_attribute where attribute in ('phone', 'first_name') and value is not null"
        )
    ]
    assert len(values) > 4
    assert [value for value in values if f'"{value}"' in page or f"'{value}'" in page] == []


def test_a_database_error_keeps_its_values_to_itself(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Path) -> None:
    """PostgreSQL quotes the value that it could not take; a failure names the model and the kind of error alone."""
    copy = tmp_path / "repo"
    shutil.copytree(project, copy / "dbt_project", ignore=shutil.ignore_patterns("target"))
    shutil.copytree(project.parent / "contracts", copy / "contracts")
    (copy / "dbt_project/models/marts/core/broken.sql").write_text(
        "select email::integer as n from {{ ref('int_customers_pivoted') }} where email is not null"
    )
    sql = copy / "dbt_project/models/marts/core/broken.sql"
    sql.write_text("{{ config(materialized='table') }}\n" + sql.read_text())
    monkeypatch.setenv("C360_REPO", str(copy))
    outcome = building.build(live=False, select="broken", target_path=tmp_path / "target")
    assert [failure.node for failure in outcome.failures] == ["broken"]
    told = json.dumps([str(failure) for failure in outcome.failures])
    assert "invalid input syntax for type integer" in told
    assert "x.example" not in told
