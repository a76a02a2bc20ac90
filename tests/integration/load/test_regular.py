"""Regular rows: what lands typed is what PostgreSQL would have made of the text, and nothing else lands typed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from customer360.contracts.model import SourceObject
from customer360.extract.protocol import Row
from customer360.load import convert
from customer360.load.regular import RegularRows, spelling
from customer360.pipeline.ingest import resolve_object

pytestmark = pytest.mark.integration

TYPES = ("smallint", "integer", "bigint", "numeric", "numeric(12,2)", "numeric(3,3)", "real", "double precision", "boolean", "date",
         "timestamptz", "time", "uuid", "jsonb")  # fmt: skip
ODD = (
    "", " 1", "1 ", "+1", "0x1F", "1e5", "1_000", "NaN", "Infinity", "-", ".5", "5.", "9" * 19, "9" * 60, "32768", "now", "today", "epoch",
    "infinity", "2026-02-29", "2024-02-29", "2026-02-30", "2026-13-01", "01.02.2026", "2026-1-2", "0000-01-01", "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z", "2026-01-01T10:00:00", "2026-01-01 10:00:00+15:00", "2026-01-01T10:00:00.1234567Z", "yes", "t", "1\n2", "null",
    "{}", "[1]", "9999999999.999", "-999999999.995", "10:00", "25:00:00", "٣", "2026-01-31\n2026-02-01",
)  # fmt: skip
whole = st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,12})?", fullmatch=True)
moments = st.datetimes().map(lambda d: d.isoformat() + "Z") | st.datetimes().map(lambda d: d.isoformat(" ") + "+02")
texts = st.sampled_from(ODD) | whole | moments | st.dates().map(str) | st.times().map(str) | st.uuids().map(str) | st.booleans().map(str)


@pytest.mark.parametrize("sql_type", TYPES)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(texts, min_size=20, max_size=200))
def test_what_is_regular_converts(module_warehouse: Any, load_object: SourceObject, sql_type: str, values: list[str]) -> None:
    field = replace(load_object.fields[0], name="value", sql_type=sql_type)
    obj = replace(load_object, fields=(field,))
    rows: list[Row] = [(value, None) for value in [*values, *ODD]]
    others = RegularRows(obj).others(rows)
    regular = [row[0] for place, row in enumerate(rows) if place not in others]
    fits = convert.fits(field, "t")
    assert fits is not None and spelling(sql_type) is not None
    with module_warehouse.connect() as connection:
        wrong = connection.execute(sql.SQL("select value from unnest(%s::text[]) t(value) where not {}").format(fits), [regular]).fetchall()
    assert wrong == []


def test_plain_values_are_regular(load_object: SourceObject) -> None:
    plain = {"smallint": "-12", "bigint": "12", "numeric(12,2)": "-12.345", "boolean": "true", "date": "2026-01-31",
             "timestamptz": "2026-01-31T10:00:00.123Z", "time": "10:00:00", "uuid": "0191b1d2-7f6e-7d3a-9f00-000000000001"}  # fmt: skip
    for sql_type, value in plain.items():
        obj = replace(load_object, fields=(replace(load_object.fields[0], sql_type=sql_type),))
        assert RegularRows(obj).others([(value, None), (None, None), ("odd", None), (value, None)]) == {2}, sql_type
    assert RegularRows(replace(load_object, fields=(replace(load_object.fields[0], sql_type="text"),))).others([("odd", None)]) == set()


@pytest.fixture
def load_object() -> SourceObject:
    return resolve_object("web", "events")[1]
