"""The expectations a suite may use, with their arguments.

The names are Great Expectations' own; checking them here saves importing it, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Argument = Literal["column", "columns", "number", "bound", "text", "flag", "list", "texts", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationType:
    """One kind of expectation: its arguments, and whether it judges rows one by one."""

    required: Mapping[str, Argument]
    optional: Mapping[str, Argument]
    by_row: bool = False


def _row(required: Mapping[str, Argument], **optional: Argument) -> ExpectationType:
    common: dict[str, Argument] = {"mostly": "number", "row_condition": "text", "condition_parser": "text"}
    return ExpectationType(required=required, optional={**common, **optional}, by_row=True)


def _aggregate(required: Mapping[str, Argument], **optional: Argument) -> ExpectationType:
    common: dict[str, Argument] = {"row_condition": "text", "condition_parser": "text"}
    return ExpectationType(required=required, optional={**common, **optional})


_ONE: Mapping[str, Argument] = {"column": "column"}
_PAIR: Mapping[str, Argument] = {"column_A": "column", "column_B": "column"}
_LIST: Mapping[str, Argument] = {"column_list": "columns"}
_STRICT: dict[str, Argument] = {"strict_min": "flag", "strict_max": "flag"}
_RANGE: dict[str, Argument] = {"min_value": "bound", "max_value": "bound", **_STRICT}

EXPECTATIONS: Mapping[str, ExpectationType] = {
    "expect_column_values_to_not_be_null": _row(_ONE),
    "expect_column_values_to_be_null": _row(_ONE),
    "expect_column_values_to_be_in_set": _row({**_ONE, "value_set": "list"}),
    "expect_column_values_to_not_be_in_set": _row({**_ONE, "value_set": "list"}),
    "expect_column_values_to_be_between": _row(_ONE, **_RANGE),
    "expect_column_value_lengths_to_be_between": _row(_ONE, **_RANGE),
    "expect_column_value_lengths_to_equal": _row({**_ONE, "value": "number"}),
    "expect_column_values_to_match_regex": _row({**_ONE, "regex": "text"}),
    "expect_column_values_to_not_match_regex": _row({**_ONE, "regex": "text"}),
    "expect_column_values_to_be_unique": _row(_ONE),
    "expect_compound_columns_to_be_unique": _row(_LIST, ignore_row_if="text"),
    "expect_column_pair_values_a_to_be_greater_than_b": _row(_PAIR, or_equal="flag", ignore_row_if="text"),
    "expect_column_pair_values_to_be_equal": _row(_PAIR, ignore_row_if="text"),
    "unexpected_rows_expectation": ExpectationType(required={"unexpected_rows_query": "text"}, optional={}, by_row=True),
    "expect_column_to_exist": ExpectationType(required=_ONE, optional={}),
    "expect_table_row_count_to_be_between": _aggregate({}, **_RANGE),
    "expect_column_proportion_of_non_null_values_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_proportion_of_unique_values_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_unique_value_count_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_distinct_values_to_be_in_set": _aggregate({**_ONE, "value_set": "list"}),
    "expect_column_distinct_values_to_contain_set": _aggregate({**_ONE, "value_set": "list"}),
    "expect_column_mean_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_median_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_min_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_max_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_sum_to_be_between": _aggregate(_ONE, **_RANGE),
    "expect_column_stdev_to_be_between": _aggregate(_ONE, **_RANGE),
}
