from __future__ import annotations

import dataclasses
import threading

import psycopg
import pytest

from customer360.contracts.reader import load_contracts
from customer360.warehouse import tables
from customer360.warehouse.connections import connect
from customer360.warehouse.migrations import available
from customer360.warehouse.roles import Role

pytestmark = pytest.mark.integration


@pytest.fixture
def visits():
    """An object with a key of two fields and one of every kind of type."""
    lines = load_contracts()["shop"].object("order_lines")
    assert len(lines.key) == 2
    return lines


def with_field(obj, name, **changes):
    """The object with one more field, made after its last."""
    return dataclasses.replace(obj, fields=(*obj.fields, dataclasses.replace(obj.fields[-1], name=name, source_name=name, **changes)))


def columns(warehouse, schema, table):
    rows = warehouse.fetch(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum",
        f"{schema}.{table}",
    )
    return dict(rows)


def ensure(obj, **options):
    with connect(**options) as connection:
        tables.ensure(connection, obj)


def test_the_tables_have_the_columns_that_others_rely_on(warehouse, visits):
    ensure(visits)
    fields = [field.name for field in visits.fields]
    assert list(columns(warehouse, "landing", visits.table)) == ["_load_id", "_row_number", *fields, "_extra"]
    raw = columns(warehouse, "raw", visits.table)
    assert list(raw) == [
        *fields, "_extra", "_load_id", "_row_hash", "_is_deleted", "_deleted_at", "_first_seen_at", "_published_at",
    ]  # fmt: skip
    assert (raw["unit_price"], raw["order_id"], raw["updated_at"]) == ("numeric(12,2)", "bigint", "timestamp with time zone")
    assert list(columns(warehouse, "raw_history", visits.table)) == [*raw, "_replaced_at", "_replaced_by_load_id"]
    key = warehouse.fetch(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'", f"raw.{visits.table}"
    )
    assert key == [("PRIMARY KEY (order_id, line_number)",)]


def test_the_loader_owns_them_whoever_makes_them(warehouse, visits):
    for number, options in enumerate([{}, {"role": Role.LOADER}, {"autocommit": True}]):
        ensure(dataclasses.replace(visits, name=f"lines_{number}"), **options)
    owners = warehouse.fetch("select distinct tableowner from pg_tables where schemaname in ('landing', 'raw', 'raw_history')")
    assert owners == [("c360_loader",)]


def test_the_callers_role_is_given_back(warehouse, visits):
    for role, expected in ((None, "c360"), (Role.LOADER, "c360_loader")):
        with connect(role=role) as connection:
            tables.ensure(connection, visits)
            assert connection.execute("select current_user::text").fetchone() == (expected,)


def test_a_second_time_nothing_is_written(warehouse, visits):
    """It runs before every load, each minute: a catalogue row a time would be thousands a day."""
    ensure(visits)
    with connect() as connection:
        tables.ensure(connection, visits)
        assert connection.execute("select pg_current_xact_id_if_assigned()").fetchone() == (None,)


def test_a_new_field_becomes_a_column_everywhere_and_keeps_the_rows(warehouse, visits):
    ensure(visits)
    with connect(role=Role.LOADER) as connection:
        connection.execute(
            f"""insert into raw.{visits.table} (order_id, line_number, product_id, quantity, unit_price, discount_amount, line_amount,
                updated_at, _load_id, _row_hash, _first_seen_at, _published_at) values (1, 1, 1, 1, 1, 0, 1, now(), 1, '', now(), now())"""
        )
    ensure(with_field(visits, "gift_note", sql_type="text", classification="personal.free_text"))
    for schema in ("landing", "raw", "raw_history"):
        assert columns(warehouse, schema, visits.table)["gift_note"] == "text"
    assert warehouse.fetch(f"select order_id, gift_note from raw.{visits.table}") == [(1, None)]
    seen = "select has_column_privilege(%s, %s, 'gift_note', 'select')"
    assert warehouse.fetch(seen, "c360_transformer", f"raw.{visits.table}") == [(True,)]
    assert warehouse.fetch(seen, "c360_steward", f"raw.{visits.table}") == [(False,)]


def test_a_field_that_leaves_the_contract_keeps_its_column(warehouse, visits):
    ensure(visits)
    ensure(dataclasses.replace(visits, fields=tuple(field for field in visits.fields if field.name != "quantity")))
    assert "quantity" in columns(warehouse, "raw", visits.table)


def test_another_type_is_refused_with_the_way_out(warehouse, visits):
    ensure(visits)
    changed = dataclasses.replace(
        visits, fields=tuple(dataclasses.replace(field, sql_type="text") if field.name == "quantity" else field for field in visits.fields)
    )
    with pytest.raises(
        tables.TableDrift, match=r"raw\.shop__order_lines\.quantity is bigint, its contract says text; .* alter column quantity"
    ):
        ensure(changed)


