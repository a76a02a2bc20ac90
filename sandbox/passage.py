"""What a change works with while time passes: the world, the shop, chance, moments, and what is to be written at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox import moments
from sandbox.documents import Document
from sandbox.email import export
from sandbox.email.subscribers import SubscriberDraft
from sandbox.inventory import store
from sandbox.inventory.records import Message, Movement, Place
from sandbox.population.people import Company, Person, Population
from sandbox.shop import schema
from sandbox.shop.accounts import AccountDraft, AddressDraft
from sandbox.shop.database import Statements
from sandbox.truth import Record
from sandbox.web import events as web_events
from sandbox.world import SUBSCRIBER_FIELDS, World

_LATE = 8 * moments.MINUTE


class _ShopEmails(set[str]):
    """Registered login addresses, looked up in the shop rather than held."""

    def __init__(self, shop: Statements) -> None:
        super().__init__()
        self._shop = shop

    def __contains__(self, email: object) -> bool:
        return (
            super().__contains__(email)
            or self._shop.execute("select 1 from customers where lower(email) = %s limit 1", [email]).fetchone() is not None
        )


class _ListEmails(set[str]):
    """Addresses on the subscriber list, looked up rather than held."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def __contains__(self, email: object) -> bool:
        return super().__contains__(email) or self._world.has_mail_subscriber(str(email))


