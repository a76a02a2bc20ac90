"""Carts, orders, payments, shipments and returns of all accounts at once, as arrays.

Every state follows from moments: an order is paid when its payment's moment has come, delivered when the parcel's has. So no
order is delivered before it was shipped, and nothing lies in the future. Amounts are whole cents until they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sandbox.moments import DAY, HOUR, MINUTE, SECOND
from sandbox.shop.accounts import CURRENCIES, AccountDraft
from sandbox.shop.catalogue import Product
from sandbox.shop.shopping import Baskets, baskets

Ints = npt.NDArray[np.int64]
FIRST_ORDER, FIRST_CART, FIRST_PAYMENT, FIRST_SHIPMENT, FIRST_RETURN = 500_001, 700_001, 900_001, 300_001, 50_001
RATES = {"EUR": 1.0, "GBP": 0.86, "USD": 1.09, "PLN": 4.3}
CHANNELS = np.array(["web", "app", "phone", "store"])
CARRIERS = np.array(["DHL", "UPS", "DPD", "Colissimo"])
REASONS = np.array(["damaged", "wrong_item", "too_small", "too_large", "changed_mind", "late"])


@dataclass(frozen=True, slots=True)
class Trade:
    """Tables ready to load, and what the web needs to know of the orders placed there."""

    tables: dict[str, pa.Table]
    web_orders: list[tuple[int, int, int, float, list[int]]]  # account index, moment, order id, revenue, product ids; newest last


def moment_column(values: Ints, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Microseconds as timestamps (UTC); null where `missing`."""
    return pa.array(values, pa.int64(), mask=missing).cast(pa.timestamp("us", tz="UTC"))


def money_column(cents: Ints) -> pa.Array:
    """Whole cents as amounts."""
    return pa.array(cents / 100.0)


def trade(accounts: Sequence[AccountDraft], first_address: Sequence[int | None], visitors: Sequence[str], products: Sequence[Product], *,
          rng: np.random.Generator, now: int, web_since: int) -> Trade:  # fmt: skip
    """Everything the accounts bought up to `now` (microseconds).

    `first_address` gives the address each account ships to, `visitors` its browser's anonymous id. Orders placed on the web or in
    the app since `web_since` come back for the event stream. Accounts must have their ids.
    """
    customer_ids = np.array([a.customer_id for a in accounts], np.int64)
    currencies = np.array([CURRENCIES.get(a.locale[3:], "EUR") for a in accounts])
    bought = baskets(accounts, products, rates=np.array([RATES[c] for c in currencies]), rng=rng, now=now)
    order_count = len(bought.account)
    order_ids = FIRST_ORDER + np.arange(order_count)
    currency = currencies[bought.account]

    # moments of each order's life
    placed = bought.placed
    cancelled = rng.random(order_count) < 0.04
    failed_first = rng.random(order_count) < 0.05
    paid = placed + (rng.exponential(20, order_count) * MINUTE).astype(np.int64) + 30 * SECOND
    paid[failed_first] += 7 * MINUTE
    shipped = paid + (rng.uniform(3, 50, order_count) * HOUR).astype(np.int64)
    delivered = shipped + (rng.uniform(18, 96, order_count) * HOUR).astype(np.int64)
    in_store = bought.channel == 3
    shipped[in_store], delivered[in_store] = paid[in_store] + MINUTE, paid[in_store] + 2 * MINUTE
    lost = (rng.random(order_count) < 0.004) & ~cancelled & ~in_store
    gone_back = placed + (rng.uniform(1, 30, order_count) * HOUR).astype(np.int64)
    is_paid, is_shipped, is_delivered = paid <= now, (shipped <= now) & ~cancelled, (delivered <= now) & ~cancelled & ~lost
    is_cancelled = cancelled & (gone_back <= now)

    # returns, per line
    order_of_line = bought.order_of_line
    wants_return = (rng.random(len(order_of_line)) < np.where(bought.is_wearable, 0.13, 0.035)) & is_delivered[order_of_line]
    back = delivered[order_of_line] + (rng.uniform(1, 16, len(order_of_line)) * DAY).astype(np.int64)
    returned = np.flatnonzero(wants_return & (back <= now))
    returned_lines = np.bincount(order_of_line[returned], minlength=order_count)
    fully_returned = (returned_lines == bought.lines_per_order) & (returned_lines > 0)
    last_return = placed.copy()
    np.maximum.at(last_return, order_of_line[returned], back[returned])

    status = np.select(
        [is_cancelled, fully_returned, is_delivered, is_shipped, is_paid],
        ["cancelled", "returned", "delivered", "shipped", "paid"],
        "pending",
    )
    changed = np.max(
        [placed, np.where(is_paid, paid, 0), np.where(is_shipped, shipped, 0), np.where(is_delivered, delivered, 0),
         np.where(fully_returned, last_return, 0), np.where(is_cancelled, gone_back, 0)], axis=0,
    )  # fmt: skip

    cart_table, cart_of_order = _carts(accounts, customer_ids, currencies, visitors, bought, rng=rng, now=now)
    address = np.array([a or 0 for a in first_address], np.int64)[bought.account]
    orders = pa.table(
        {
            "order_id": order_ids,
            "order_number": pa.array([f"S{i:08d}" for i in order_ids]),
            "customer_id": customer_ids[bought.account],
            "cart_id": pa.array(cart_of_order, mask=cart_of_order == 0),
            "status": status,
            "channel": CHANNELS[bought.channel],
            "currency": currency,
            "subtotal_amount": money_column(bought.subtotal),
            "shipping_amount": money_column(bought.shipping),
            "discount_amount": money_column(bought.coupon),
            "total_amount": money_column(bought.total),
            "shipping_address_id": pa.array(address, mask=(address == 0) | in_store),
            "ordered_at": moment_column(placed),
            "is_deleted": np.zeros(order_count, bool),
            "updated_at": moment_column(changed),
        }
    )
    lines = pa.table(
        {
            "order_id": order_ids[order_of_line],
            "line_number": bought.line_number,
            "product_id": bought.product_id,
            "quantity": bought.quantity,
            "unit_price": money_column(bought.unit_price),
            "discount_amount": money_column(bought.line_discount),
            "line_amount": money_column(bought.line_amount),
            "updated_at": moment_column(placed[order_of_line]),
        }
    )
    tables = {
        "carts": cart_table, "orders": orders, "order_lines": lines,
        "payments": _payments(order_ids, bought, currency, placed, paid, failed_first, is_paid, is_cancelled, gone_back, rng=rng),
        "shipments": _shipments(order_ids, np.flatnonzero(is_shipped & ~in_store), shipped, delivered, is_delivered, lost, rng=rng),
        "returns": _returns(order_ids, bought, returned, back, rng=rng),
    }  # fmt: skip
    return Trade(tables, _web_orders(order_ids, bought, web_since))


