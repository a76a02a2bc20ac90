"""Which source types may land typed: those whose every value is a value of the contract's type."""

from __future__ import annotations

import pytest

from customer360.extract.postgres import widens_without_loss


@pytest.mark.parametrize(
    ("source", "contract"),
    [
        ("integer", "bigint"),
        ("bigint", "bigint"),
        ("character varying(20)", "text"),
        ("uuid", "text"),
        ("bigint", "text"),
        ("timestamp without time zone", "timestamptz"),
        ("timestamp with time zone", "timestamptz"),
        ("numeric(10,2)", "numeric(12,2)"),
        ("numeric(12,2)", "numeric(12,2)"),
        ("integer", "numeric(12,2)"),
        ("numeric", "numeric"),
        ("real", "double precision"),
    ],
)
def test_widens(source: str, contract: str) -> None:
    assert widens_without_loss(source, contract)


@pytest.mark.parametrize(
    ("source", "contract"),
    [
        ("bigint", "integer"),
        ("text", "bigint"),
        ("text", "date"),
        ("numeric", "numeric(12,2)"),  # may hold more places
        ("numeric(12,4)", "numeric(12,2)"),  # would be rounded
        ("numeric(14,2)", "numeric(12,2)"),  # would overflow
        ("bigint", "numeric(12,2)"),
        ("double precision", "numeric"),
        ("date", "timestamptz"),
        ("json", "jsonb"),
        ("boolean", "integer"),
    ],
)
def test_does_not(source: str, contract: str) -> None:
    assert not widens_without_loss(source, contract)
