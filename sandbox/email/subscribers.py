"""The subscriber list: addresses rather than persons."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox import moments
from sandbox.population import mailboxes
from sandbox.population.appearance import MAIL, appear, country_name
from sandbox.population.people import Person


@dataclass(slots=True)
class SubscriberDraft:
    """A row of the list; times in microseconds."""

    person_id: int
    household_id: int
    locale: str
    email: str
    first: str | None
    last: str | None
    city: str | None
    country: str | None
    status: str  # subscribed, unsubscribed, bounced or complained
    double_opt_in: bool
    subscribed: int
    updated: int
    subscriber_id: str = ""


def subscription_of(person: Person, *, rng: Random, now: int, emails_in_use: set[str]) -> SubscriberDraft | None:
    """The subscription of a person, if they have one (just over half). An address is on the list once."""
    if rng.random() >= 0.55:
        return None
    subscribed = now - int(rng.random() * 1000 * moments.DAY) - moments.HOUR
    return new_subscription(person, rng=rng, subscribed=subscribed, now=now, emails_in_use=emails_in_use)


def new_subscription(person: Person, *, rng: Random, subscribed: int, now: int, emails_in_use: set[str]) -> SubscriberDraft | None:
    """A subscription made at `subscribed`, as it stands at `now`; None when every address of the person is on the list already."""
    shown = appear(person, MAIL, rng=rng, day=moments.day_of(subscribed))
    email = shown.email or person.email
    if rng.random() < 0.06:
        email = mailboxes.tagged(email, rng.choice(("news", "newsletter", "spam")))
    if email.lower() in emails_in_use:
        email = person.email
        if email in emails_in_use:
            return None
    emails_in_use.add(email.lower())
    chance = rng.random()
    status = "subscribed" if chance < 0.86 else "unsubscribed" if chance < 0.94 else "bounced" if chance < 0.985 else "complained"
    updated = subscribed if status == "subscribed" and rng.random() < 0.7 else moments.between(rng, subscribed, now)
    first, last = shown.first, shown.last
    if first and rng.random() < 0.01:
        first = f'{first} "{first[:3]}"'  # quotes, for whoever splits CSV by hand
    if last and rng.random() < 0.01:
        last = f"{last}, {rng.choice(('Dr.', 'MBA', 'jun.'))}"
    return SubscriberDraft(
        person.person_id,
        person.household_id,
        person.locale.replace("_", "-"),
        email,
        first if rng.random() < 0.75 else None,
        last if rng.random() < 0.6 else None,
        (shown.address.city_latin if shown.in_latin else shown.address.city) if rng.random() < 0.4 else None,
        country_name(shown.address.country, rng=rng) if rng.random() < 0.6 else None,
        status,
        rng.random() < 0.7,
        subscribed,
        updated,
    )
