"""Contacts, leads and accounts as sales and service typed them in."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox import moments
from sandbox.population import mailboxes, phones
from sandbox.population.appearance import CRM, LEAD, appear, country_name, street_line, typo
from sandbox.population.locales import locale
from sandbox.population.people import Company, Person

_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Trade Show", "Store", "Other")
_SALUTATIONS = {"de": ("Frau", "Herr"), "fr": ("Mme", "M."), "pl": ("Pani", "Pan")}


@dataclass(slots=True)
class ContactDraft:
    """A row of Contact; times in microseconds, ids filled in when they are given out."""

    person_id: int | None
    household_id: int | None
    locale: str
    salutation: str | None
    first: str | None
    middle: str | None
    last: str
    email: str | None
    phone: str | None
    mobile: str | None
    birth: str | None
    street: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None
    loyalty_id: str | None
    opted_out: bool
    source: str | None
    created: int
    modified: int
    is_deleted: bool
    company_id: int | None = None
    account_id: str | None = None
    id: str = ""


@dataclass(slots=True)
class LeadDraft:
    """A row of Lead."""

    person_id: int
    household_id: int
    locale: str
    first: str | None
    last: str
    company: str
    email: str | None
    phone: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    status: str
    source: str
    created: int
    modified: int
    is_deleted: bool
    converted_to: ContactDraft | None = None
    id: str = ""


def contacts_of(person: Person, *, rng: Random, now: int, companies: dict[int, Company]) -> list[ContactDraft]:
    """The contacts sales keep of a person: business people nearly always, others 4 in 10, some twice."""
    contacts = []
    likely = 0.8 if person.company_id else 0.4
    if rng.random() < likely:
        contacts.append(
            new_contact(person, rng=rng, created=now - int(rng.random() * 1090 * moments.DAY) - moments.HOUR, now=now, companies=companies)
        )
        if rng.random() < 0.07:
            created = moments.between(rng, contacts[0].created, now - moments.MINUTE)
            contacts.append(new_contact(person, rng=rng, created=created, now=now, companies=companies))
    return contacts


def new_contact(person: Person, *, rng: Random, created: int, now: int, companies: dict[int, Company]) -> ContactDraft:
    """One contact typed in at `created`, as it stands at `now`."""
    place = locale(person.locale)
    shown = appear(person, CRM, rng=rng, day=moments.day_of(created))
    email, phone = shown.email, shown.phone
    company = companies.get(person.company_id or 0)
    if company and rng.random() < 0.75:
        email = person.work_email if rng.random() < 0.85 else f"{rng.choice(mailboxes.ROLES)}@{company.domain}"
        if company.switchboard:
            phone = phones.typed(company.switchboard, place.country, rng, tidy=0.2)
            if rng.random() < 0.25:
                phone += f" ext. {rng.randint(10, 99)}"
    else:
        company = None
    street: str | None = street_line(shown.address, rng=rng, habits=CRM, in_latin=shown.in_latin)
    address = shown.address
    city: str | None = address.city_latin if shown.in_latin or rng.random() < 0.1 else address.city
    if city and rng.random() < CRM.typos / 2:
        city = typo(city, rng)
    state: str | None = address.region_latin if shown.in_latin else address.region
    code: str | None = address.postal_code
    country: str | None = country_name(address.country, rng=rng)
    if rng.random() < 0.18:
        street = state = code = None
        if rng.random() < 0.5:
            city = country = None
    modified = created
    if shown.known_since:
        modified = max(modified, moments.noon(shown.known_since) + rng.randrange(40) * moments.DAY)
    if rng.random() < 0.5:
        modified = max(modified, moments.between(rng, created, now))
    titles = _SALUTATIONS.get(place.language, ("Ms.", "Mr."))
    return ContactDraft(
        person.person_id, person.household_id, place.tag,
        titles[0 if person.gender == "f" else 1] if rng.random() < 0.6 else None, shown.first,
        shown.middle if rng.random() < 0.5 else None, shown.last or "?", email, phone, shown.mobile, shown.birth, street, city,
        state if rng.random() < 0.6 else None, code, country, person.loyalty_id if rng.random() < 0.5 else None, rng.random() < 0.12,
        rng.choice(_SOURCES) if rng.random() < 0.8 else None, created, min(modified, now), rng.random() < 0.012,
        company_id=company.company_id if company else None,
    )  # fmt: skip


def role_contact(company: Company, *, rng: Random, now: int) -> ContactDraft:
    """A contact that is no person: the purchasing department's mailbox."""
    role = rng.choice(mailboxes.ROLES)
    created = now - int(rng.random() * 1000 * moments.DAY)
    return ContactDraft(
        None,
        None,
        company.locale.replace("_", "-"),
        None,
        None,
        None,
        role.title(),
        f"{role}@{company.domain}",
        company.switchboard,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        False,
        "Other",
        created,
        created,
        False,
        company_id=company.company_id,
    )


def leads_of(person: Person, contacts: list[ContactDraft], *, rng: Random, now: int) -> list[LeadDraft]:
    """The leads of a person (1 in 7); one that became a contact says so."""
    if rng.random() >= 0.14:
        return []
    contact = next((c for c in contacts if not c.is_deleted), None)
    became = contact if contact and rng.random() < 0.6 else None
    created = (became.created if became else now) - int(rng.random() * 200 * moments.DAY) - moments.HOUR
    return [new_lead(person, rng=rng, created=created, now=now, became=became)]


def new_lead(person: Person, *, rng: Random, created: int, now: int, became: ContactDraft | None = None) -> LeadDraft:
    """One lead typed in at `created`, as it stands at `now`."""
    shown = appear(person, LEAD, rng=rng, day=moments.day_of(created))
    modified = became.created if became else moments.between(rng, created, min(now, created + 60 * moments.DAY))
    status = "Closed - Converted" if became else rng.choice(("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted"))
    address = shown.address
    return LeadDraft(
        person.person_id, person.household_id, locale(person.locale).tag, shown.first, shown.last or "?",
        "[not provided]",  # Salesforce insists on a company; this is what its web form puts in
        shown.email, shown.mobile or shown.phone, (address.city_latin if shown.in_latin else address.city) if rng.random() < 0.7 else None,
        address.postal_code if rng.random() < 0.5 else None, country_name(address.country, rng=rng) if rng.random() < 0.8 else None, status,
        rng.choice(_SOURCES), created, min(modified, now), rng.random() < 0.02 and became is None, became,
    )  # fmt: skip
