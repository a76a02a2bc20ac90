"""Orders while time passes: placed, paid, sent, delivered, sent back; one row at a time."""

from __future__ import annotations

from sandbox import moments
from sandbox.billing.passing import bill_order, pay_order, refund_order
from sandbox.billing.records import Bill
from sandbox.inventory.passing import send_order, take_back
from sandbox.moments import MINUTE, SECOND
from sandbox.passage import Passage
from sandbox.shop.accounts import CURRENCIES
from sandbox.shop.trade import CARRIERS, RATES, REASONS
from sandbox.web import events as web_events


def place_order(passage: Passage, customer_id: int, *, at: int) -> int | None:
    """An account orders one to three products; returns the order's id, None when the account is unknown."""
    rng = passage.rng
    row = passage.shop.execute("select locale, created_at from customers where customer_id = %s", [customer_id]).fetchone()
    if row is None:
        return None
    at = max(at, moments.to_micros(row[1]))
    currency = CURRENCIES.get(row[0][3:], "EUR")
    channel = rng.choices(("web", "app", "phone", "store"), (62, 25, 5, 8))[0]
    address = passage.shop.execute(
        "select address_id from addresses where customer_id = %s and kind = 'shipping' and not is_deleted order by address_id desc limit 1",
        [customer_id],
    ).fetchone()
    products = rng.choices(passage.meta["products"], k=rng.choices((1, 2, 3), (55, 30, 15))[0])
    order_id = passage.take_id("orders")
    lines, subtotal, items = [], 0, 0
    for number, product in enumerate(products, 1):
        quantity = rng.choices((1, 2, 3), (8, 2, 1))[0]
        unit = max(1, round(product["price"] * RATES[currency] / 10) * 10 - 1)
        discount = unit * quantity * rng.choice((0, 0, 0, 0, 10)) // 100
        amount = unit * quantity - discount
        lines.append((order_id, number, product["product_id"], quantity, unit / 100, discount / 100, amount / 100, moments.to_datetime(at)))
        subtotal, items = subtotal + amount, items + quantity
    shipping = 490 if subtotal < 5000 and channel != "store" else 0
    cart_id = None
    when = moments.to_datetime(at)
    if channel in ("web", "app"):
        cart_id = passage.take_id("carts")
        owner = passage.owner_of(f"shop.customers:{customer_id}")
        anonymous = web_events.anonymous_id(passage.seed, customer_id=customer_id, household_id=owner[1] if owner else None)
        begun = moments.to_datetime(at - rng.randrange(2 * MINUTE, 40 * MINUTE))
        passage.insert("carts", (cart_id, customer_id, anonymous, "ordered", items, subtotal / 100, currency, begun, when))
    passage.insert(
        "orders",
        (
            order_id,
            f"S{order_id:08d}",
            customer_id,
            cart_id,
            "pending",
            channel,
            currency,
            subtotal / 100,
            shipping / 100,
            0,
            (subtotal + shipping) / 100,
            address[0] if address and channel != "store" else None,
            when,
            False,
            when,
        ),
    )
    for line in lines:
        passage.insert("order_lines", line)
    method = rng.choices(("card", "paypal", "invoice", "transfer"), (45, 30, 18, 7))[0]
    paid = min(at + rng.randrange(20 * SECOND, 15 * MINUTE), passage.now)
    is_paid = rng.random() < 0.8
    if is_paid:
        passage.insert("payments", (passage.take_id("payments"), order_id, method, "captured", (subtotal + shipping) / 100, currency,
                                    moments.to_datetime(paid), moments.to_datetime(paid)))  # fmt: skip
        passage.update("orders", order_id, {"status": "paid"}, at=paid)
    else:
        passage.insert(
            "payments", (passage.take_id("payments"), order_id, method, "authorised", (subtotal + shipping) / 100, currency, None, when)
        )
    if method == "invoice":
        bill_order(passage, Bill(
            number=order_id, shop_customer_id=customer_id, order_number=f"S{order_id:08d}", amount=subtotal + shipping, currency=currency,
            created=at, paid=paid if is_paid else None,
        ))  # fmt: skip
    if cart_id is not None:
        passage.visit(
            customer_id, at=at - 4 * MINUTE, products=[p["product_id"] for p in products], order=(order_id, (subtotal + shipping) / 100)
        )
    return order_id