@dataclass(slots=True)
class Passage:
    """One advance: from `low` to `now` (microseconds). Changes read and write through it."""

    world: World
    shop: Statements
    population: Population
    rng: Random
    low: int
    now: int
    seed: int
    meta: dict[str, Any]
    next_ids: dict[str, int]  # next free number per table of the shop and object of the CRM
    shop_emails: set[str]
    list_emails: set[str]
    companies: dict[int, Company]
    records: dict[str, Record] = field(default_factory=dict)  # made in this advance, by record id
    events: list[web_events.Event] = field(default_factory=list)
    engagement: list[tuple[int, str, str, str, str, str, str]] = field(default_factory=list)
    list_changed: bool = False
    billing_events: list[Document] = field(default_factory=list)
    marketing: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"leads": [], "responses": [], "interactions": []})
    stock: dict[Place, int] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    withdrawn: list[Message] = field(default_factory=list)
    reviewed: list[dict[str, Any]] = field(default_factory=list)
    surveys: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"respondents": [], "answers": []})

    def somebody(self) -> Person:
        """Any person, each as likely."""
        return self.world.person(self.rng.randint(1, int(self.meta["last_person"])))

    # --------------------------------------------------------------------------------------------- moments, ids
    def moment(self) -> int:
        """When a change happens: since the last advance; one in thirty was committed late and lies a few minutes before it."""
        if self.rng.random() < 0.033:
            return self.low - self.rng.randrange(moments.SECOND, _LATE)
        return moments.between(self.rng, self.low + 1, self.now)

    def note(self, record_id: str, person_id: int | None, household_id: int | None, locale: str) -> None:
        """A new record, and whom it shows."""
        self.records[record_id] = (record_id, person_id, household_id, locale)

    @property
    def today(self) -> str:
        """The ISO day of now (UTC)."""
        return moments.day_of(self.now)

    def take_id(self, name: str) -> int:
        """The next free number of a table or object."""
        number = self.next_ids[name]
        self.next_ids[name] = number + 1
        return number

    def owner_of(self, record_id: str) -> tuple[int | None, int | None, str] | None:
        """Person, household and locale of a record; None when it is unknown."""
        if record_id in self.records:
            return self.records[record_id][1:]
        row = self.world.connection.execute(
            "select person_id, household_id, locale from record where record_id = ?", [record_id]
        ).fetchone()
        return (row[0], row[1], row[2]) if row else None

    # ------------------------------------------------------------------------------------------------ the shop
    def insert(self, table: str, values: Sequence[Any]) -> None:
        """Add a row given in the order of the table's columns."""
        self.shop.execute(
            f"insert into public.{table} ({', '.join(schema.columns(table))}) values ({', '.join(['%s'] * len(values))})", values
        )

    def update(self, table: str, key: int, values: dict[str, Any], *, at: int) -> None:
        """Change columns of a row by its (single-column) key; its change time becomes `at`."""
        assignments = ", ".join(f"{column} = %s" for column in values)
        self.shop.execute(
            f"update public.{table} set {assignments}, updated_at = greatest(updated_at, %s) where {schema.KEYS[table][0]} = %s",
            [*values.values(), moments.to_datetime(at), key],
        )

    def account_of(self, person: Person) -> int | None:
        """A living account of a person, by chance if there are several."""
        keys = [int(key) for key in self.world.records_of(person.person_id, "shop.customers")]
        rows = self.shop.execute(
            "select customer_id from customers where customer_id = any(%s) and not is_deleted order by 1", [keys]
        ).fetchall()
        return int(self.rng.choice(rows)[0]) if rows else None

    def add_account(self, account: AccountDraft, row: Sequence[Any]) -> None:
        """A new account with its addresses; `row` are the values of `customers`."""
        self.insert("customers", row)
        for address in account.addresses:
            self.add_address(account.customer_id, address)
        self.note(f"shop.customers:{account.customer_id}", account.person_id, account.household_id, account.locale)

    def add_address(self, customer_id: int, address: AddressDraft) -> int:
        """A new address of an account; returns its id."""
        number = self.take_id("addresses")
        self.insert(
            "addresses",
            (
                number,
                customer_id,
                address.kind,
                address.street,
                address.house_number,
                address.postal_code,
                address.city,
                address.region,
                address.country,
                address.is_deleted,
                moments.to_datetime(address.created),
                moments.to_datetime(address.updated),
            ),
        )
        return number

    # -------------------------------------------------------------------------------------------- the mail tool
    def add_subscriber(self, subscriber: SubscriberDraft) -> None:
        """A new row of the subscriber list; gives it its id."""
        subscriber.subscriber_id = f"sub_{self.take_id('subscriber'):07d}"
        marks = ", ".join("?" * len(SUBSCRIBER_FIELDS))
        self.world.connection.execute(
            f"insert into subscriber ({', '.join(SUBSCRIBER_FIELDS)}) values ({marks})", export.subscriber_row(subscriber)
        )
        self.note(f"email.subscribers:{subscriber.subscriber_id}", subscriber.person_id, subscriber.household_id, subscriber.locale)
        self.list_changed = True

    def change_subscriber(self, subscriber_id: str, values: dict[str, Any], *, at: int) -> None:
        """Change a row of the list; its `updated_at` becomes `at`."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        self.world.connection.execute(
            f"update subscriber set {assignments}, updated_at = max(updated_at, ?) where subscriber_id = ?",
            [*values.values(), moments.iso(at), subscriber_id],
        )
        self.list_changed = True

    # -------------------------------------------------------------------------------------------------- the web
    def visit(self, customer_id: int, *, at: int, products: Sequence[int], order: tuple[int, float] | None = None) -> None:
        """A visit of a shop account; the first one begins with a log-in."""
        row = self.shop.execute(
            "select email, first_name, last_name, locale from customers where customer_id = %s", [customer_id]
        ).fetchone()
        who = self.owner_of(f"shop.customers:{customer_id}")
        if row is None or who is None:
            return
        anonymous = web_events.anonymous_id(self.seed, customer_id=customer_id, household_id=who[1])
        visitor = web_events.Visitor(anonymous, customer_id, row[3], row[0], row[1], row[2])
        name = f"web.events:{customer_id}"
        known = name in self.records or self.world.has_record(name)
        logs_in = not known or self.rng.random() < 0.5
        self.events += web_events.session(visitor, rng=self.rng, at=at, products=products, order=order, logs_in=logs_in)

    def note_identified(self, customer_ids: set[int]) -> None:
        """Records of the web that identify calls have made."""
        for customer_id in sorted(customer_ids):
            who = self.owner_of(f"shop.customers:{customer_id}")
            name = f"web.events:{customer_id}"
            if who is not None and name not in self.records and not self.world.has_record(name):
                self.note(name, *who)


def open_passage(world: World, shop: Statements, *, rng: Random, low: int, now: int, meta: dict[str, Any]) -> Passage:
    """A passage whose ids continue where the systems stand."""
    from sandbox.population.phones import PhoneBook

    next_ids = dict(meta["next"])
    for table, (key, *_) in schema.KEYS.items():
        if table != "order_lines":
            row = shop.execute(f"select coalesce(max({key}), 0) + 1 from public.{table}").fetchone()
            next_ids[table] = int(row[0]) if row else 1
    companies = world.companies()
    population = Population(
        next_person=next_ids["person"], next_household=next_ids["household"], phones=PhoneBook(meta["phones"]), companies=companies,
        is_taken=world.is_mailbox_taken,
    )  # fmt: skip
    return Passage(
        world,
        shop,
        population,
        rng,
        low,
        now,
        meta["seed"],
        meta,
        next_ids,
        _ShopEmails(shop),
        _ListEmails(world),
        {c.company_id: c for c in companies},
        stock=store.levels_of(world.connection),
    )
