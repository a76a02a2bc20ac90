"""Shop accounts and addresses as their owners typed them: registered accounts, second accounts, guests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from sandbox import moments
from sandbox.population import mailboxes
from sandbox.population.appearance import GUEST, SHOP, Appearance, Habits, appear, written_street
from sandbox.population.people import Address, Person

_WELL_FORMED = re.compile(r"[^\s@,]+@[^\s@,]+\.[a-z]+", re.IGNORECASE)
CURRENCIES = {"DE": "EUR", "FR": "EUR", "GR": "EUR", "GB": "GBP", "US": "USD", "PL": "PLN"}  # elsewhere EUR: the shop sells from Germany


@dataclass(slots=True)
class AddressDraft:
    """A row of `addresses` without its ids."""

    kind: str  # shipping or billing
    street: str
    house_number: str
    postal_code: str
    city: str
    region: str | None
    country: str
    created: int  # microseconds
    updated: int
    is_deleted: bool = False


@dataclass(slots=True)
class AccountDraft:
    """A row of `customers` with its addresses; `customer_id` and `crm_contact_id` are filled in when ids are given out."""

    person_id: int | None  # None: nobody, a test account
    household_id: int | None
    locale: str
    email: str | None
    email_verified: bool
    first: str | None
    last: str | None
    birth: str | None
    gender: str | None
    phone: str | None
    loyalty_id: str | None
    consent: bool | None
    created: int
    updated: int
    is_guest: bool
    is_deleted: bool = False
    customer_id: int = 0
    crm_contact_id: str | None = None
    addresses: list[AddressDraft] = field(default_factory=list)


def accounts_of(person: Person, *, rng: Random, now: int, emails_in_use: set[str]) -> list[AccountDraft]:
    """The accounts a person has opened up to `now` (microseconds): none (12 %), one, a second one, a guest checkout.

    A login address can be registered once: who comes second with it is a guest. Registered addresses join `emails_in_use`.
    """
    accounts = []
    if rng.random() < 0.88:
        created = now - int(rng.random() * 1090 * moments.DAY) - moments.HOUR
        accounts.append(open_account(person, rng=rng, created=created, now=now, emails_in_use=emails_in_use))
        if rng.random() < 0.07:
            later = moments.between(rng, created, now - moments.MINUTE)
            second = open_account(person, rng=rng, created=later, now=now, emails_in_use=emails_in_use, again=True)
            accounts.append(second)
    if rng.random() < 0.09:
        created = now - int(rng.random() * 900 * moments.DAY) - moments.HOUR
        accounts.append(open_account(person, rng=rng, created=created, now=now, emails_in_use=emails_in_use, guest=True))
    return accounts


def open_account(person: Person, *, rng: Random, created: int, now: int, emails_in_use: set[str], guest: bool = False,
                 again: bool = False) -> AccountDraft:  # fmt: skip
    """One account opened at `created`, as it stands at `now`."""
    habits = GUEST if guest else SHOP
    shown = appear(person, habits, rng=rng, day=moments.day_of(created))
    email = _login(person, shown.email or person.email, rng=rng, guest=guest, again=again)
    if email.lower() in emails_in_use:
        if not guest and person.mailbox == email and person.email not in emails_in_use:
            email = person.email
        else:
            guest, habits = True, GUEST
    if not guest:
        emails_in_use.add(email.lower())
    updated = _last_change(shown, created, now, rng=rng)
    phone = shown.mobile or shown.phone
    if phone is None and not guest and rng.random() < 0.02:
        phone = rng.choice(("000000", "0", "123456789", "keine"))
    account = AccountDraft(
        person.person_id,
        person.household_id,
        person.locale.replace("_", "-"),
        email,
        not guest and _WELL_FORMED.fullmatch(email) is not None and rng.random() < 0.8,
        shown.first,
        shown.last,
        None if guest else shown.birth,
        {"f": "female", "m": "male"}[person.gender] if not guest and rng.random() < 0.6 else None,
        phone,
        person.loyalty_id if not guest and rng.random() < 0.75 else None,
        rng.random() < 0.45,
        created,
        updated,
        guest,
        is_deleted=not guest and rng.random() < 0.012,
    )
    if rng.random() < 0.93:
        account.addresses = _addresses(person, shown, habits, rng=rng, created=created, updated=updated, now=now)
    return account


def _login(person: Person, usual: str, *, rng: Random, guest: bool, again: bool) -> str:
    """The address an account is opened with."""
    if again:  # a second account needs a second address
        if person.work_email and rng.random() < 0.4:
            return person.work_email
        if rng.random() < 0.5:
            return mailboxes.tagged(person.email, rng.choice(("shop", "2", "promo")))
        return str(person.as_of("email", "2000-01-01"))
    if guest and rng.random() < 0.06:
        return rng.choice(mailboxes.NOBODY) if rng.random() < 0.4 else f"{rng.getrandbits(40):x}@{rng.choice(mailboxes.THROW_AWAY)}"
    return usual


def _last_change(shown: Appearance, created: int, now: int, *, rng: Random) -> int:
    """When an account opened at `created` was last changed, if it shows what it shows."""
    updated = created
    if shown.known_since:
        updated = max(updated, moments.noon(shown.known_since) + rng.randrange(10) * moments.DAY)
    if rng.random() < 0.4:
        updated = max(updated, moments.between(rng, created, now))
    return min(updated, now)


def _addresses(
    person: Person, shown: Appearance, habits: Habits, *, rng: Random, created: int, updated: int, now: int
) -> list[AddressDraft]:
    """What an account has saved: one address; who moved since also the old one, deleted; some a billing address."""

    def saved(address: Address, kind: str, since: int, changed: int) -> AddressDraft:
        return saved_address(address, habits, rng=rng, kind=kind, in_latin=shown.in_latin, created=since, now=changed)

    old = person.before.get("address")
    if old and shown.address is person.address and moments.day_of(created) < old[1]:
        moved = min(max(created, moments.noon(old[1])), now)
        gone = saved(old[0], "shipping", created, moved)
        gone.is_deleted = True
        return [gone, saved(shown.address, "shipping", moved, moved)]
    found = [saved(shown.address, "shipping", created, updated)]
    if rng.random() < 0.12:
        found.append(saved(shown.address, "billing", created, updated))
    return found


def saved_address(address: Address, habits: Habits, *, rng: Random, kind: str, in_latin: bool, created: int, now: int) -> AddressDraft:
    """An address as typed into the shop's form."""
    return AddressDraft(
        kind, written_street(address, rng=rng, habits=habits, in_latin=in_latin), address.number,
        address.postal_code if rng.random() > 0.01 else address.postal_code.replace(" ", "").lower(),
        address.city_latin if in_latin else address.city,
        (address.region_latin if in_latin else address.region) if rng.random() < 0.8 else None, address.country, created, now,
    )  # fmt: skip


def test_account(*, rng: Random, now: int, country: str = "DE") -> AccountDraft:
    """An account of nobody, left by whoever tried the shop out."""
    created = now - int(rng.random() * 900 * moments.DAY)
    return AccountDraft(
        None,
        None,
        "de-DE",
        rng.choice(mailboxes.NOBODY),
        False,
        "Test",
        rng.choice(("Test", "Tester", "Testkunde")),
        None,
        None,
        None,
        None,
        False,
        created,
        created,
        True,
    )