def _carts(
    accounts: Sequence[AccountDraft],
    customer_ids: Ints,
    currencies: npt.NDArray[np.str_],
    visitors: Sequence[str],
    bought: Baskets,
    *,
    rng: np.random.Generator,
    now: int,
) -> tuple[pa.Table, Ints]:
    """The carts that became orders, as many left behind, a few of unknown visitors; and the cart of each order (0: none)."""
    with_cart = np.flatnonzero(bought.channel < 2)
    ordered_made = bought.placed[with_cart] - (rng.exponential(25, len(with_cart)) * MINUTE).astype(np.int64) - MINUTE
    left = int(len(with_cart) * 0.7)
    who = rng.integers(0, len(accounts), left)
    since = np.maximum(np.array([a.created for a in accounts], np.int64)[who], now - 400 * DAY)
    left_made = since + (rng.random(left) * (now - since)).astype(np.int64)
    left_seen = np.minimum(left_made + (rng.exponential(15, left) * MINUTE).astype(np.int64), now)
    unknown = rng.random(left) < 0.2
    items = 1 + rng.poisson(1.0, left)
    amounts = items * (rng.integers(8, 90, left) * 100 + 95)

    made = np.concatenate([ordered_made, left_made])
    order = np.argsort(made, kind="stable")
    rank = np.empty(len(made), np.int64)
    rank[order] = np.arange(len(made))
    account = np.concatenate([bought.account[with_cart], who])
    nobody = np.concatenate([np.zeros(len(with_cart), bool), unknown])
    visitor = np.array(visitors)[account]
    visitor[nobody] = [f"{a:08x}-{b:04x}-4{c:03x}-9{d:03x}-{e:012x}" for a, b, c, d, e in zip(
        *(rng.integers(0, 16**n, int(nobody.sum())) for n in (8, 4, 3, 3, 12)), strict=True)]  # fmt: skip
    status = np.concatenate([np.full(len(with_cart), "ordered"), np.where(left_seen > now - DAY, "open", "abandoned")])
    count = np.concatenate([bought.items[with_cart], items])
    total = np.concatenate([bought.subtotal[with_cart], amounts])
    updated = np.concatenate([bought.placed[with_cart], left_seen])
    table = pa.table({
        "cart_id": FIRST_CART + np.arange(len(made)), "customer_id": pa.array(customer_ids[account][order], mask=nobody[order]),
        "anonymous_id": visitor[order], "status": status[order], "item_count": count[order], "total_amount": money_column(total[order]),
        "currency": currencies[account][order], "created_at": moment_column(made[order]), "updated_at": moment_column(updated[order]),
    })  # fmt: skip
    cart_of_order = np.zeros(len(bought.account), np.int64)
    cart_of_order[with_cart] = FIRST_CART + rank[: len(with_cart)]
    return table, cart_of_order


