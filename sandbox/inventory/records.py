"""Stock movements: what leaves a warehouse with an order, comes back, is delivered, counted, moved to another one.

A warehouse tells a movement once it is recorded. Some scanners are offline for hours, so that movements come late and out of order;
some messages come twice; a count is now and then corrected: the same movement, recorded again. Moments are whole microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sandbox import moments
from sandbox.moments import DAY, HOUR, MINUTE, SECOND

WAREHOUSES = ("BER", "LYO", "WRO")
HISTORY_DAYS = 120
"""How far the bus reaches back, as a topic with a retention does; before that there is an opening balance per product and warehouse."""

_SHARES = (50, 80, 100)  # of a hundred orders: those below the first number leave from the first warehouse
_REORDER_BELOW = 5
Place = tuple[str, str]
"""(sku, warehouse)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of what lies in a warehouse; `quantity` is signed."""

    movement_id: str
    sku: str
    warehouse: str
    kind: str  # opening, sale, return, restock, adjustment, transfer_out, transfer_in
    quantity: int
    occurred: int
    recorded: int
    order_number: str | None = None
    line_number: int | None = None
    transfer_id: str | None = None
    reason: str | None = None
    unit_cost: int | None = None  # cents

    def body(self) -> dict[str, Any]:
        """As the warehouse writes it."""
        return {
            "movement_id": self.movement_id, "sku": self.sku, "warehouse": self.warehouse, "kind": self.kind, "quantity": self.quantity,
            "unit_cost": None if self.unit_cost is None else self.unit_cost / 100, "reason": self.reason,
            "reference": {"order_number": self.order_number, "line_number": self.line_number, "transfer_id": self.transfer_id},
            "occurred_at": moments.iso(self.occurred), "recorded_at": moments.iso(self.recorded),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the topic; without a value it says that its movement never was. `good`: the value a fault has spoiled."""

    sent: int
    warehouse: str
    key: str
    value: str | None
    good: str | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to become a movement; `quantity` is not signed, `other` is where a transfer goes."""

    kind: str
    place: Place
    quantity: int
    order_number: str | None = None
    line_number: int | None = None
    reason: str | None = None
    other: str = ""


@dataclass(slots=True)
class Books:
    """What lies where, and the numbers that movements and transfers get; makes movements of happenings."""

    levels: dict[Place, int]
    costs: Mapping[str, int]  # sku → cents
    rng: Random
    now: int
    number: int = 1

    def movement(self, kind: str, place: Place, quantity: int, *, at: int, **more: Any) -> Movement:
        """A movement as it is recorded; the level follows."""
        self.levels[place] = self.levels.get(place, 0) + quantity
        id_ = f"MV{self.number:09d}"
        self.number += 1
        recorded = min(at + self.rng.randrange(SECOND, 90 * SECOND), max(at, self.now))
        return Movement(
            movement_id=id_, sku=place[0], warehouse=place[1], kind=kind, quantity=quantity, occurred=at, recorded=recorded, **more
        )

    def sale(self, happening: Happening, *, at: int) -> Iterator[Movement]:
        """A line leaves; before the shelf is empty, the supplier has delivered."""
        place, quantity = happening.place, happening.quantity
        if self.levels.get(place, 0) - quantity < _REORDER_BELOW:
            delivered = quantity + self.rng.randrange(30, 80)
            yield self.movement("restock", place, delivered, at=at - self.rng.randrange(MINUTE, HOUR), unit_cost=self.costs.get(place[0]))
        yield self.movement("sale", place, -quantity, at=at, order_number=happening.order_number, line_number=happening.line_number)

    def taken_back(self, happening: Happening, *, at: int) -> Iterator[Movement]:
        """A line comes back; what is damaged is written off."""
        place, quantity = happening.place, happening.quantity
        yield self.movement("return", place, quantity, at=at, order_number=happening.order_number, line_number=happening.line_number)
        if happening.reason == "damaged":
            yield self.movement("adjustment", place, -quantity, at=min(at + self.rng.randrange(HOUR), max(at, self.now)), reason="damaged")

    def count(self, place: Place, *, at: int) -> Iterator[Movement]:
        """Somebody counts and finds another number than the books have; one count in ten is corrected later."""
        difference = self.rng.choice((-2, -1, -1, 1)) if self.levels.get(place, 0) > 2 else 1
        counted = self.movement("adjustment", place, difference, at=at, reason="count")
        yield counted
        if self.rng.random() < 0.1:
            corrected = replace(counted, quantity=-difference, recorded=min(counted.recorded + DAY, self.now), reason="count_corrected")
            if corrected.recorded > counted.recorded:
                self.levels[place] -= 2 * difference
                yield corrected

    def transfer(self, happening: Happening, *, at: int, arrives: int) -> Iterator[Movement]:
        """Goods leave one warehouse for another, where they arrive unless they are still on their way."""
        place, quantity = happening.place, happening.quantity
        if self.levels.get(place, 0) - quantity < _REORDER_BELOW:
            return
        id_ = f"TR{self.number:09d}"
        yield self.movement("transfer_out", place, -quantity, at=at, transfer_id=id_)
        if arrives <= self.now:
            yield self.movement("transfer_in", (place[0], happening.other), quantity, at=arrives, transfer_id=id_)


def warehouse_of(order_id: int) -> str:
    """The warehouse that sends an order, and takes it back."""
    drawn = order_id * 2_654_435_761 % 2**32 % 100
    return next(name for name, share in zip(WAREHOUSES, _SHARES, strict=True) if drawn < share)


def history(
    shop: Mapping[str, pa.Table], products: Iterable[tuple[int, str, int]], *, rng: Random, now: int
) -> tuple[list[Message], Books]:
    """The topic up to now, and the books. `shop`: tables of what was bought; `products`: (id, sku, price in cents)."""
    catalogue = list(products)
    since = now - HISTORY_DAYS * DAY
    books = Books({}, {sku: price * 55 // 100 for _, sku, price in catalogue}, rng, now)
    movements = [
        books.movement("opening", (sku, warehouse), rng.randrange(20, 80), at=since) for _, sku, _ in catalogue for warehouse in WAREHOUSES
    ]
    skus = {product_id: sku for product_id, sku, _ in catalogue}
    coming = [*_sold(shop, skus, since), *_returned(shop, skus, since), *_work(list(books.levels), since, rng=rng, now=now)]
    for at, what in sorted(coming, key=lambda pair: pair[0]):
        movements += _made(books, what, at=at)
    return messages(movements, rng=rng, now=now), books


def _made(books: Books, what: Happening, *, at: int) -> Iterator[Movement]:
    if what.kind == "sale":
        return books.sale(what, at=at)
    if what.kind == "return":
        return books.taken_back(what, at=at)
    if what.kind == "count":
        return books.count(what.place, at=at)
    return books.transfer(what, at=at, arrives=at + 20 * HOUR)


def messages(movements: Iterable[Movement], *, rng: Random, now: int) -> list[Message]:
    """In the order in which they reach the bus: most at once, some hours late, some twice; none after now."""
    sent = []
    for movement in movements:
        value = json.dumps(movement.body())
        delay = rng.randrange(HOUR, 6 * HOUR) if rng.random() < 0.02 else rng.randrange(2 * SECOND)
        at = min(movement.recorded + delay, now)
        sent.append(Message(at, movement.warehouse, movement.movement_id, value))
        if rng.random() < 0.01:
            sent.append(Message(min(at + rng.randrange(30 * MINUTE), now), movement.warehouse, movement.movement_id, value))
    return sorted(sent, key=lambda message: message.sent)


def _sold(shop: Mapping[str, pa.Table], skus: Mapping[int, str], since: int) -> Iterator[tuple[int, Happening]]:
    """Lines of orders that were sent, or taken along in the store, since then."""
    orders, payments, lines = shop["orders"], shop["payments"], shop["order_lines"]
    in_store = orders.filter(pc.and_(pc.equal(orders["channel"], "store"), pc.is_in(orders["status"], pa.array(["delivered", "returned"]))))
    paid = payments.filter(pc.and_(pc.equal(payments["status"], "captured"), pc.is_in(payments["order_id"], in_store["order_id"])))
    left = dict(zip(_ints(shop["shipments"]["order_id"]), _ints(shop["shipments"]["shipped_at"]), strict=True))
    left |= {order: at + MINUTE for order, at in zip(_ints(paid["order_id"]), _ints(paid["paid_at"]), strict=True)}
    recent = {order: at for order, at in left.items() if at >= since}
    chosen = lines.filter(pc.is_in(lines["order_id"], pa.array(list(recent), pa.int64())))
    columns = (_ints(chosen[name]) for name in ("order_id", "line_number", "product_id", "quantity"))
    for order, line, product, quantity in zip(*columns, strict=True):
        yield recent[order], Happening("sale", (skus[product], warehouse_of(order)), quantity, f"S{order:08d}", line)


def _returned(shop: Mapping[str, pa.Table], skus: Mapping[int, str], since: int) -> Iterator[tuple[int, Happening]]:
    returns, lines = shop["returns"], shop["order_lines"]
    chosen = lines.filter(pc.is_in(lines["order_id"], returns["order_id"]))
    products = dict(
        zip(zip(_ints(chosen["order_id"]), _ints(chosen["line_number"]), strict=True), _ints(chosen["product_id"]), strict=True)
    )
    columns = (_ints(returns[name]) for name in ("order_id", "line_number", "quantity", "returned_at"))
    for order, line, quantity, at, reason in zip(*columns, returns["reason"].to_pylist(), strict=True):
        if at >= since:
            place = (skus[products[order, line]], warehouse_of(order))
            yield at, Happening("return", place, quantity, f"S{order:08d}", line, reason)


def _work(places: list[Place], since: int, *, rng: Random, now: int) -> Iterator[tuple[int, Happening]]:
    """Counts and transfers."""
    for place in places:
        if rng.random() < 0.3:
            yield moments.between(rng, since + DAY, now - HOUR), Happening("count", place, 0)
        if rng.random() < 0.1:
            yield moments.between(rng, since + DAY, now - HOUR), transfer_from(place, rng=rng)


def transfer_from(place: Place, *, rng: Random) -> Happening:
    """A few pieces to one of the other warehouses."""
    other = rng.choice([name for name in WAREHOUSES if name != place[1]])
    return Happening("transfer", place, rng.randrange(2, 9), other=other)


def _ints(column: pa.ChunkedArray) -> list[int]:
    """Numbers, or moments as microseconds."""
    return column.cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]