def test_another_key_is_refused(warehouse, visits):
    ensure(visits)
    with pytest.raises(tables.TableDrift, match=r"has the key \(order_id, line_number\), its contract says \(order_id\)"):
        ensure(dataclasses.replace(visits, key=("order_id",)))


@pytest.mark.parametrize(
    ("sql_type", "logical_type"),
    [("varchar(20)", "string"), ("char(2)", "string"), ("numeric(10,0)", "number"), ("real", "number"), ("double precision", "number"),
     ("time", "time"), ("jsonb", "object"), ("uuid", "string"), ("inet", "string"), ("smallint", "integer")],
)  # fmt: skip
def test_every_type_is_recognised_the_next_time(warehouse, visits, sql_type, logical_type):
    obj = with_field(visits, "extra_field", sql_type=sql_type, logical_type=logical_type)
    ensure(obj)
    ensure(obj)
    assert "extra_field" in columns(warehouse, "raw", visits.table)


def test_two_loads_may_make_the_same_tables_at_once(warehouse, visits):
    errors = []

    def make():
        try:
            ensure(visits)
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert columns(warehouse, "raw", visits.table)


def test_a_readers_grant_follows_the_contract(warehouse, visits):
    ensure(dataclasses.replace(visits, readers=("c360_transformer",)))
    readable = "select has_table_privilege('c360_privacy', %s, 'select')"
    assert warehouse.fetch(readable, f"raw.{visits.table}") == [(False,)]
    ensure(visits)
    assert warehouse.fetch(readable, f"raw.{visits.table}") == [(True,)]


def indexes(warehouse, schema, table):
    """Column lists of the table's indexes."""
    rows = warehouse.fetch(
        """select array(select a.attname::text from unnest(i.indkey) with ordinality as k(attnum, position)
                          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum order by position)
             from pg_index i where i.indrelid = %s::regclass""",
        f"{schema}.{table}",
    )
    return sorted(tuple(names) for (names,) in rows)


def test_rows_that_name_a_record_by_another_field_are_found_by_it(warehouse):
    """Identity follows a change: without these it would read raw and its history whole for each of them."""
    addresses = load_contracts()["shop"].object("addresses")
    assert addresses.entity.key == ("customer_id",) != addresses.key
    ensure(addresses)
    raw, history = [("_load_id",), ("address_id",), ("customer_id",)], [("_replaced_by_load_id",), ("address_id",), ("customer_id",)]
    assert indexes(warehouse, "raw", addresses.table) == raw
    assert indexes(warehouse, "raw_history", addresses.table) == history


def test_tables_made_before_their_contract_named_a_record_gain_its_indexes(warehouse):
    addresses = load_contracts()["shop"].object("addresses")
    ensure(dataclasses.replace(addresses, entity=None))
    assert indexes(warehouse, "raw", addresses.table) == [("_load_id",), ("address_id",)]
    assert indexes(warehouse, "raw_history", addresses.table) == [("address_id",)]
    with connect() as connection:
        connection.execute("create index of_a_user on raw.shop__addresses (customer_id, city)")
    ensure(addresses)
    ensure(addresses)
    assert indexes(warehouse, "raw", addresses.table) == [("_load_id",), ("address_id",), ("customer_id", "city")]
    assert indexes(warehouse, "raw_history", addresses.table) == [("_replaced_by_load_id",), ("address_id",), ("customer_id",)]


@pytest.mark.parametrize("schema", ["landing", "raw", "raw_history"])
def test_indexes_that_went_missing_are_made_again(warehouse, visits, schema):
    ensure(visits)
    described = "select indexname, indexdef from pg_indexes where schemaname = %s and indexname not like '%%pkey' order by 1"
    made = warehouse.fetch(described, schema)
    assert made
    with connect() as connection:
        for name, _ in made:
            connection.execute(f"drop index {schema}.{name}")
    ensure(visits)
    assert warehouse.fetch(described, schema) == made


def test_tables_of_raw_that_had_a_b_tree_on_their_loads_are_given_room(warehouse, visits):
    ensure(visits)
    described = "select indexdef from pg_indexes where schemaname = 'raw' order by 1"
    filled = "select reloptions from pg_class where oid = %s::regclass"
    made = warehouse.fetch(described), warehouse.fetch(filled, f"raw.{visits.table}")
    assert made[1] == [(["fillfactor=90"],)]
    (own,) = [migration for migration in available() if migration.name == "0079_raw_updates_in_place"]
    index = f"{visits.table}__load_id_idx"
    with connect() as connection:
        connection.execute(
            f"drop index raw.{index}; alter table raw.{visits.table} reset (fillfactor); create index {index} on raw.{visits.table} (_load_id);"
            f" create index of_a_user on raw.{visits.table} (_load_id, _published_at); create table raw.other ()"
        )
        connection.execute(own.text)
        connection.execute("drop index raw.of_a_user")
    assert (warehouse.fetch(described), warehouse.fetch(filled, f"raw.{visits.table}")) == made