def _payments(
    order_ids: Ints,
    bought: Baskets,
    currency: npt.NDArray[np.str_],
    placed: Ints,
    paid: Ints,
    failed_first: npt.NDArray[np.bool_],
    is_paid: npt.NDArray[np.bool_],
    is_cancelled: npt.NDArray[np.bool_],
    gone_back: Ints,
    *,
    rng: np.random.Generator,
) -> pa.Table:
    method = rng.choice(np.array(["card", "paypal", "invoice", "transfer"]), len(order_ids), p=[0.45, 0.3, 0.18, 0.07])
    final = np.where(is_cancelled & is_paid, "refunded", np.where(is_paid, "captured", "authorised"))
    tried = np.flatnonzero(failed_first)
    of_order = np.concatenate([tried, np.arange(len(order_ids))])
    at = np.concatenate([placed[tried] + 20 * SECOND, np.where(is_paid, paid, placed + SECOND)])
    changed = np.concatenate([at[: len(tried)], np.where(is_cancelled & is_paid, np.maximum(gone_back, paid), at[len(tried) :])])
    status = np.concatenate([np.full(len(tried), "failed"), final])
    order = np.argsort(at, kind="stable")
    unpaid = np.concatenate([np.ones(len(tried), bool), ~is_paid])
    return pa.table(
        {
            "payment_id": FIRST_PAYMENT + np.arange(len(at)),
            "order_id": order_ids[of_order][order],
            "method": method[of_order][order],
            "status": status[order],
            "amount": money_column(bought.total[of_order][order]),
            "currency": currency[of_order][order],
            "paid_at": moment_column(at[order], unpaid[order]),
            "updated_at": moment_column(changed[order]),
        }
    )


def _shipments(
    order_ids: Ints,
    sent: Ints,
    shipped: Ints,
    delivered: Ints,
    is_delivered: npt.NDArray[np.bool_],
    lost: npt.NDArray[np.bool_],
    *,
    rng: np.random.Generator,
) -> pa.Table:
    sent = sent[np.argsort(shipped[sent], kind="stable")]
    ids = FIRST_SHIPMENT + np.arange(len(sent))
    arrived = is_delivered[sent]
    return pa.table({
        "shipment_id": ids, "order_id": order_ids[sent], "carrier": CARRIERS[rng.integers(0, 4, len(sent))],
        "tracking_code": pa.array([f"JD{n:014d}" for n in rng.integers(0, 10**14, len(sent))]),
        "status": np.select([lost[sent], arrived], ["lost", "delivered"], "in_transit"), "shipped_at": moment_column(shipped[sent]),
        "delivered_at": moment_column(delivered[sent], ~arrived),
        "updated_at": moment_column(np.where(arrived, delivered[sent], shipped[sent])),
    })  # fmt: skip


def _returns(order_ids: Ints, bought: Baskets, returned: Ints, back: Ints, *, rng: np.random.Generator) -> pa.Table:
    returned = returned[np.argsort(back[returned], kind="stable")]
    quantity = np.minimum(bought.quantity[returned], 1 + (rng.random(len(returned)) < 0.2))
    refund = bought.line_amount[returned] * quantity // bought.quantity[returned]
    return pa.table({
        "return_id": FIRST_RETURN + np.arange(len(returned)), "order_id": order_ids[bought.order_of_line[returned]],
        "line_number": bought.line_number[returned], "quantity": quantity, "reason": REASONS[rng.integers(0, len(REASONS), len(returned))],
        "refund_amount": money_column(refund), "returned_at": moment_column(back[returned]), "updated_at": moment_column(back[returned]),
    })  # fmt: skip


def _web_orders(order_ids: Ints, bought: Baskets, since: int) -> list[tuple[int, int, int, float, list[int]]]:
    chosen = np.flatnonzero((bought.channel < 2) & (bought.placed >= since))
    ends = np.cumsum(bought.lines_per_order)
    found = []
    for i in chosen.tolist():
        products = bought.product_id[ends[i] - bought.lines_per_order[i] : ends[i]].tolist()
        found.append((int(bought.account[i]), int(bought.placed[i]), int(order_ids[i]), float(bought.total[i]) / 100.0, products))
    return found
