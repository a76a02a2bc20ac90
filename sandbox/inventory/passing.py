"""What the warehouses do while time passes."""

from __future__ import annotations

from sandbox.inventory import records
from sandbox.inventory.records import Books, Happening, Message, Movement
from sandbox.moments import HOUR
from sandbox.passage import Passage


def send_order(passage: Passage, order_id: int, *, at: int) -> None:
    """An order leaves its warehouse, line by line."""
    rows = passage.shop.execute(
        "select line_number, product_id, quantity from order_lines where order_id = %s order by line_number", [order_id]
    ).fetchall()
    books = open_books(passage)
    for line, product_id, quantity in rows:
        place = (_sku(passage, product_id), records.warehouse_of(order_id))
        passage.movements += books.sale(Happening("sale", place, quantity, f"S{order_id:08d}", line), at=at)
    _close(passage, books)


def take_back(passage: Passage, order_id: int, line_number: int, *, quantity: int, reason: str, at: int) -> None:
    """A line of an order comes back to the warehouse that sent it."""
    row = passage.shop.execute(
        "select product_id from order_lines where order_id = %s and line_number = %s", [order_id, line_number]
    ).fetchone()
    if row is None:
        return
    books = open_books(passage)
    place = (_sku(passage, row[0]), records.warehouse_of(order_id))
    passage.movements += books.taken_back(Happening("return", place, quantity, f"S{order_id:08d}", line_number, reason), at=at)
    _close(passage, books)


def stocktake(passage: Passage) -> None:
    """Somebody counts a shelf. One count in twenty never was: its message is withdrawn."""
    books = open_books(passage)
    place = passage.rng.choice(sorted(books.levels))
    made = list(books.count(place, at=passage.moment()))
    passage.movements += made
    if passage.rng.random() < 0.05 and len(made) == 1:
        books.levels[place] -= made[0].quantity
        passage.withdrawn.append(Message(passage.now, place[1], made[0].movement_id, None))
    _close(passage, books)


def transfer(passage: Passage) -> None:
    """Goods go from one warehouse to another."""
    books = open_books(passage)
    place = passage.rng.choice(sorted(books.levels))
    at = passage.moment()
    arrives = min(at + passage.rng.randrange(HOUR, 4 * HOUR), max(at, passage.now))
    passage.movements += books.transfer(records.transfer_from(place, rng=passage.rng), at=at, arrives=arrives)
    _close(passage, books)


def told(passage: Passage) -> list[Message]:
    """The messages of all that happened, in the order in which they reach the bus."""
    movements: list[Movement] = passage.movements
    return [*records.messages(movements, rng=passage.rng, now=passage.now), *passage.withdrawn]


def open_books(passage: Passage) -> Books:
    """The books as they stand."""
    costs = {product["sku"]: product["price"] * 55 // 100 for product in passage.meta["products"]}
    return Books(passage.stock, costs, passage.rng, passage.now, passage.next_ids["movement"])


def _close(passage: Passage, books: Books) -> None:
    passage.next_ids["movement"] = books.number


def _sku(passage: Passage, product_id: int) -> str:
    return str(next(product["sku"] for product in passage.meta["products"] if product["product_id"] == product_id))