def progress_order(passage: Passage) -> None:
    """One of the latest orders takes its next step: paid, sent, delivered, or cancelled."""
    newest = passage.next_ids["orders"] - 1
    row = passage.shop.execute(
        "select order_id, status, channel, updated_at from orders where order_id > %s and order_id <= %s "
        "and status in ('pending', 'paid', 'shipped') order by order_id limit 1",
        [newest - 3000 + passage.rng.randrange(2900), newest],
    ).fetchone()
    if row is None:
        return
    order_id, status, channel, updated = row
    at = max(passage.moment(), moments.to_micros(updated))
    when = moments.to_datetime(at)
    if status == "pending":
        passage.shop.execute(
            "update payments set status = 'captured', paid_at = %s, updated_at = %s where order_id = %s and status = 'authorised'",
            [when, when, order_id],
        )
        passage.update("orders", order_id, {"status": "paid"}, at=at)
        pay_order(passage, order_id, at=at)
    elif status == "paid" and passage.rng.random() < 0.06:
        passage.shop.execute(
            "update payments set status = 'refunded', updated_at = %s where order_id = %s and status = 'captured'", [when, order_id]
        )
        passage.update("orders", order_id, {"status": "cancelled"}, at=at)
        refund_order(passage, order_id, at=at)
    elif status == "paid":
        if channel != "store":
            code = f"JD{passage.rng.randrange(10**14):014d}"
            passage.insert(
                "shipments",
                (passage.take_id("shipments"), order_id, str(CARRIERS[passage.rng.randrange(4)]), code, "in_transit", when, None, when),
            )
        passage.update("orders", order_id, {"status": "shipped" if channel != "store" else "delivered"}, at=at)
        send_order(passage, order_id, at=at)
    else:
        passage.shop.execute(
            "update shipments set status = 'delivered', delivered_at = %s, updated_at = %s where order_id = %s and status = 'in_transit'",
            [when, when, order_id],
        )
        passage.update("orders", order_id, {"status": "delivered"}, at=at)


def return_line(passage: Passage) -> None:
    """A line of a delivered order comes back."""
    newest = passage.next_ids["orders"] - 1
    row = passage.shop.execute(
        "select l.order_id, l.line_number, l.quantity, l.line_amount from orders o join order_lines l using (order_id) "
        "where o.order_id > %s and o.order_id <= %s and o.status = 'delivered' "
        "and not exists (select 1 from returns r where r.order_id = l.order_id and r.line_number = l.line_number) "
        "order by l.order_id, l.line_number limit 1", [newest - 5000 + passage.rng.randrange(4000), newest],
    ).fetchone()  # fmt: skip
    if row is None:
        return
    order_id, line_number, quantity, amount = row
    at = passage.moment()
    when = moments.to_datetime(at)
    reason = str(REASONS[passage.rng.randrange(len(REASONS))])
    passage.insert("returns", (passage.take_id("returns"), order_id, line_number, quantity, reason, amount, when, when))
    take_back(passage, order_id, line_number, quantity=quantity, reason=reason, at=at)
    open_lines = passage.shop.execute(
        "select count(*) from order_lines l where order_id = %s and not exists "
        "(select 1 from returns r where r.order_id = l.order_id and r.line_number = l.line_number)", [order_id],
    ).fetchone()  # fmt: skip
    if open_lines and open_lines[0] == 0:
        passage.update("orders", order_id, {"status": "returned"}, at=at)
