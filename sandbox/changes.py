"""What can happen to a customer: each function is one change, carried into every system that learns of it, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox import moments
from sandbox.billing import passing as billing
from sandbox.build import customer_row
from sandbox.crm import ids, store
from sandbox.crm.records import ContactDraft, new_contact, new_lead
from sandbox.email.subscribers import new_subscription
from sandbox.inventory import passing as inventory
from sandbox.marketing import passing as marketing
from sandbox.orders import place_order, progress_order, return_line
from sandbox.passage import Passage
from sandbox.population.appearance import BILLING, CRM, SHOP, street_line
from sandbox.population.locales import locale
from sandbox.population.people import Person
from sandbox.reviews import passing as reviews
from sandbox.shop.accounts import open_account, saved_address
from sandbox.support import passing as support
from sandbox.surveys import passing as surveys
from sandbox.web import events as web_events


# ------------------------------------------------------------------------------------------------------ newcomers
def new_household(passage: Passage) -> None:
    """A household nobody knew: accounts, perhaps a contact, a lead, a subscription, a first order."""
    rng = passage.rng
    members = passage.population.household(rng=rng, now=moments.to_datetime(passage.now), most=2)
    passage.world.save_persons(members)
    for person in members:
        at = passage.moment()
        if rng.random() < 0.9:
            customer_id = _register(passage, person, at=at, guest=rng.random() < 0.1)
            if rng.random() < 0.5:
                place_order(passage, customer_id, at=max(at, moments.between(rng, at, passage.now)))
        if rng.random() < 0.3:
            _add_contact(passage, new_contact(person, rng=rng, created=at, now=passage.now, companies=passage.companies))
        if rng.random() < 0.15:
            _add_lead(passage, person, at=at)
        if rng.random() < 0.45:
            subscriber = new_subscription(person, rng=rng, subscribed=at, now=at, emails_in_use=passage.list_emails)
            if subscriber:
                passage.add_subscriber(subscriber)


def another_account(passage: Passage) -> None:
    """Somebody orders as a guest, or opens a second account."""
    person = passage.somebody()
    at = passage.moment()
    guest = passage.rng.random() < 0.6
    customer_id = _register(passage, person, at=at, guest=guest, again=not guest)
    if guest:
        place_order(passage, customer_id, at=at)


def new_crm_lead(passage: Passage) -> None:
    """Somebody shows interest at a fair."""
    _add_lead(passage, passage.somebody(), at=passage.moment())


def _register(passage: Passage, person: Person, *, at: int, guest: bool = False, again: bool = False) -> int:
    account = open_account(person, rng=passage.rng, created=at, now=at, emails_in_use=passage.shop_emails, guest=guest, again=again)
    account.is_deleted = False
    account.customer_id = passage.take_id("customers")
    passage.add_account(account, customer_row(account))
    return account.customer_id


def _add_contact(passage: Passage, contact: ContactDraft) -> None:
    contact.id = ids.record_id(ids.CONTACT, passage.take_id("contact"))
    contact.is_deleted = False
    row = passage.world.connection.execute(
        "select account_id from household_account where household_id = ?", [contact.household_id]
    ).fetchone()
    contact.account_id = row[0] if row else None
    store.insert(passage.world.connection, "Contact", [store.contact_row(contact)])
    passage.note(f"crm.contacts:{contact.id}", contact.person_id, contact.household_id, contact.locale)


def _add_lead(passage: Passage, person: Person, *, at: int) -> None:
    lead = new_lead(person, rng=passage.rng, created=at, now=at)
    lead.id = ids.record_id(ids.LEAD, passage.take_id("lead"))
    lead.is_deleted, lead.status = False, "Open - Not Contacted"
    store.insert(passage.world.connection, "Lead", [store.lead_row(lead)])
    passage.note(f"crm.leads:{lead.id}", lead.person_id, lead.household_id, lead.locale)


# ------------------------------------------------------------------------------------------------- what is true
def move(passage: Passage) -> None:
    """A household moves. The shop learns it from most members, sales from half, the mail tool from a few."""
    rng, someone = passage.rng, passage.somebody()
    place = locale(someone.locale)
    address = passage.population.address(place, rng=rng)
    for person in passage.world.household(someone.household_id):
        person.before["address"] = (person.address, passage.today)
        person.address = address
        passage.world.save_persons([person])
        at = passage.moment()
        customer_id = passage.account_of(person)
        if customer_id is not None and rng.random() < 0.7:
            passage.shop.execute(
                "update addresses set is_deleted = true, updated_at = greatest(updated_at, %s)"
                " where customer_id = %s and kind = 'shipping' and not is_deleted",
                [moments.to_datetime(at), customer_id],
            )
            passage.add_address(customer_id, saved_address(address, SHOP, rng=rng, kind="shipping", in_latin=False, created=at, now=at))
        if rng.random() < 0.5:
            latin = place.has_own_script and rng.random() < CRM.latin
            _tell_crm(
                passage,
                person,
                {
                    "MailingStreet": street_line(address, rng=rng, habits=CRM, in_latin=latin),
                    "MailingCity": address.city_latin if latin else address.city,
                    "MailingState": address.region_latin if latin else address.region,
                    "MailingPostalCode": address.postal_code,
                },
                at=passage.moment(),
            )
        if rng.random() < 0.15:
            _tell_list(passage, person, {"city": address.city}, at=passage.moment())
        if rng.random() < 0.5:
            line = street_line(address, rng=rng, habits=BILLING, in_latin=False)
            billed = {"line1": line, "line2": None, "postal_code": address.postal_code, "city": address.city, "state": address.region}
            billing.tell(passage, person, {"address": {**billed, "country": address.country}}, at=passage.moment())


def marriage(passage: Passage) -> None:
    """Somebody takes another name, now and then another mail address with it."""
    rng, person = passage.rng, passage.somebody()
    passage.population.rename(person, rng=rng, day=passage.today)
    at = passage.moment()
    values: dict[str, Any] = {"last_name": person.last}
    if rng.random() < 0.35:
        _new_address(passage, person)
        values |= {"email": person.email, "email_verified": rng.random() < 0.5}
    passage.world.save_persons([person])
    customer_id = passage.account_of(person)
    if customer_id is not None and rng.random() < 0.7:
        passage.update("customers", customer_id, values, at=at)
    if rng.random() < 0.5:
        _tell_crm(passage, person, {"LastName": person.last}, at=passage.moment())
    if rng.random() < 0.2:
        _tell_list(passage, person, {"last_name": person.last}, at=passage.moment())
    if rng.random() < 0.4:
        billing.tell(passage, person, {"name": f"{person.first} {person.last}"}, at=passage.moment())


def new_mail_address(passage: Passage) -> None:
    """Somebody changes provider."""
    rng, person = passage.rng, passage.somebody()
    _new_address(passage, person)
    passage.world.save_persons([person])
    customer_id = passage.account_of(person)
    if customer_id is not None and rng.random() < 0.8:
        passage.update("customers", customer_id, {"email": person.email, "email_verified": rng.random() < 0.6}, at=passage.moment())
    if rng.random() < 0.4:
        _tell_crm(passage, person, {"Email": person.email}, at=passage.moment())
    if rng.random() < 0.3 and person.email not in passage.list_emails:
        _tell_list(passage, person, {"email": person.email}, at=passage.moment())
    for tells, share in ((billing.tell, 0.4), (support.tell, 0.3), (marketing.tell, 0.2)):
        if rng.random() < share:
            tells(passage, person, {"email": person.email}, at=passage.moment())


def new_phone_number(passage: Passage) -> None:
    """Somebody gets another mobile number."""
    rng, person = passage.rng, passage.somebody()
    number = passage.population.phones.take(locale(person.locale).country, "mobile")
    if number is None:
        return
    person.before["mobile"] = (person.mobile, passage.today)
    person.mobile = number
    passage.world.save_persons([person])
    customer_id = passage.account_of(person)
    if customer_id is not None:
        passage.update("customers", customer_id, {"phone": number}, at=passage.moment())
    if rng.random() < 0.5:
        _tell_crm(passage, person, {"MobilePhone": number}, at=passage.moment())


def _new_address(passage: Passage, person: Person) -> None:
    old = person.email
    person.email = passage.population.new_email(person, rng=passage.rng)
    person.before["email"] = (old, passage.today)


def _tell_crm(passage: Passage, person: Person, values: dict[str, Any], *, at: int) -> None:
    contacts = passage.world.records_of(person.person_id, "crm.contacts")
    if contacts:
        store.update(passage.world.connection, "Contact", passage.rng.choice(contacts), values, modified=at)


def _tell_list(passage: Passage, person: Person, values: dict[str, Any], *, at: int) -> None:
    subscribers = passage.world.records_of(person.person_id, "email.subscribers")
    if subscribers:
        passage.change_subscriber(subscribers[0], values, at=at)


# -------------------------------------------------------------------------------------------- what systems do
def order(passage: Passage) -> None:
    """An account buys something."""
    customer_id = passage.account_of(passage.somebody())
    if customer_id is not None:
        place_order(passage, customer_id, at=passage.moment())


def correction(passage: Passage) -> None:
    """Sales look at a contact again: what was mistyped or missing is put right."""
    rng = passage.rng
    person = passage.somebody()
    place = locale(person.locale)
    first, last = (
        (person.first_latin, person.last_latin) if place.has_own_script and rng.random() < CRM.latin else (person.first, person.last)
    )
    values: dict[str, Any] = {"FirstName": first, "LastName": last}
    if rng.random() < 0.5:
        values["Birthdate"] = person.birth
    if rng.random() < 0.3 and person.mobile:
        values["MobilePhone"] = person.mobile
    _tell_crm(passage, person, values, at=passage.moment())


def conversion(passage: Passage) -> None:
    """An open lead becomes a contact, and says so."""
    number = passage.rng.randint(1, passage.next_ids["lead"] - 1)
    row = passage.world.connection.execute(
        "select Id from Lead where row_number >= ? and IsDeleted = 0 and ConvertedContactId is null order by row_number limit 1", [number]
    ).fetchone()
    if row is None:
        return
    owner = passage.owner_of(f"crm.leads:{row[0]}")
    if owner is None or owner[0] is None:
        return
    at = passage.moment()
    contact = new_contact(passage.world.person(owner[0]), rng=passage.rng, created=at, now=at, companies=passage.companies)
    _add_contact(passage, contact)
    store.update(passage.world.connection, "Lead", row[0], {"Status": "Closed - Converted", "ConvertedContactId": contact.id}, modified=at)


def link(passage: Passage) -> None:
    """Sales note on a shop account which contact it belongs to."""
    person = passage.somebody()
    customer_id = passage.account_of(person)
    contacts = passage.world.records_of(person.person_id, "crm.contacts")
    if customer_id is not None and contacts:
        passage.update("customers", customer_id, {"crm_contact_id": passage.rng.choice(contacts)}, at=passage.moment())


def deletion(passage: Passage) -> None:
    """An account is closed, or a contact or lead deleted. The row stays and says so."""
    rng, person = passage.rng, passage.somebody()
    if rng.random() < 0.3:
        billing.forget(passage, person, at=passage.moment())
    if rng.random() < 0.5:
        customer_id = passage.account_of(person)
        if customer_id is not None:
            passage.update("customers", customer_id, {"is_deleted": True}, at=passage.moment())
        return
    name, prefix = rng.choice((("Contact", "crm.contacts"), ("Lead", "crm.leads")))
    records = passage.world.records_of(person.person_id, prefix)
    if records:
        store.update(passage.world.connection, name, rng.choice(records), {"IsDeleted": 1}, modified=passage.moment())


def unsubscription(passage: Passage) -> None:
    """A recipient has had enough: the list and the engagement export both tell."""
    person = passage.somebody()
    subscribers = passage.world.records_of(person.person_id, "email.subscribers")
    if not subscribers:
        return
    at = passage.moment()
    passage.change_subscriber(subscribers[0], {"status": "unsubscribed"}, at=at)
    passage.engagement.append((at, subscribers[0], f"cmp_{passage.next_ids['campaign'] - 1:05d}", "Latest news", "unsubscribed", "", ""))


def consent(passage: Passage) -> None:
    """Consent to marketing is given or withdrawn."""
    customer_id = passage.account_of(passage.somebody())
    if customer_id is not None:
        passage.update("customers", customer_id, {"marketing_consent": passage.rng.random() < 0.4}, at=passage.moment())


def price_change(passage: Passage) -> None:
    """A product's price is set anew."""
    product = passage.rng.choice(passage.meta["products"])
    row = passage.shop.execute("select price from products where product_id = %s", [product["product_id"]]).fetchone()
    if row:
        cents = max(1, int(row[0] * 100 * passage.rng.choice((90, 95, 105, 110)) / 100))
        passage.update("products", product["product_id"], {"price": f"{cents / 100:.2f}"}, at=passage.moment())


