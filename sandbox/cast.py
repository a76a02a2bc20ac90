"""Everybody, and every record the systems make of them, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox import moments, truth
from sandbox.crm import ids
from sandbox.crm.records import ContactDraft, LeadDraft, contacts_of, leads_of, role_contact
from sandbox.email.subscribers import SubscriberDraft, subscription_of
from sandbox.population.people import Company, Person, Population
from sandbox.shop.accounts import AccountDraft, accounts_of, test_account

FIRST_CUSTOMER = 100_001


@dataclass(slots=True)
class Cast:
    """Everybody and every record of the population, before it is written."""

    persons: list[Person]
    accounts: list[AccountDraft]
    contacts: list[ContactDraft]
    leads: list[LeadDraft]
    subscribers: list[SubscriberDraft]


def cast_of(population: Population, customers: int, *, rng: Random, now: int) -> Cast:
    """A population of `customers` persons as the systems know it at `now` (microseconds); all records have their ids."""
    cast = Cast([], [], [], [], [])
    persons, accounts, contacts, leads, subscribers = cast.persons, cast.accounts, cast.contacts, cast.leads, cast.subscribers
    companies: dict[int, Company] = {}
    shop_emails: set[str] = set()
    list_emails: set[str] = set()
    for person in population.populate(customers, rng=rng, now=moments.to_datetime(now)):
        if not companies:
            companies = {c.company_id: c for c in population.companies}
        persons.append(person)
        opened = accounts_of(person, rng=rng, now=now, emails_in_use=shop_emails)
        known = contacts_of(person, rng=rng, now=now, companies=companies)
        for account in opened:  # sales linked some accounts by hand
            living = [c for c in known if not c.is_deleted and c.created < now]
            if living and not account.is_guest and rng.random() < 0.3:
                account.crm_contact_id = str(len(contacts) + known.index(living[0]))  # position; becomes the id below
        accounts += opened
        contacts += known
        leads += leads_of(person, known, rng=rng, now=now)
        subscription = subscription_of(person, rng=rng, now=now, emails_in_use=list_emails)
        if subscription:
            subscribers.append(subscription)
    for company in population.companies:
        if rng.random() < 0.3:
            contacts.append(role_contact(company, rng=rng, now=now))
    accounts += [test_account(rng=rng, now=now) for _ in range(max(3, customers // 2000))]
    _give_ids(accounts, contacts, leads, subscribers)
    return cast


def _give_ids(
    accounts: list[AccountDraft], contacts: list[ContactDraft], leads: list[LeadDraft], subscribers: list[SubscriberDraft]
) -> None:
    """Ids follow the moment a record was made, as in any system; neighbours in the lists do not become neighbours in the ids."""
    linked = [(account, contacts[int(account.crm_contact_id)]) for account in accounts if account.crm_contact_id is not None]
    contacts.sort(key=lambda c: c.created)
    for number, contact in enumerate(contacts, 1):
        contact.id = ids.record_id(ids.CONTACT, number)
    for account, contact in linked:
        account.crm_contact_id = contact.id
    leads.sort(key=lambda lead: lead.created)
    for number, lead in enumerate(leads, 1):
        lead.id = ids.record_id(ids.LEAD, number)
    accounts.sort(key=lambda a: a.created)
    for number, account in enumerate(accounts, FIRST_CUSTOMER):
        account.customer_id = number
    subscribers.sort(key=lambda s: s.subscribed)
    for number, subscriber in enumerate(subscribers, 1):
        subscriber.subscriber_id = f"sub_{number:07d}"


def records_of(cast: Cast, identified: set[int]) -> list[truth.Record]:
    """Which record shows whom; `identified` are the accounts that identify calls in the event files name."""
    records: list[truth.Record] = []
    for account in cast.accounts:
        records.append((f"shop.customers:{account.customer_id}", account.person_id, account.household_id, account.locale))
        if account.customer_id in identified:
            records.append((f"web.events:{account.customer_id}", account.person_id, account.household_id, account.locale))
    records += [(f"crm.contacts:{c.id}", c.person_id, c.household_id, c.locale) for c in cast.contacts]
    records += [(f"crm.leads:{lead.id}", lead.person_id, lead.household_id, lead.locale) for lead in cast.leads]
    records += [(f"email.subscribers:{s.subscriber_id}", s.person_id, s.household_id, s.locale) for s in cast.subscribers]
    return records
