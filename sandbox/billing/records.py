"""What billing keeps of an order paid by invoice: the customer, the invoice, the charge. Amounts in minor units, moments in seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import pyarrow as pa
import pyarrow.compute as pc

from sandbox import moments
from sandbox.documents import Document
from sandbox.population.appearance import BILLING, appear, full_name, street_line
from sandbox.population.people import Person
from sandbox.shop.accounts import AccountDraft
from sandbox.truth import Record

_DUE = 14 * moments.DAY
_HISTORY = 400 * moments.DAY
_MEMBERSHIP = 4900


def stripe_id(prefix: str, number: object) -> str:
    """The id of the object that belongs to an account or order: looks like chance, is always the same."""
    return f"{prefix}_{hashlib.blake2b(f'{prefix}-{number}'.encode(), digest_size=9).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What is billed. Moments in microseconds; `paid` and `withdrawn` None while they have not come."""

    number: object  # of the order, or what else makes it one of a kind
    shop_customer_id: int
    order_number: str | None
    amount: int
    currency: str
    created: int
    paid: int | None
    withdrawn: int | None = None
    given_up: bool = False


def customer(person: Person, shop_customer_id: int, *, rng: Random, created: int, now: int) -> Document:
    """A customer as the invoice form made it."""
    shown = appear(person, BILLING, rng=rng, day=moments.day_of(created))
    address = shown.address
    id_ = stripe_id("cus", shop_customer_id)
    body = {
        "id": id_,
        "object": "customer",
        "name": full_name(shown),
        "email": shown.email,
        "phone": shown.mobile or shown.phone,
        "address": {
            "line1": street_line(address, rng=rng, habits=BILLING, in_latin=shown.in_latin),
            "line2": None,
            "postal_code": address.postal_code,
            "city": address.city_latin if shown.in_latin else address.city,
            "state": address.region_latin if shown.in_latin else address.region,
            "country": address.country,
        },
        "created": created // moments.SECOND,
        "delinquent": False,
        "invoice_prefix": id_[-8:].upper(),
        "livemode": True,
        "metadata": {"shop_customer_id": str(shop_customer_id)} if rng.random() < 0.7 else {},
        "preferred_locales": [person.locale[:2]],
    }
    return Document("billing.customers", id_, created // moments.SECOND, body)


def invoice(bill: Bill, *, now: int) -> Document:
    """The invoice as it stands now."""
    if bill.withdrawn is not None and bill.paid is None:
        status = "void"
    elif bill.paid is not None:
        status = "paid"
    else:
        status = "uncollectible" if bill.given_up else "open"
    paid = bill.amount if status == "paid" else 0
    id_ = stripe_id("in", bill.number)
    body = {
        "id": id_,
        "object": "invoice",
        "customer": stripe_id("cus", bill.shop_customer_id),
        "number": f"{stripe_id('cus', bill.shop_customer_id)[-8:].upper()}-{stripe_id('no', bill.number)[-6:].upper()}",
        "status": status,
        "currency": bill.currency.lower(),
        "amount_due": bill.amount,
        "amount_paid": paid,
        "amount_remaining": bill.amount - paid if status != "void" else 0,
        "attempt_count": 1,
        "billing_reason": "manual" if bill.order_number else "subscription_cycle",
        "created": bill.created // moments.SECOND,
        "due_date": (bill.created + _DUE) // moments.SECOND,
        "livemode": True,
        "metadata": {"order_number": bill.order_number} if bill.order_number else {},
        "status_transitions": {
            "finalized_at": bill.created // moments.SECOND,
            "paid_at": bill.paid // moments.SECOND if bill.paid is not None else None,
            "voided_at": bill.withdrawn // moments.SECOND if status == "void" and bill.withdrawn is not None else None,
            "marked_uncollectible_at": (bill.created + 4 * _DUE) // moments.SECOND if status == "uncollectible" else None,
        },
    }
    changed = max(filter(None, (bill.created, bill.paid, bill.withdrawn)))
    return Document("billing.invoices", id_, changed // moments.SECOND, body)


def charge(bill: Bill, *, method: str, at: int, failed: bool = False) -> Document:
    """An attempt to take the money; refunded when the order was withdrawn afterwards."""
    id_ = stripe_id("ch", f"{bill.number}{'-failed' if failed else ''}")
    refunded = bill.amount if bill.withdrawn is not None and not failed else 0
    body = {
        "id": id_,
        "object": "charge",
        "customer": stripe_id("cus", bill.shop_customer_id),
        "invoice": stripe_id("in", bill.number),
        "amount": bill.amount,
        "amount_captured": 0 if failed else bill.amount,
        "amount_refunded": refunded,
        "currency": bill.currency.lower(),
        "captured": not failed,
        "paid": not failed,
        "refunded": refunded > 0,
        "status": "failed" if failed else "succeeded",
        "failure_code": "insufficient_funds" if failed else None,
        "payment_method_details": {"type": method},
        "created": at // moments.SECOND,
        "livemode": True,
    }
    changed = at if not refunded or bill.withdrawn is None else bill.withdrawn
    return Document("billing.charges", id_, changed // moments.SECOND, body)


def charges(bill: Bill, *, rng: Random) -> list[Document]:
    """The attempts of a bill: none yet, or the one that went through, now and then with one before it that did not."""
    if bill.paid is None:
        return []
    method = rng.choice(("sepa_debit", "sepa_debit", "card", "customer_balance"))
    made = [charge(bill, method=method, at=bill.paid)]
    if rng.random() < 0.05:
        made.insert(0, charge(bill, method=method, at=max(bill.created, bill.paid - moments.DAY), failed=True))
    return made


def history(
    tables: Mapping[str, pa.Table], accounts: Sequence[AccountDraft], persons: Mapping[int, Person], *, rng: Random, now: int
) -> tuple[list[Document], list[Record]]:
    """Everything billed up to now, in the order it was made, and whom the customers show."""
    owners = {a.customer_id: a for a in accounts if a.person_id is not None}
    bills = [bill for bill in _order_bills(tables, now) if bill.shop_customer_id in owners]
    members = sorted({bill.shop_customer_id for bill in bills})
    bills += [bill for member in members if rng.random() < 0.15 for bill in _membership(owners[member], rng=rng, now=now)]
    bills.sort(key=lambda bill: bill.created)
    documents: list[Document] = []
    records: list[Record] = []
    known: set[int] = set()
    for bill in bills:
        account = owners[bill.shop_customer_id]
        if bill.shop_customer_id not in known:
            known.add(bill.shop_customer_id)
            made = customer(persons[account.person_id or 0], bill.shop_customer_id, rng=rng, created=bill.created, now=now)
            documents.append(made)
            records.append((f"billing.customers:{made.id}", account.person_id, account.household_id, account.locale))
        documents += [invoice(bill, now=now), *charges(bill, rng=rng)]
    return documents, records


def _order_bills(tables: Mapping[str, pa.Table], now: int) -> list[Bill]:
    payments, orders = tables["payments"], tables["orders"]
    by_invoice = payments.filter(pc.and_(pc.equal(payments["method"], "invoice"), pc.not_equal(payments["status"], "failed")))
    paid = dict(zip(by_invoice["order_id"].to_pylist(), by_invoice["paid_at"].cast(pa.int64()).to_pylist(), strict=True))
    first = pa.scalar(now - _HISTORY).cast(pa.timestamp("us", tz="UTC"))
    chosen = orders.filter(
        pc.and_(pc.is_in(orders["order_id"], by_invoice["order_id"].combine_chunks()), pc.greater(orders["ordered_at"], first))
    )
    names = ["order_id", "order_number", "customer_id", "status", "currency", "total_amount", "ordered_at", "updated_at"]
    columns = [chosen[name].cast(pa.int64()) if name.endswith("_at") else chosen[name] for name in names]
    return [
        Bill(
            number=order_id, shop_customer_id=customer_id, order_number=number, amount=round(total * 100), currency=currency,
            created=ordered, paid=paid[order_id], withdrawn=changed if status == "cancelled" else None,
        )
        for order_id, number, customer_id, status, currency, total, ordered, changed in zip(*(c.to_pylist() for c in columns), strict=True)
    ]  # fmt: skip


def _membership(account: AccountDraft, *, rng: Random, now: int) -> list[Bill]:
    """A yearly fee: usually paid, sometimes late, given up or withdrawn."""
    created = max(account.created, now - int(rng.random() * 360 * moments.DAY))
    chance = rng.random()
    later = min(created + int(rng.random() * 20 * moments.DAY), now)
    return [
        Bill(
            number=f"member-{account.customer_id}-{moments.day_of(created)[:4]}", shop_customer_id=account.customer_id, order_number=None,
            amount=_MEMBERSHIP, currency="EUR", created=created, paid=later if chance < 0.82 else None,
            withdrawn=later if chance > 0.97 else None, given_up=0.92 < chance <= 0.97 and created + 4 * _DUE < now,
        )
    ]  # fmt: skip
