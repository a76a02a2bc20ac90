"""Who buys what, and when: seasons, loyalty, products that go together. Arrays over all orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox import moments
from sandbox.moments import DAY, HOUR, MINUTE, SECOND
from sandbox.shop.accounts import AccountDraft
from sandbox.shop.catalogue import Product

Ints = npt.NDArray[np.int64]
_HISTORY_DAYS = 1100
_MONTHS = np.array([0.9, 0.8, 0.95, 1.0, 1.0, 0.95, 0.85, 0.85, 1.0, 1.05, 1.6, 1.5])  # January first
_WEEKDAYS = np.array([1.05, 0.95, 0.95, 1.0, 0.95, 1.0, 1.25])  # Monday first
_HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 6, 8, 10, 11, 12, 13, 12, 11, 11, 12, 14, 17, 20, 21, 18, 11, 5], float)


@dataclass(frozen=True, slots=True)
class Baskets:
    """All orders (sorted by moment) and their lines (sorted by order). Amounts in cents of the order's currency."""

    account: Ints  # index of the account
    placed: Ints
    channel: Ints  # index into trade.CHANNELS
    lines_per_order: Ints
    items: Ints
    subtotal: Ints
    shipping: Ints
    coupon: Ints
    total: Ints
    order_of_line: Ints
    line_number: Ints
    product_id: Ints
    quantity: Ints
    unit_price: Ints
    line_discount: Ints
    line_amount: Ints
    is_wearable: npt.NDArray[np.bool_]


def baskets(accounts: Sequence[AccountDraft], products: Sequence[Product], *, rates: npt.NDArray[np.float64], rng: np.random.Generator,
            now: int) -> Baskets:  # fmt: skip
    """What every account put into its orders up to `now`. `rates` converts euro to each account's currency."""
    created = np.array([a.created for a in accounts], np.int64)
    guest = np.array([a.is_guest for a in accounts])
    nobody = np.array([a.person_id is None for a in accounts])
    # A few customers buy often, many once: gamma-Poisson. A guest has bought at least once, that is why the row exists.
    age = (now - created) / (_HISTORY_DAYS * DAY)
    count = rng.poisson(rng.gamma(0.8, 2.5, len(accounts)) * (0.25 + 1.4 * age))
    count = np.where(guest, 1 + (count > 5), count)
    count[nobody] = 0
    account = np.repeat(np.arange(len(accounts)), count)
    placed = _moments(created[account], rng=rng, now=now)
    order = np.argsort(placed, kind="stable")
    account, placed = account[order], placed[order]
    channel = rng.choice(4, len(account), p=[0.62, 0.25, 0.05, 0.08])
    channel[guest[account]] = 0

    lines_per_order = np.minimum(1 + rng.poisson(1.0, len(account)), 8)
    order_of_line = np.repeat(np.arange(len(account)), lines_per_order)
    starts = np.cumsum(lines_per_order) - lines_per_order
    line_number = np.arange(len(order_of_line)) - starts[order_of_line] + 1
    product = _products(len(order_of_line), order_of_line, line_number, starts, len(products), rng=rng)
    price = np.array([p.price for p in products], np.int64)[product]
    inflation = 1 - 0.06 * (now - placed[order_of_line]) / (365 * DAY)  # earlier orders were cheaper
    unit = np.rint(price * rates[account[order_of_line]] * inflation / 10).astype(np.int64) * 10 - 1
    quantity = rng.choice(np.array([1, 1, 1, 1, 1, 1, 1, 2, 2, 3]), len(order_of_line))
    reduced = np.where(rng.random(len(order_of_line)) < 0.08, rng.choice(np.array([10, 20, 30]), len(order_of_line)), 0)
    line_discount = unit * quantity * reduced // 100
    line_amount = unit * quantity - line_discount
    subtotal = np.bincount(order_of_line, line_amount, len(account)).astype(np.int64)
    items = np.bincount(order_of_line, quantity, len(account)).astype(np.int64)
    coupon = np.where(rng.random(len(account)) < 0.07, np.minimum(500, subtotal // 5), 0)
    shipping = np.where((subtotal < 5000) & (channel != 3), 490, 0)
    wearable = np.array([p.category in ("Clothing", "Shoes") for p in products])[product]
    return Baskets(
        account,
        placed,
        channel,
        lines_per_order,
        items,
        subtotal,
        shipping,
        coupon,
        subtotal + shipping - coupon,
        order_of_line,
        line_number,
        np.array([p.product_id for p in products], np.int64)[product],
        quantity,
        unit,
        line_discount,
        line_amount,
        wearable,
    )


def _moments(created: Ints, *, rng: np.random.Generator, now: int) -> Ints:
    """One order moment for each account's opening moment: season, weekday and hour weighted, after the opening, before now."""
    first_day = (now - _HISTORY_DAYS * DAY) // DAY
    days = np.arange(first_day, now // DAY + 1)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    weight = _MONTHS[month] * _WEEKDAYS[(days + 3) % 7] * (1 + 0.5 * (days - first_day) / _HISTORY_DAYS)
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    edges = np.concatenate([days, [days[-1] + 1]]) * DAY
    low, high = np.interp(created, edges, cumulative), np.interp(now, edges, cumulative)
    at = np.interp(low + rng.random(len(created)) * (high - low), cumulative, edges).astype(np.int64)
    hour = rng.choice(24, len(created), p=_HOURS / _HOURS.sum())
    in_day = at // DAY * DAY + hour * HOUR + rng.integers(0, HOUR // SECOND, len(created)) * SECOND
    earliest = created + 5 * MINUTE
    fits = (in_day >= earliest) & (in_day <= now - MINUTE)
    found: Ints = np.where(fits, in_day, np.clip(at, np.minimum(earliest, now - SECOND), now - SECOND))
    return found


def _products(lines: int, order_of_line: Ints, line_number: Ints, starts: Ints, size: int, *, rng: np.random.Generator) -> Ints:
    """Popular products often; a second line is, one time in three, the companion of the first."""
    popularity = 1.0 / (np.arange(size) + 6)
    product: Ints = rng.choice(rng.permutation(size), lines, p=popularity / popularity.sum())
    companion = rng.permutation(size)
    goes_with = (line_number > 1) & (rng.random(lines) < 0.35)
    product[goes_with] = companion[product[starts[order_of_line[goes_with]]]]
    return product


def season(now: int) -> float:
    """How busy the shop is on that day, 1 being an ordinary one."""
    at = moments.to_datetime(now)
    return float(_MONTHS[at.month - 1] * _WEEKDAYS[at.weekday()])
