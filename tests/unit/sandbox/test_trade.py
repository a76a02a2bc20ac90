"""What the shop sold is sound: amounts add up, references hold, life runs forwards, nothing lies in the future."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sandbox import moments
from sandbox.population.people import Population
from sandbox.shop.accounts import AccountDraft, accounts_of
from sandbox.shop.catalogue import catalogue
from sandbox.shop.trade import Trade, trade

NOW = 1_795_000_000 * moments.SECOND


def sold(seed: int = 5) -> tuple[list[AccountDraft], Trade]:
    rng = Random(seed)
    accounts: list[AccountDraft] = []
    in_use: set[str] = set()
    for person in Population().populate(1500, rng=rng, now=moments.to_datetime(NOW)):
        accounts += accounts_of(person, rng=rng, now=NOW, emails_in_use=in_use)
    for number, account in enumerate(accounts, 1):
        account.customer_id = number
    addresses = [number if account.addresses else None for number, account in enumerate(accounts, 1)]
    products = catalogue(rng=Random(seed), now=NOW)
    visitors = [f"visitor-{account.customer_id}" for account in accounts]
    chance = np.random.default_rng(seed)
    return accounts, trade(accounts, addresses, visitors, products, rng=chance, now=NOW, web_since=NOW - 30 * moments.DAY)


@pytest.fixture(scope="module")
def shop() -> tuple[list[AccountDraft], Trade]:
    return sold()


def micros(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy()


def test_same_chance_same_trade(shop: tuple[list[AccountDraft], Trade]) -> None:
    again = sold()[1]
    assert all(again.tables[name].equals(table) for name, table in shop[1].tables.items())
    assert not sold(6)[1].tables["orders"].equals(shop[1].tables["orders"])


def test_amounts_add_up(shop: tuple[list[AccountDraft], Trade]) -> None:
    orders, lines = shop[1].tables["orders"].to_pandas(), shop[1].tables["order_lines"].to_pandas()
    assert len(orders) > 1000
    by_order = lines.groupby("order_id")["line_amount"].sum()
    assert np.allclose(orders.set_index("order_id")["subtotal_amount"], by_order)
    assert np.allclose(orders.total_amount, orders.subtotal_amount + orders.shipping_amount - orders.discount_amount)
    assert np.allclose(lines.line_amount, lines.unit_price * lines.quantity - lines.discount_amount)
    assert (orders.total_amount > 0).all()


def test_references_hold(shop: tuple[list[AccountDraft], Trade]) -> None:
    accounts, result = shop
    orders = result.tables["orders"].to_pandas()
    assert set(orders.customer_id) <= {a.customer_id for a in accounts}
    carts = result.tables["carts"].to_pandas()
    ordered = carts[carts.status == "ordered"]
    assert set(orders.cart_id.dropna().astype(int)) == set(ordered.cart_id)
    joined = orders.merge(ordered, on="cart_id")
    assert (joined.customer_id_x == joined.customer_id_y).all()
    assert (joined.created_at < joined.ordered_at).all()
    for name in ("order_lines", "payments", "shipments", "returns"):
        assert set(result.tables[name]["order_id"].to_pylist()) <= set(orders.order_id), name
    lines = set(zip(*(result.tables["order_lines"][c].to_pylist() for c in ("order_id", "line_number")), strict=True))
    assert {tuple(row.values()) for row in result.tables["returns"].select(["order_id", "line_number"]).to_pylist()} <= lines


def test_nothing_happens_in_the_future_or_before_the_account(shop: tuple[list[AccountDraft], Trade]) -> None:
    accounts, result = shop
    for table in result.tables.values():
        for name in table.column_names:
            if name.endswith("_at"):
                assert (pc.max(table[name].cast(pa.int64())).as_py() or 0) <= NOW, name
    opened = {a.customer_id: a.created for a in accounts}
    orders = result.tables["orders"]
    assert all(at >= opened[who] for at, who in zip(micros(orders["ordered_at"]), orders["customer_id"].to_pylist(), strict=True))


def test_states_follow_from_moments(shop: tuple[list[AccountDraft], Trade]) -> None:
    orders = shop[1].tables["orders"].to_pandas().set_index("order_id")
    shipments = shop[1].tables["shipments"].to_pandas()
    assert {"paid", "shipped", "delivered", "cancelled", "returned"} <= set(orders.status)  # few are pending at any one moment
    delivered = shipments[shipments.status == "delivered"]
    assert (delivered.delivered_at > delivered.shipped_at).all()
    assert not set(orders[orders.status == "cancelled"].index) & set(shipments.order_id)
    payments = shop[1].tables["payments"].to_pandas()
    assert payments[payments.status == "captured"].paid_at.notna().all()
    assert payments[payments.status.isin(["failed", "authorised"])].paid_at.isna().all()
    refunds = shop[1].tables["returns"].to_pandas()
    assert len(refunds) > 20
    assert (refunds.returned_at > orders.loc[refunds.order_id].ordered_at.to_numpy()).all()


def test_customers_come_back_and_november_is_busy(shop: tuple[list[AccountDraft], Trade]) -> None:
    orders = shop[1].tables["orders"].to_pandas()
    per_customer = orders.groupby("customer_id").size()
    assert (per_customer > 1).sum() > 100
    assert (per_customer == 1).sum() > 100
    last_year = orders[orders.ordered_at.dt.year == 2025].ordered_at.dt.month.value_counts()
    assert last_year[11] > last_year[2] * 1.2
