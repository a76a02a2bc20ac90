"""What each database role may do, tried; and what it may not."""

from __future__ import annotations

import psycopg
import pytest

from customer360.contracts.reader import load_contracts
from customer360.warehouse import tables
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role, grant_login, revoke_login

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", autouse=True)
def filled(module_warehouse):
    """A customer in raw, and dbt's two relations for it: the table in intermediate, the masking view in marts."""
    customers = load_contracts()["shop"].object("customers")
    with connect() as connection:
        tables.ensure(connection, customers)
    with connect(role=Role.LOADER) as connection:
        connection.execute(
            """insert into raw.shop__customers (customer_id, email, birth_date, is_deleted, created_at, updated_at, _load_id, _row_hash,
                                                _first_seen_at, _published_at)
               values (1, 'anna@example.com', '1980-01-02', false, now(), now(), 1, '', now(), now())"""
        )
    with connect(role=Role.TRANSFORMER) as connection:
        connection.execute("create table intermediate.people as select customer_id, email, birth_date from raw.shop__customers")
        connection.execute(
            """create view marts.people as
               select customer_id, marts.mask(email) as email, marts.mask(birth_date) as birth_date from intermediate.people"""
        )
    return module_warehouse


def allowed(role, statement):
    with connect(role=role) as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return False
        finally:
            connection.rollback()
    return True


def test_an_analyst_sees_marts_masked_and_nothing_else():
    with connect(role=Role.ANALYST) as connection:
        assert connection.execute("select * from marts.people").fetchall() == [(1, "***", None)]
        schemas = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)' and has_schema_privilege(oid, 'usage') order by 1"
        ).fetchall()
    assert schemas == [("marts",), ("public",)]
    for table in ("raw.shop__customers", "intermediate.people", "ops.load", "identity.record", "quarantine.row", "landing.shop__customers"):
        assert not allowed(Role.ANALYST, f"select 1 from {table}"), table
    for statement in (
        "create table marts.x (a int)",
        "create table public.x (a int)",
        "create view marts.y as select 1",
        "delete from marts.people",
    ):
        assert not allowed(Role.ANALYST, statement), statement


def test_an_analyst_cannot_look_behind_the_mask():
    """A filter on a masked column is a way to guess values: the view must not let the planner push it below the mask."""
    with connect(role=Role.ANALYST) as connection:
        assert connection.execute("select count(*) from marts.people where email = 'anna@example.com'").fetchone() == (0,)
        assert connection.execute("select count(*) from marts.people where email like 'a%'").fetchone() == (0,)


@pytest.mark.parametrize("role", [Role.TRANSFORMER, Role.SERVICE, Role.STEWARD, Role.PRIVACY, None])
def test_others_see_the_values(role):
    with connect(role=role) as connection:
        assert connection.execute("select email, birth_date::text from marts.people").fetchall() == [("anna@example.com", "1980-01-02")]


def test_a_login_that_is_member_of_analyst_alone_is_masked(filled, pg_server):
    with connect() as connection:
        grant_login(connection, Role.ANALYST, "a-password-for-a-test")
    try:
        with psycopg.connect(pg_server.uri(filled.name, user="c360_analyst", password="a-password-for-a-test")) as analyst:
            assert analyst.execute("select email from marts.people").fetchall() == [("***",)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute("set role c360_privacy")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(pg_server.uri(filled.name, user="c360_analyst", password="another"))
    finally:
        with connect() as connection:
            revoke_login(connection, Role.ANALYST)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(pg_server.uri(filled.name, user="c360_analyst", password="a-password-for-a-test"))


def test_no_role_can_log_in_by_default(filled):
    assert filled.fetch("select rolname, rolcanlogin from pg_roles where rolname like 'c360\\_%' and (rolcanlogin or rolsuper)") == []


def test_a_login_needs_a_password():
    with connect() as connection, pytest.raises(ValueError, match="password"):
        grant_login(connection, Role.ANALYST, "")


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            Role.LOADER,
            [
                "insert into ops.load (system, object, kind) values ('x', 'y', 'full')",
                "delete from raw.shop__customers",
                "alter table raw.shop__customers add column x int",
                "create table landing.x (a int)",
                "insert into ops.incident (kind, subject, severity, title) values ('stale', 'x', 'warning', 'y')",
                "select 1 from quarantine.row",
            ],
            ["select 1 from identity.record", "create table marts.x (a int)", "create table ops.x (a int)"],
        ),
        (
            Role.TRANSFORMER,
            [
                "select email from raw.shop__customers",
                "select 1 from raw_history.shop__customers",
                "delete from identity.edge",
                "create table staging.x (a int)",
                "insert into ops.consumer_offset (log, consumer) values ('ops.change', 'x')",
                "select 1 from ops.change",
            ],
            [
                "delete from raw.shop__customers",
                "select 1 from quarantine.row",
                "select 1 from landing.shop__customers",
                "delete from ops.load",
            ],
        ),
        (
            Role.STEWARD,
            [
                "select customer_id, locale from raw.shop__customers",
                "select 1 from identity.record_attribute",
                "insert into identity.decision (record_id_l, record_id_r, verdict, decided_by) values ('a', 'b', 'must_link', 'x')",
                "update quarantine.row set state = 'waived'",
            ],
            ["select email from raw.shop__customers", "select _extra from raw.shop__customers", "delete from identity.edge"],
        ),
        (
            Role.PRIVACY,
            ["select email from raw.shop__customers", "delete from quarantine.row", "create table privacy.x (a int)"],
            ["insert into ops.load (system, object, kind) values ('x', 'y', 'full')", "delete from raw.shop__customers"],
        ),
        (
            Role.SERVICE,
            ["select 1 from intermediate.people", "select 1 from identity.membership"],
            ["select 1 from raw.shop__customers", "select 1 from quarantine.row", "delete from identity.membership"],
        ),
    ],
)
def test_a_role_may_do_its_work_and_no_more(role, may, may_not):
    assert [statement for statement in may if not allowed(role, statement)] == []
    assert [statement for statement in may_not if allowed(role, statement)] == []


def test_masks_keep_nulls_and_types():
    with connect(role=Role.ANALYST) as connection:
        assert connection.execute(
            """select marts.mask(null::text), marts.mask(''::text), marts.mask(1.5::numeric), marts.mask(now()), marts.mask('{}'::jsonb),
                      pg_typeof(marts.mask(current_date))::text"""
        ).fetchone() == (None, "***", None, None, None, "date")


def test_the_mask_costs_no_function_call_per_row(filled):
    """It is inlined: a call per value would double the time of every mart."""
    with filled.connect() as connection:
        plan = connection.execute("explain (verbose) select * from marts.people").fetchall()
    assert "marts.mask(" not in str(plan)
    assert "marts.may_see_personal" not in str(plan)