def browsing(passage: Passage) -> None:
    """Somebody looks around, known or not; one visit in ten was made hours ago on a phone that was offline, and arrives now."""
    rng = passage.rng
    products = [p["product_id"] for p in rng.choices(passage.meta["products"], k=rng.randrange(1, 4))]
    was_offline = rng.random() < 0.1
    age = rng.randrange(2 * moments.HOUR, 40 * moments.HOUR) if was_offline else rng.randrange(30 * moments.MINUTE)
    customer_id = passage.account_of(passage.somebody()) if rng.random() < 0.7 else None
    before = len(passage.events)
    if customer_id is not None:
        passage.visit(customer_id, at=passage.now - age, products=products)
    else:
        passage.events += web_events.session(web_events.unknown_visitor(rng, "en-US"), rng=rng, at=passage.now - age, products=products)
    if was_offline:
        passage.events[before:] = [web_events.arrived(line, passage.now) for _, line in passage.events[before:]]


# change → how often it happens, compared with the others
FREQUENCIES: dict[Callable[[Passage], None], int] = {
    order: 27,
    progress_order: 16,
    browsing: 12,
    new_household: 9,
    correction: 5,
    move: 4,
    new_mail_address: 4,
    new_phone_number: 3,
    unsubscription: 3,
    consent: 3,
    another_account: 3,
    new_crm_lead: 2,
    conversion: 2,
    link: 2,
    marriage: 1,
    deletion: 2,
    return_line: 1,
    price_change: 1,
    support.ticket: 4,
    support.ticket_step: 5,
    marketing.campaign_response: 4,
    marketing.marketing_lead: 1,
    surveys.survey_answer: 2,
    reviews.product_review: 2,
    reviews.review_step: 1,
    inventory.stocktake: 2,
    inventory.transfer: 1,
}
