"""What billing does while time passes; each change is told as an event, as there is no other way to learn of it."""

from __future__ import annotations

from typing import Any

from sandbox import documents, moments
from sandbox.billing.records import Bill, charge, customer, invoice, stripe_id
from sandbox.documents import Document
from sandbox.passage import Passage
from sandbox.population.people import Person

_SINGULAR = {"billing.customers": "customer", "billing.invoices": "invoice", "billing.charges": "charge"}


def bill_order(passage: Passage, bill: Bill) -> None:
    """An order by invoice: the customer if there is none yet, the invoice, and the charge when it is paid at once."""
    owner = passage.owner_of(f"shop.customers:{bill.shop_customer_id}")
    if owner is None or owner[0] is None:
        return
    if documents.get(passage.world.connection, "billing.customers", stripe_id("cus", bill.shop_customer_id)) is None:
        person = passage.world.person(owner[0])
        made = customer(person, bill.shop_customer_id, rng=passage.rng, created=bill.created, now=passage.now)
        _add(passage, made, "customer.created")
        passage.note(f"billing.customers:{made.id}", *owner)
    _add(passage, invoice(bill, now=passage.now), "invoice.created")
    if bill.paid is not None:
        _tell(passage, invoice(bill, now=passage.now), "invoice.paid", at=bill.paid)
        _add(passage, charge(bill, method="sepa_debit", at=bill.paid), "charge.succeeded")


def pay_order(passage: Passage, order_id: int, *, at: int) -> None:
    """The invoice of an order is paid."""
    found = documents.get(passage.world.connection, "billing.invoices", stripe_id("in", order_id))
    if found is None or found["status"] != "open":
        return
    bill = _bill_of(passage, order_id, found, paid=at)
    if bill is not None:
        _change(passage, invoice(bill, now=passage.now), "invoice.paid", at=at)
        _add(passage, charge(bill, method="sepa_debit", at=at), "charge.succeeded")


def refund_order(passage: Passage, order_id: int, *, at: int) -> None:
    """An order that was paid is cancelled: the money goes back."""
    found = documents.get(passage.world.connection, "billing.charges", stripe_id("ch", order_id))
    if found is not None and not found["refunded"]:
        body = {**found, "refunded": True, "amount_refunded": found["amount"]}
        _change(passage, Document("billing.charges", found["id"], at // moments.SECOND, body), "charge.refunded", at=at)


def tell(passage: Passage, person: Person, values: dict[str, Any], *, at: int) -> None:
    """A customer's details change."""
    for id_ in passage.world.records_of(person.person_id, "billing.customers")[:1]:
        found = documents.get(passage.world.connection, "billing.customers", id_)
        if found is not None and not found.get("deleted"):
            _change(passage, Document("billing.customers", id_, at // moments.SECOND, {**found, **values}), "customer.updated", at=at)


def forget(passage: Passage, person: Person, *, at: int) -> None:
    """A customer is deleted: the list no longer shows it, the event is all that tells."""
    for id_ in passage.world.records_of(person.person_id, "billing.customers")[:1]:
        found = documents.get(passage.world.connection, "billing.customers", id_)
        if found is not None and not found.get("deleted"):
            _change(
                passage, Document("billing.customers", id_, at // moments.SECOND, {**found, "deleted": True}), "customer.deleted", at=at
            )


def _bill_of(passage: Passage, order_id: int, found: dict[str, Any], *, paid: int) -> Bill | None:
    row = passage.shop.execute("select customer_id from orders where order_id = %s", [order_id]).fetchone()
    if row is None:
        return None
    return Bill(
        number=order_id, shop_customer_id=row[0], order_number=found["metadata"].get("order_number"), amount=found["amount_due"],
        currency=found["currency"], created=found["created"] * moments.SECOND, paid=paid,
    )  # fmt: skip


def _add(passage: Passage, document: Document, event: str) -> None:
    documents.add(passage.world.connection, [document])
    _tell(passage, document, event, at=document.changed * moments.SECOND)


def _change(passage: Passage, document: Document, event: str, *, at: int) -> None:
    changed = documents.change(passage.world.connection, document)
    _tell(passage, document, event, at=max(at, changed * moments.SECOND))  # in the order in which it happened


def _tell(passage: Passage, document: Document, event: str, *, at: int) -> None:
    """An event is made when it happens to be, late ones late: its own moment never lies before the last advance."""
    number = passage.take_id("billing_event")
    created = max(at, passage.low) // moments.SECOND
    id_ = f"evt_{number:016d}"
    body = {
        "id": id_, "object": "event", "api_version": "2025-09-30", "created": created, "type": event, "livemode": True,
        "data": {"object": {name: value for name, value in document.body.items() if name != "deleted"}},
    }  # fmt: skip
    passage.billing_events.append(Document("billing.events", id_, created, body))
