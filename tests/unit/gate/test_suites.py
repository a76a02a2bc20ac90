"""A suite is read strictly: what is wrong, where, and how to mend it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from customer360.contracts.model import Deletes, Extract, Field, FieldRef, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.gate.suites import Suite, SuiteError, check_suites, derived, load_suite, parse_suite
from customer360.gate.vocabulary import EXPECTATIONS


def field(name: str, sql_type: str = "text", **options: Any) -> Field:
    given = {"required": False, "unique": False, "classification": "internal"} | options
    return Field(name=name, source_name=name, logical_type="string", sql_type=sql_type, **given)


ORDERS = SourceObject(
    system="shop",
    name="orders",
    source_name="orders",
    description="",
    grain="one row per order",
    fields=(
        field("order_id", "bigint", required=True, unique=True),
        field("number", unique=True),
        field("status", required=True),
        field("customer_id", "bigint", references=FieldRef(system="shop", object="customers", field="customer_id")),
        field("updated_at", "timestamptz", required=True),
    ),
    key=("order_id",),
    extract=Extract(cursor="updated_at", lookback=timedelta(0), deletes=Deletes()),
)

GOOD: dict[str, Any] = {
    "name": "shop.orders",
    "meta": {"owner": "commerce", "max_failed_rows": 3, "max_failed_share": 0.5},
    "expectations": [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "status", "value_set": ["paid"]},
            "severity": "critical",
            "meta": {"level": "row", "reason": "Counted by status."},
        },
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1},
            "meta": {"level": "load", "reason": "Something is sold.", "loads": "first"},
        },
    ],
}


def parse(data: Any) -> Suite:
    return parse_suite(json.dumps(data), ORDERS, shown_as="orders.json")


def test_a_good_suite_is_read_and_the_contract_adds_what_it_asks_for() -> None:
    suite = parse(GOOD)
    assert [(e.id, e.severity, e.level) for e in suite.expectations] == [
        ("expect_column_values_to_be_in_set(status)", "critical", "row"),
        ("expect_table_row_count_to_be_between()", "critical", "load"),
        ("expect_column_values_to_be_unique(number)", "critical", "row"),
        ("expect_column_values_to_not_be_null(status)", "critical", "row"),
    ]
    assert (suite.failed_rows_allowed(4), suite.failed_rows_allowed(100)) == (3, 50)


def test_the_contract_does_not_repeat_what_the_suite_says() -> None:
    data = copy.deepcopy(GOOD)
    data["expectations"].append(
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "status"},
            "severity": "warning",
            "meta": {"level": "row", "reason": "Rare."},
        }
    )
    found = [e.severity for e in parse(data).expectations if e.id == "expect_column_values_to_not_be_null(status)"]
    assert found == ["warning"]


def test_two_of_a_kind_on_a_column_have_two_ids() -> None:
    data = copy.deepcopy(GOOD)
    data["expectations"].append(copy.deepcopy(data["expectations"][0]))
    assert [e.id for e in parse(data).expectations][2] == "expect_column_values_to_be_in_set(status)#2"


def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("name", to="shop.carts"), r"orders.json: name: is 'shop.carts'; write 'shop.orders'"),
        (_set("expectation", to=[]), r"orders.json: expectation: is no key we know"),
        (_set("meta", "max_failed_share", to=5), r"meta.max_failed_share: is 5; write a share"),
        (_set("meta", "max_failed_rows", to=True), r"meta.max_failed_rows: is True"),
        (_set("expectations", to=[]), r"expectations: is no list"),
        (_set("expectations", 0, to="x"), r"expectations\[0\]: is no JSON object"),
        (_set("expectations", 0, "type", to="expect_the_best"), r"expectations\[0\].type: 'expect_the_best' is no expectation we know"),
        (
            _set("expectations", 0, "kwargs", "column", to="state"),
            r"kwargs.column: shop.orders declares no field 'state'; use one of .*status",
        ),
        (_set("expectations", 0, "kwargs", to={"column": "status"}), r"lacks value_set"),
        (_set("expectations", 0, "kwargs", "value_set", to="paid"), r"value_set: 'paid' is no list"),
        (_set("expectations", 0, "kwargs", "values", to=["paid"]), r"kwargs.values: is no key we know"),
        (_set("expectations", 0, "kwargs", "mostly", to=0.9), r"mostly: lets rows pass that fail"),
        (_set("expectations", 0, "severity", to="bad"), r"severity: is 'bad'; use critical, warning, info"),
        (_set("expectations", 0, "meta", "level", to="table"), r"meta.level: is 'table'; write row"),
        (_set("expectations", 0, "meta", "reason", to=" "), r"meta.reason: is missing"),
        (_set("expectations", 0, "meta", "min_rows", to=5), r"min_rows and loads are for level load"),
        (_set("expectations", 1, "meta", "level", to="row"), r"this expectation judges a load, not its rows"),
        (_set("expectations", 1, "meta", "loads", to="last"), r"meta.loads: is 'last'"),
    ],
)
def test_a_fault_is_named_with_file_place_and_fix(change: Callable[[dict[str, Any]], None], message: str) -> None:
    data = copy.deepcopy(GOOD)
    change(data)
    with pytest.raises(SuiteError, match=message):
        parse(data)


def test_every_fault_is_told_at_once() -> None:
    data = copy.deepcopy(GOOD)
    data["expectations"][0]["severity"] = "x"
    data["expectations"][1]["kwargs"]["min"] = 1
    with pytest.raises(SuiteError) as found:
        parse(data)
    assert len(str(found.value).splitlines()) == 2


def test_broken_json_names_the_line() -> None:
    with pytest.raises(SuiteError, match=r"orders.json: line 2, column 3"):
        parse_suite("{\n  name: 1}", ORDERS, shown_as="orders.json")


def test_a_rows_query_that_selects_values_is_refused() -> None:
    for query in ("SELECT * FROM {batch} WHERE a > 1", "SELECT _row_number FROM {batch}", "DELETE FROM raw.shop__orders"):
        data = copy.deepcopy(GOOD)
        data["expectations"][0] = {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": query},
            "meta": {"level": "row", "reason": "x"},
        }
        with pytest.raises(SuiteError, match="selects something else"):
            parse(data)


def test_without_a_file_the_contract_alone_is_the_suite(tmp_path: Path) -> None:
    suite = load_suite(ORDERS, tmp_path / "none.json")
    assert [e.id for e in suite.expectations] == [e.id for e in derived(ORDERS, [])]
    assert len(suite.expectations) == 2


def test_the_suites_of_this_checkout_are_sound_and_every_object_has_one() -> None:
    objects = [obj for contract in load_contracts().values() for obj in contract.objects]
    assert check_suites(objects) == []
    for obj in objects:
        levels = {e.level for e in load_suite(obj).expectations}
        assert levels == {"row", "load"} or obj.full_name == "shop.returns", f"{obj.full_name} wants expectations of both levels"


@pytest.mark.integration
def test_our_vocabulary_is_great_expectations_own() -> None:
    from great_expectations.expectations.registry import get_expectation_impl

    for name, kind in EXPECTATIONS.items():
        known = set(get_expectation_impl(name).__fields__)
        assert set(kind.required) | set(kind.optional) <= known, name
        assert (
            getattr(get_expectation_impl(name), "map_metric", None) is not None or name == "unexpected_rows_expectation"
        ) == kind.by_row, name
