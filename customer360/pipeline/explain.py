"""Why two records are one customer or not, and what a customer consists of: rules and model of the checkout, rows of the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection, IsolationLevel

from customer360.golden.customers import parse_id
from customer360.identity.explain.basis import Basis, ExplainError, read_basis
from customer360.identity.explain.customer import customer_of, explain_customer
from customer360.identity.explain.explanation import Explanation
from customer360.identity.explain.page import page
from customer360.identity.explain.pair import explain_pair
from customer360.identity.settings import read_settings
from customer360.pipeline.models import reviewed_model
from customer360.pipeline.resolve import SETTINGS
from customer360.platform import home


def explain(connection: Connection[Any], *ids: str, values: bool = False) -> Explanation:
    """Explain two records, or one customer: named by its id, by one that went into it, or by one of its records.

    `connection`: as a role that may read identity (steward, service, privacy), without an open transaction: all is read in one snapshot.
    `values`: also what the records say. Raises UserError for what does not exist, and before the first run.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        basis = _basis(connection)
        if len(ids) == 2:
            left, right = (_record(one) for one in ids)
            return explain_pair(connection, left, right, basis=basis, values=values)
        (only,) = ids
        asked = customer_of(connection, only) if _is_record(only) else parse_id(only)
        return explain_customer(connection, asked, basis=basis, values=values)


def write_page(found: Explanation, out: Path) -> None:
    """Write the page of an explanation: one file that needs no other and no network, for its owner alone: it names records."""
    home.write_private(out, page(found))


def _basis(connection: Connection[Any]) -> Basis:
    return read_basis(connection, reviewed=reviewed_model(), settings=read_settings(home.repo() / SETTINGS))


def _is_record(name: str) -> bool:
    return ":" in name


def _record(name: str) -> str:
    if _is_record(name):
        return name
    try:
        UUID(name)
    except ValueError:
        raise ExplainError(f"{name!r} names no record; record ids look like shop.customers:123") from None
    raise ExplainError(f"{name} is a customer; give two records (`customer360 explain {name}` lists the customer's), or one customer alone")
