"""A small company whose data changes at random: rows of raw with loads and change log, records and customers with theirs.

Stands in for ingestion and identity resolution, so that the models can be driven through every kind of change.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from customer360.contracts.model import SourceObject
from customer360.contracts.reader import load_contracts
from customer360.golden import contacts, pins
from customer360.golden.rules import read_rules
from customer360.warehouse import tables

REPO = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


class World:
    """Random rows over `people` shop accounts, and the customers they belong to."""

    def __init__(self, connection: Connection[Any], *, seed: int, people: int) -> None:
        self.connection = connection
        self.chance = random.Random(seed)
        self.people = people
        self.clock = START
        self.rows: dict[str, dict[tuple[Any, ...], Row]] = {}
        self.customer_of: dict[str, uuid.UUID] = {}
        self.attributes: dict[str, str] = {}
        self.objects = {obj.full_name: obj for contract in load_contracts().values() for obj in contract.objects}
        for obj in self.objects.values():
            tables.ensure(connection, obj)
        row = connection.execute("insert into identity.run (mode, model_version) values ('full', 'test') returning run_id").fetchone()
        assert row
        self.run_id = row[0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "connection"}

    def living_in(self, connection: Connection[Any]) -> World:
        """The same company in a copy of its database; this one stays as it is."""
        twin = copy.deepcopy(self)
        twin.connection = connection
        return twin

    # ---------------------------------------------------------------------------------------------- raw
    def publish(self, name: str, rows: Sequence[Row], *, deleted: Sequence[tuple[Any, ...]] = ()) -> int:
        """One load: the rows as they are now, and tombstones for the deleted keys. Returns the load id."""
        obj = self.objects[name]
        known = self.rows.setdefault(name, {})
        load = self.connection.execute(
            """insert into ops.load (system, object, kind, state, extracted, published, updated)
               values (%s, %s, 'incremental', 'published', %s, %s, %s) returning load_id""",
            [obj.system, obj.name, *[len(rows) + len(deleted)] * 3],
        ).fetchone()
        assert load
        load_id: int = load[0]
        for row in rows:
            key = tuple(row[name] for name in obj.key)
            known[key] = row
            self._upsert(obj, row, load_id, is_deleted=False)
        for key in deleted:
            self._upsert(obj, known.pop(key), load_id, is_deleted=True)
        self.connection.execute(
            "insert into ops.change (load_id, system, object, rows) values (%s, %s, %s, %s)",
            [load_id, obj.system, obj.name, len(rows) + len(deleted)],
        )
        return load_id

    def _upsert(self, obj: SourceObject, row: Row, load_id: int, *, is_deleted: bool) -> None:
        values = row | {
            "_load_id": load_id,
            "_row_hash": hashlib.sha256(json.dumps(row, default=str, sort_keys=True).encode()).digest(),
            "_is_deleted": is_deleted,
            "_first_seen_at": START,
            "_published_at": self.clock,
        }
        columns = sql.SQL(", ").join(map(sql.Identifier, values))
        self.connection.execute(
            sql.SQL(
                "insert into {table} ({columns}) values ({values}) on conflict ({key}) do update set ({columns}) = row ({excluded})"
            ).format(
                table=sql.Identifier("raw", obj.table),
                columns=columns,
                values=sql.SQL(", ").join(sql.Placeholder() * len(values)),
                key=sql.SQL(", ").join(map(sql.Identifier, obj.key)),
                excluded=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in values),
            ),
            list(values.values()),
        )

    # ----------------------------------------------------------------------------------------- identity
    def record(self, record_id: str, attributes: Mapping[str, str | None], *, is_verified: bool = False, is_deleted: bool = False) -> None:
        """Write a record and its attributes; a new one is a new customer."""
        system, _, rest = record_id.partition(".")
        obj = rest.partition(":")[0]
        self.connection.execute(
            """insert into identity.record (record_id, system, object, kind, is_deleted, first_seen_at, changed_at, attribute_hash)
               values (%s, %s, %s, 'person', %s, %s, %s, '\\x')
               on conflict (record_id) do update set is_deleted = excluded.is_deleted, changed_at = excluded.changed_at""",
            [record_id, system, obj, is_deleted, START, self.clock],
        )
        self.connection.execute("delete from identity.record_attribute where record_id = %s", [record_id])
        for attribute, value in attributes.items():
            self.connection.execute(
                """insert into identity.record_attribute
                   (record_id, attribute, ordinal, unit, field, raw_value, value, is_verified, observed_since)
                   values (%s, %s, 0, '', %s, %s, %s, %s, %s)""",
                [record_id, attribute, f"{system}.{obj}.{attribute}", value or "?", value, is_verified, self.clock],
            )
        if record_id in self.customer_of:
            self.changed(self.customer_of[record_id])
        else:
            self.move(record_id, self.new_customer())

    def new_customer(self) -> uuid.UUID:
        """A customer without a record, about to get one."""
        customer_id = uuid.UUID(int=self.chance.getrandbits(128), version=4)
        self.connection.execute(
            "insert into identity.customer (customer_id, born_at, born_run_id, confidence) values (%s, %s, %s, 1)",
            [customer_id, self.clock, self.run_id],
        )
        return customer_id

    def move(self, record_id: str, customer_id: uuid.UUID) -> None:
        """Give a record to a customer; one that is left without a record retires."""
        before = self.customer_of.get(record_id)
        if before == customer_id:
            return
        self.connection.execute(
            "update identity.membership set valid_to = %s where record_id = %s and valid_to is null", [self.clock, record_id]
        )
        self.connection.execute(
            "insert into identity.membership (record_id, customer_id, valid_from, run_id) values (%s, %s, %s, %s)",
            [record_id, customer_id, self.clock, self.run_id],
        )
        self.customer_of[record_id] = customer_id
        self.connection.execute("update identity.customer set retired_at = null where customer_id = %s", [customer_id])
        self.connection.execute("delete from identity.alias where alias_id = %s", [customer_id])
        self.changed(customer_id)
        if before is not None:
            if before not in self.customer_of.values():
                self.connection.execute("update identity.customer set retired_at = %s where customer_id = %s", [self.clock, before])
                self.connection.execute("update identity.alias set customer_id = %s where customer_id = %s", [customer_id, before])
                self.connection.execute(
                    "insert into identity.alias (alias_id, customer_id, since, run_id) values (%s, %s, %s, %s)",
                    [before, customer_id, self.clock, self.run_id],
                )
            self.changed(before)

    def changed(self, customer_id: uuid.UUID) -> None:
        """Tell the change log."""
        self.connection.execute(
            "insert into identity.change (customer_id, run_id, kind) values (%s, %s, 'changed')", [customer_id, self.run_id]
        )

    # ------------------------------------------------------------------------------------------- change
    def tick(self) -> datetime:
        """Some time passes."""
        self.clock += timedelta(minutes=self.chance.randint(1, 500))
        return self.clock

    def some_time(self) -> datetime:
        """Any moment so far."""
        return START + (self.clock - START) * self.chance.random()

    def some(self, name: str) -> Row | None:
        """A row of an object, or None while it has none."""
        rows = list(self.rows.get(name, {}).values())
        return self.chance.choice(rows) if rows else None

    def number(self) -> int:
        """A key that may be taken or not."""
        return self.chance.randint(1, self.people * 3)

    def step(self, changes: int) -> None:
        """Random changes of every kind."""
        for _ in range(changes):
            self.tick()
            self.chance.choice(CHANGES)(self)


def account(world: World) -> None:
    """A shop account is opened, edited or deleted."""
    number = world.chance.randint(1, world.people)
    row = {
        "customer_id": number, "email": f"p{number % 7}@x.example", "marketing_consent": world.chance.choice([True, False, None]),
        "is_deleted": False, "created_at": START, "updated_at": world.clock,
    }  # fmt: skip
    is_gone = world.chance.random() < 0.1 and (number,) in world.rows.get("shop.customers", {})
    world.publish("shop.customers", [] if is_gone else [row], deleted=[(number,)] if is_gone else [])
    value = None if world.chance.random() < 0.2 else f"name{world.chance.randint(1, 4)}"
    world.record(
        f"shop.customers:{number}",
        {"email": row["email"], "first_name": value, "city": f"city{world.chance.randint(1, 3)}"},
        is_verified=world.chance.random() < 0.5,
        is_deleted=is_gone,
    )


def contact(world: World) -> None:
    """A CRM contact is written."""
    number = str(world.chance.randint(1, world.people))
    world.publish(
        "crm.contacts",
        [
            {
                "id": number,
                "has_opted_out_of_email": world.chance.random() < 0.3,
                "created_date": START,
                "system_modstamp": world.clock,
                "is_deleted": False,
            }
        ],
    )
    world.record(f"crm.contacts:{number}", {"email": f"p{world.chance.randint(1, 7)}@x.example", "phone": f"+49{number}"})


def consent(world: World) -> None:
    """A contact opts out or in; nothing that identity looks at changes."""
    row = world.some("crm.contacts")
    if row:
        world.publish("crm.contacts", [row | {"has_opted_out_of_email": not row["has_opted_out_of_email"]}])


def subscriber(world: World) -> None:
    """A subscriber appears, changes state or leaves the list."""
    number = str(world.chance.randint(1, world.people))
    status = world.chance.choice(["subscribed", "unsubscribed", "bounced"])
    is_gone = world.chance.random() < 0.15 and (number,) in world.rows.get("email.subscribers", {})
    row = {
        "subscriber_id": number,
        "email": f"p{int(number) % 7}@x.example",
        "status": status,
        "subscribed_at": START,
        "updated_at": world.clock,
    }
    world.publish("email.subscribers", [] if is_gone else [row], deleted=[(number,)] if is_gone else [])
    if f"email.subscribers:{number}" not in world.customer_of or is_gone:
        world.record(f"email.subscribers:{number}", {"email": row["email"]}, is_deleted=is_gone)


def engagement(world: World) -> None:
    """A mail bounces, arrives, is opened or ends a subscription."""
    kind = world.chance.choice(["sent", "delivered", "opened", "bounced", "unsubscribed"])
    world.publish(
        "email.engagement",
        [{"event_id": str(world.number()), "subscriber_id": str(world.chance.randint(1, world.people)), "campaign_id": "c", "event_type": kind,
          "bounce_type": "hard" if kind == "bounced" else None, "occurred_at": world.some_time()}],
    )  # fmt: skip


def order(world: World) -> None:
    """An order is placed, changed, given to another account, sent again under a new id, or deleted."""
    number = world.number()
    is_gone = world.chance.random() < 0.15 and (number,) in world.rows.get("shop.orders", {})
    known = world.rows.get("shop.orders", {}).get((number,))
    row = {
        "order_id": number,
        # a business key does not change; two ids may share one
        "order_number": known["order_number"] if known else f"N{world.chance.randint(1, world.people * 2)}",
        "customer_id": world.chance.randint(1, world.people), "status": world.chance.choice(["paid", "cancelled", "pending"]), "channel": "web",
        "currency": world.chance.choice(["EUR", "USD", "XXX"]), "subtotal_amount": 10, "shipping_amount": 0, "discount_amount": 0,
        "total_amount": world.chance.randint(1, 100), "ordered_at": world.some_time(), "is_deleted": False, "updated_at": world.clock,
    }  # fmt: skip
    world.publish("shop.orders", [] if is_gone else [row], deleted=[(number,)] if is_gone else [])


def line(world: World) -> None:
    """A line comes, before or after its order, or goes."""
    number, position = world.number(), world.chance.randint(1, 2)
    is_gone = world.chance.random() < 0.15 and (number, position) in world.rows.get("shop.order_lines", {})
    row = {"order_id": number, "line_number": position, "product_id": 1, "quantity": 1, "unit_price": 5, "discount_amount": 0,
           "line_amount": world.chance.randint(1, 9), "updated_at": world.clock}  # fmt: skip
    world.publish("shop.order_lines", [] if is_gone else [row], deleted=[(number, position)] if is_gone else [])


def money_and_parcels(world: World) -> None:
    """A payment, a parcel and a return of some order, which may not be there."""
    number = world.number()
    key = world.chance.randint(1, world.people)
    world.publish("shop.payments", [{"payment_id": key, "order_id": number, "method": "card", "status": world.chance.choice(["captured", "failed"]),
                                     "amount": 5, "currency": "EUR", "paid_at": world.some_time(), "updated_at": world.clock}])  # fmt: skip
    world.publish("shop.shipments", [{"shipment_id": key, "order_id": number, "carrier": "x", "status": "lost", "updated_at": world.clock}])
    world.publish("shop.returns", [{"return_id": key, "order_id": number, "line_number": 1, "quantity": 1, "refund_amount": 3,
                                    "returned_at": world.some_time(), "updated_at": world.clock}])  # fmt: skip


def cart(world: World) -> None:
    """A cart of an account or of a visitor."""
    world.publish("shop.carts", [{"cart_id": world.number(), "customer_id": world.chance.choice([None, world.chance.randint(1, world.people)]),
                                  "anonymous_id": f"v{world.chance.randint(1, world.people)}", "status": world.chance.choice(["open", "abandoned"]),
                                  "total_amount": 7, "currency": "EUR", "created_at": world.some_time(), "updated_at": world.clock}])  # fmt: skip


def visit(world: World) -> None:
    """A page view or an identify of a visitor, at any time: late ones change who earlier events belong to."""
    kind = world.chance.choice(["page", "page", "identify"])
    user = str(world.chance.randint(1, world.people)) if kind == "identify" else None
    key = f"m{world.chance.randint(1, world.people * 20)}"
    world.publish("web.events", [{"message_id": key, "type": kind, "anonymous_id": f"v{world.chance.randint(1, world.people)}", "user_id": user,
                                  "occurred_at": world.some_time(), "received_at": world.clock}])  # fmt: skip
    if user and f"web.events:{user}" not in world.customer_of:
        world.record(f"web.events:{user}", {"first_name": f"w{user}"})


def bill(world: World) -> None:
    """An invoice, its payment or its withdrawal; the billing customer may not have come yet."""
    customer, number = f"cus_{world.chance.randint(1, world.people)}", str(world.number())
    status = world.chance.choice(["draft", "open", "paid", "void"])
    is_gone = world.chance.random() < 0.15 and (number,) in world.rows.get("billing.invoices", {})
    invoice = {"id": number, "customer_id": customer, "status": status, "currency": world.chance.choice(["eur", "jpy", "xxx"]),
               "amount_due": 1234, "amount_paid": 1234 * (status == "paid"), "amount_remaining": 1234 * (status == "open"),
               "created_at": world.some_time(), "due_at": world.some_time(), "changed_at": world.clock, "is_deleted": False}  # fmt: skip
    world.publish("billing.invoices", [] if is_gone else [invoice], deleted=[(number,)] if is_gone else [])
    world.publish("billing.charges", [{"id": number, "customer_id": customer, "invoice_id": number, "amount": 1234, "amount_refunded": 0,
                                       "currency": "eur", "status": world.chance.choice(["succeeded", "failed"]), "is_refunded": False,
                                       "created_at": world.some_time(), "changed_at": world.clock, "is_deleted": False}])  # fmt: skip
    if f"billing.customers:{customer}" not in world.customer_of:
        world.record(f"billing.customers:{customer}", {"email": f"p{world.chance.randint(1, 7)}@x.example"})


def ticket(world: World) -> None:
    """A ticket is opened, solved, rated, or deleted as spam."""
    user = world.chance.randint(1, world.people)
    status = world.chance.choice(["open", "solved", "deleted"])
    world.publish("support.tickets", [{"id": world.number(), "requester_id": user, "status": status,
                                       "satisfaction_score": world.chance.choice(["good", "bad", "unoffered"]), "created_at": START,
                                       "updated_at": world.clock, "generated_at": world.clock}])  # fmt: skip
    if f"support.users:{user}" not in world.customer_of:
        world.record(f"support.users:{user}", {"email": f"p{world.chance.randint(1, 7)}@x.example"})


def opinion(world: World) -> None:
    """A lead answers a campaign; a respondent answers a question, perhaps the same again, or an answer is taken back."""
    person = world.chance.randint(1, world.people)
    world.publish("marketing.responses", [{"response_id": str(world.number()), "campaign_id": "m", "lead_id": str(person),
                                           "response_type": "replied", "responded_at": world.some_time()}])  # fmt: skip
    profile = str(world.chance.randint(1, 5))  # moves from lead to lead, comes before or after what it did, or goes
    if world.chance.random() < 0.5:
        gone = world.chance.random() < 0.2 and (profile,) in world.rows.get("marketing.social_profiles", {})
        world.publish("marketing.social_profiles", [] if gone else [{"profile_id": profile, "network": "n", "handle": f"h{profile}",
                      "lead_id": str(person), "seen_at": world.clock}], deleted=[(profile,)] if gone else [])  # fmt: skip
    world.publish("marketing.social_interactions", [{"interaction_id": str(world.number()), "profile_id": profile, "kind": "like",
                                                     "occurred_at": world.some_time()}])  # fmt: skip
    number = str(world.number())
    is_gone = world.chance.random() < 0.15 and (number,) in world.rows.get("surveys.answers", {})
    answer = {"answer_id": number, "respondent_id": str(person), "survey_id": "s", "question_code": world.chance.choice(["recommend", "why"]),
              "score": world.chance.randint(0, 10), "answered_at": world.some_time()}  # fmt: skip
    known = world.rows.get("surveys.answers", {}).get((number,))
    if known:  # an answer stays with its respondent and question
        answer |= {name: known[name] for name in ("respondent_id", "question_code")}
    world.publish("surveys.answers", [] if is_gone else [answer], deleted=[(number,)] if is_gone else [])
    for record_id in (f"marketing.leads:{person}", f"surveys.respondents:{person}"):
        if record_id not in world.customer_of:
            world.record(record_id, {"email": f"p{world.chance.randint(1, 7)}@x.example"})


def movement(world: World) -> None:
    """Stock moves, perhaps of an order or article that is not there (yet); a movement is recorded again, or withdrawn."""
    number = f"MV{world.number()}"
    is_gone = world.chance.random() < 0.15 and (number,) in world.rows.get("inventory.movements", {})
    row = {"movement_id": number, "sku": f"S{world.chance.randint(1, 4)}", "warehouse": "BER", "kind": world.chance.choice(["sale", "restock"]),
           "quantity": world.chance.randint(-3, 9), "order_number": f"O{world.number()}", "occurred_at": world.some_time(),
           "recorded_at": world.clock}  # fmt: skip
    world.publish("inventory.movements", [] if is_gone else [row], deleted=[(number,)] if is_gone else [])


def review(world: World) -> None:
    """A product is judged by somebody known or not, of an article and order that may not be there; a review is edited, or withdrawn."""
    number, reviewer = f"R{world.number()}", f"u{world.chance.randint(1, world.people)}"
    known = world.rows.get("reviews.reviews", {}).get((number,))
    row = {"review_id": number, "event": "review.edited", "reviewer_id": known["reviewer_id"] if known else reviewer,
           "sku": f"S{world.chance.randint(1, 4)}", "order_number": f"O{world.number()}", "rating": world.chance.randint(1, 5),
           "is_withdrawn": False, "created_at": START, "changed_at": world.clock}  # fmt: skip
    is_gone = known is not None and world.chance.random() < 0.2
    world.publish("reviews.reviews", [] if is_gone else [row], deleted=[(number,)] if is_gone else [])
    if f"reviews.reviews:{reviewer}" not in world.customer_of:
        world.record(f"reviews.reviews:{reviewer}", {"email": f"p{world.chance.randint(1, 7)}@x.example"})


def product(world: World) -> None:
    """A product, whose SKU another one may have."""
    world.publish("shop.products", [{"product_id": world.chance.randint(1, 6), "sku": f"S{world.chance.randint(1, 3)}", "name": "n",
                                     "is_active": world.chance.random() < 0.5, "is_deleted": False, "created_at": START, "updated_at": world.clock}])  # fmt: skip


def merge(world: World) -> None:
    """A record moves to the customer of another."""
    if len(world.customer_of) > 1:
        moving, target = world.chance.sample(sorted(world.customer_of), 2)
        world.move(moving, world.customer_of[target])


def split(world: World) -> None:
    """A record becomes a customer of its own."""
    if world.customer_of:
        world.move(world.chance.choice(sorted(world.customer_of)), world.new_customer())


def pin(world: World) -> None:
    """A steward pins a value, what a record says, or that there is nothing; or takes a pin back."""
    standing = pins.listed(world.connection)
    if not world.customer_of or (standing and world.chance.random() < 0.3):
        for one in standing[:1]:
            pins.remove(world.connection, one.pin_id, by="steward", why="test")
        return
    record_id = world.chance.choice(sorted(world.customer_of))
    customer_id, rules = world.customer_of[record_id], read_rules(REPO)
    kind = world.chance.choice(["value", "record", "nothing"])
    if kind == "value":
        number = world.chance.randint(1, 9)
        pins.pin_values(world.connection, rules, customer_id, "phone", {"phone": f"+4915112345{number:02}"}, by="steward", why="test")
    elif kind == "nothing":
        pins.pin_nothing(world.connection, rules, customer_id, "email", by="steward", why="test")
    else:
        with contextlib.suppress(pins.PinError):  # the record has no mail address now
            pins.pin_record(world.connection, rules, customer_id, "email", record_id, by="steward", why="test")


def report(world: World) -> None:
    """A mail address is reported dead, or alive again."""
    standing = contacts.listed(world.connection)
    if standing and world.chance.random() < 0.5:
        contacts.withdraw(world.connection, standing[0].report_id, by="steward")
    else:
        contacts.report(world.connection, "email", f"p{world.chance.randint(1, 7)}@x.example", state="bounced", by="steward")


CHANGES: tuple[Callable[[World], None], ...] = (
    account, account, contact, consent, subscriber, engagement, engagement, order, order, order, line, line, money_and_parcels, cart, visit, visit,
    bill, bill, ticket, opinion, movement, review, product, merge, split, pin, pin, report,
)  # fmt: skip
