"""Make the world: the population, and every system filled with what it knows of it.

Deterministic from seed, size and `now`. Nothing is announced as existing before all of it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random

import numpy as np

from customer360.errors import UserError
from customer360.platform import home
from customer360.platform.processes import ProcessBook
from customer360.warehouse.embedded import EmbeddedServer
from sandbox import moments, services, truth
from sandbox.cast import Cast, cast_of, records_of
from sandbox.crm import ids, store
from sandbox.crm.records import ContactDraft
from sandbox.email import campaigns, export
from sandbox.email.subscribers import SubscriberDraft
from sandbox.inventory import records as inventory
from sandbox.inventory import store as inventory_store
from sandbox.layout import Layout
from sandbox.moments import DAY, HOUR, MINUTE
from sandbox.population.people import Population
from sandbox.shop import database
from sandbox.shop.accounts import AccountDraft
from sandbox.shop.catalogue import Product, catalogue
from sandbox.shop.trade import Trade, trade
from sandbox.web import events as web_events
from sandbox.web import files as web_files
from sandbox.world import SUBSCRIBER_FIELDS, World, remove_world

FIRST_ADDRESS = 200_001
WEB_DAYS = 30  # how far the event files reach back
_LARGEST = 5_000_000
SERVER = "sandbox"  # the server's name among the processes
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Created:
    """What `create` found or made: rows per source object, number of persons and the seed."""

    fresh: bool
    customers: int
    seed: int
    rows: dict[str, int]


def create(
    customers: int = 20_000, *, seed: int = 360, now: datetime | None = None, fresh: bool = False, progress: Progress | None = None
) -> Created:
    """Make the sandbox below `$C360_HOME`, or leave one that exists as it is; `fresh` replaces it.

    The shop's server is started if need be and left running. `now` (UTC) is the moment the world has reached; default: the clock's.
    Raises UserError for a size that makes no sense, and when a fresh one is wanted under a running server; EmbeddedServerError when
    the shop cannot be started.
    """
    say = progress or (lambda text: None)
    if not 10 <= customers <= _LARGEST:
        raise UserError(f"{customers} customers: the sandbox can have 10 to {_LARGEST:,}; set --customers or DEMO_CUSTOMERS")
    layout = Layout(home.ensure_home())
    shop = database.server(layout)
    if exists(layout) and not fresh:
        shop.start()
        with World(layout.world, read_only=True) as world:
            meta = world.read_meta()
        return Created(False, meta["customers"], meta["seed"], meta["rows"])
    if ProcessBook(layout.processes).is_running(SERVER):
        raise UserError("the sandbox server runs on the old world; stop it first: customer360 sandbox stop")
    at = moments.to_micros((now or datetime.now(UTC)).replace(microsecond=0))
    for folder in (layout.web, layout.email, layout.marketing, layout.surveys, layout.mails, layout.truth.parent):
        shutil.rmtree(folder, ignore_errors=True)
    remove_world(layout.world)
    layout.root.mkdir(parents=True, exist_ok=True)
    shop.start()
    say("population")
    population = Population()
    cast = cast_of(population, customers, rng=Random(f"{seed}-people"), now=at)
    products = catalogue(rng=Random(f"{seed}-catalogue"), now=at)
    say("shop")
    visitors = [web_events.anonymous_id(seed, customer_id=a.customer_id, household_id=a.household_id) for a in cast.accounts]
    first_address, address_rows = _addresses(cast.accounts)
    bought = trade(
        cast.accounts, first_address, visitors, products, rng=np.random.default_rng([seed, 1]), now=at, web_since=at - WEB_DAYS * DAY
    )  # fmt: skip
    rows = _fill_shop(shop, cast.accounts, address_rows, products, bought)
    say("web")
    identified, rows["web.events"], on_the_way = _fill_web(
        layout, cast.accounts, visitors, products, bought, rng=Random(f"{seed}-web"), now=at
    )
    say("crm, email, billing, support, marketing, surveys, reviews, inventory, truth")
    temporary = layout.world.with_name("world.new")
    with World.create(temporary) as world:
        with world.transaction():
            rows |= _fill_world(world, population, cast, seed=seed)
            engagement, rows["email.engagement"] = _fill_email(
                layout, world, cast.subscribers, rng=np.random.default_rng([seed, 2]), now=at
            )
            filled = services.fill(
                layout, world, cast, population.companies, bought.tables, {p.product_id: p.sku for p in products}, seed=seed, now=at
            )
            rows |= filled.rows
            rows["inventory.movements"], movement = _fill_inventory(world, products, bought, seed=seed, now=at)
            records = records_of(cast, identified) + filled.records
            world.save_records(records)
            world.connection.executemany("insert into in_transit (line) values (?)", ((line,) for line in on_the_way))
            world.write_meta(
                {
                    "seed": seed,
                    "customers": customers,
                    "now": at,
                    "changes": 0,
                    "advances": 0,
                    "rows": rows,
                    "phones": population.phones.counters,
                    "next": {
                        "person": population.next_person,
                        "household": population.next_household,
                        "contact": len(cast.contacts) + 1,
                        "lead": len(cast.leads) + 1,
                        "account": rows["crm.accounts"] + 1,
                        "subscriber": len(cast.subscribers) + 1,
                        "engagement": engagement,
                        "campaign": len(campaigns.CAMPAIGNS),
                        "movement": movement,
                        **filled.next_ids,
                    },
                    "products": [asdict(p) for p in products],
                    "last_person": population.next_person - 1,
                }
            )
        truth.write(layout.truth, records)
        world.connection.execute("pragma wal_checkpoint(truncate)")
    temporary.replace(layout.world)
    return Created(True, customers, seed, rows)


def exists(layout: Layout) -> bool:
    """Whether a sandbox was made completely; the world file is put in place last."""
    return layout.world.exists()


# --------------------------------------------------------------------------------------------------- the systems
def _addresses(accounts: Sequence[AccountDraft]) -> tuple[list[int | None], list[tuple[object, ...]]]:
    """The address each account ships to, and all address rows."""
    first: list[int | None] = []
    rows: list[tuple[object, ...]] = []
    for account in accounts:
        ships_to = None
        for address in account.addresses:
            address_id = FIRST_ADDRESS + len(rows)
            if not address.is_deleted and address.kind == "shipping":
                ships_to = address_id
            rows.append(
                (
                    address_id,
                    account.customer_id,
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
                )
            )
        first.append(ships_to)
    return first, rows


def customer_row(account: AccountDraft) -> tuple[object, ...]:
    """Values in the order of the shop's `customers` columns."""
    return (
        account.customer_id,
        account.email,
        account.email_verified,
        account.first,
        account.last,
        account.birth,
        account.gender,
        account.phone,
        account.loyalty_id,
        account.crm_contact_id,
        account.locale,
        account.consent,
        account.is_deleted,
        moments.to_datetime(account.created),
        moments.to_datetime(account.updated),
    )


def _fill_shop(
    shop: EmbeddedServer,
    accounts: Sequence[AccountDraft],
    address_rows: list[tuple[object, ...]],
    products: Sequence[Product],
    bought: Trade,
) -> dict[str, int]:
    import psycopg

    database.create_database(shop)
    with psycopg.connect(shop.uri(database.DATABASE), options="-c timezone=UTC") as connection:
        rows = {
            "shop.customers": database.copy_rows(connection, "customers", (customer_row(a) for a in accounts)),
            "shop.addresses": database.copy_rows(connection, "addresses", address_rows),
            "shop.products": database.copy_rows(
                connection,
                "products",
                (
                    (
                        p.product_id,
                        p.sku,
                        p.name,
                        p.category,
                        p.brand,
                        p.price / 100,
                        "EUR",
                        p.is_active,
                        p.is_deleted,
                        moments.to_datetime(p.created),
                        moments.to_datetime(p.updated),
                    )
                    for p in products
                ),
            ),
        }
        for table, content in bought.tables.items():
            rows[f"shop.{table}"] = database.copy_table(connection, table, content)
        database.finish(connection)
    return rows


def _fill_web(
    layout: Layout,
    accounts: Sequence[AccountDraft],
    visitors: Sequence[str],
    products: Sequence[Product],
    bought: Trade,
    *,
    rng: Random,
    now: int,
) -> tuple[set[int], int, list[str]]:
    """Event files of the last weeks. Returns the accounts that identify calls named, the number of lines, lines still on their way."""
    product_ids = [p.product_id for p in products]
    stream: list[web_events.Event] = []
    seen_before: set[int] = set()

    def visit(index: int, at: int, seen: list[int], order: tuple[int, float] | None) -> None:
        account = accounts[index]
        visitor = web_events.Visitor(visitors[index], account.customer_id, account.locale, account.email, account.first, account.last)
        logs_in = (order is not None and account.customer_id not in seen_before) or rng.random() < 0.5
        made = web_events.session(visitor, rng=rng, at=at, products=seen, order=order, logs_in=logs_in)
        seen_before.add(account.customer_id)
        stream.extend(made)

    for index, placed, order_id, revenue, seen in bought.web_orders:
        visit(index, placed - 4 * MINUTE, seen, (order_id, revenue))
    for index, account in enumerate(accounts):
        if account.is_guest or account.is_deleted:
            continue
        since = max(account.created, now - WEB_DAYS * DAY)
        if rng.random() < 0.3:
            at = moments.between(rng, since, now)
            visit(index, at, rng.choices(product_ids, k=rng.randrange(3)), None)
    for _ in range(len(accounts) // 4):
        somebody = web_events.unknown_visitor(rng, rng.choice(accounts).locale)
        at = now - int(rng.random() * WEB_DAYS * DAY)
        stream += web_events.session(somebody, rng=rng, at=at, products=rng.choices(product_ids, k=rng.randrange(3)))
    received, on_the_way = web_events.split(stream, now=now)
    web_files.write_history(layout.web, received)
    return web_events.identified(received), len(received), on_the_way


def _fill_world(world: World, population: Population, cast: Cast, *, seed: int) -> dict[str, int]:
    world.save_persons(cast.persons)
    world.save_companies(population.companies)
    world.take_mailboxes(population.addresses_given)
    accounts = _crm_accounts(world, population, cast, rng=Random(f"{seed}-crm"))
    store.insert(world.connection, "Account", accounts)
    store.insert(world.connection, "Contact", (store.contact_row(c) for c in cast.contacts))
    store.insert(world.connection, "Lead", (store.lead_row(lead) for lead in cast.leads))
    marks = ", ".join("?" * 10)
    world.connection.executemany(
        f"insert into subscriber ({', '.join(SUBSCRIBER_FIELDS)}) values ({marks})", (export.subscriber_row(s) for s in cast.subscribers)
    )
    return {
        "crm.contacts": len(cast.contacts),
        "crm.leads": len(cast.leads),
        "crm.accounts": len(accounts),
        "email.subscribers": len(cast.subscribers),
    }


def _fill_inventory(world: World, products: Sequence[Product], bought: Trade, *, seed: int, now: int) -> tuple[int, int]:
    """The topic's messages; returns their number and that of the next movement."""
    stocked = [(p.product_id, p.sku, p.price) for p in products]
    messages, books = inventory.history(bought.tables, stocked, rng=Random(f"{seed}-inventory"), now=now)
    inventory_store.keep(world.connection, messages)
    inventory_store.keep_levels(world.connection, books.levels)
    return len(messages), books.number


def _crm_accounts(world: World, population: Population, cast: Cast, *, rng: Random) -> list[tuple[object, ...]]:
    """Accounts for companies and for households of which sales know somebody; sets `account_id` of their contacts."""
    rows: list[tuple[object, ...]] = []
    first_contact: dict[tuple[str, int], ContactDraft] = {}
    for contact in cast.contacts:
        key = ("company", contact.company_id) if contact.company_id else ("household", contact.household_id or 0)
        first_contact.setdefault(key, contact)
    persons = {p.person_id: p for p in cast.persons}
    companies = {c.company_id: c for c in population.companies}
    made: dict[tuple[str, int], str] = {}
    for (kind, number), contact in first_contact.items():
        if kind == "household" and (not number or rng.random() < 0.4):
            continue
        account_id = ids.record_id(ids.ACCOUNT, len(rows) + 1)
        made[kind, number] = account_id
        if kind == "company":
            name, kind_name, industry = companies[number].name, "business", companies[number].industry
        else:
            name, kind_name, industry = f"{persons[contact.person_id or 0].last} Household", "household", None
            world.connection.execute("insert into household_account values (?, ?)", [number, account_id])
        at = moments.salesforce(contact.created)
        rows.append((account_id, name, kind_name, industry, at, at, 0))
    for contact in cast.contacts:
        key = ("company", contact.company_id) if contact.company_id else ("household", contact.household_id or 0)
        contact.account_id = made.get(key)
    return rows


def _fill_email(layout: Layout, world: World, subscribers: list[SubscriberDraft], *, rng: np.random.Generator, now: int) -> tuple[int, int]:
    """Exports of list and engagement; returns the next event number and the number of engagement rows."""
    export.put_file(layout.email, export.snapshot_name(now), export.snapshot(world))
    number = 1
    for mailing in campaigns.history(subscribers, rng=rng, now=now):
        rows = campaigns.with_ids(mailing.rows, number)
        number += len(rows)
        exported = min(mailing.sent_at + 3 * DAY, now - HOUR)
        export.put_file(layout.email, export.engagement_name(exported), export.csv_bytes(export.ENGAGEMENT_FIELDS, rows))
    return number, number - 1
