"""Persons, households and companies: who exists and what is true of them.

`Population.populate` makes a whole population, `Population.household` one more household; both draw only from the random
source they are given, so the same seed gives the same people. Dates are plain days, `now` is UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sandbox.population import mailboxes
from sandbox.population.locales import SHARES, WOMEN_KEEP_NAMES, Locale, locale
from sandbox.population.phones import PhoneBook


@dataclass(slots=True)
class Address:
    """Where a household lives, as written there and in Latin letters."""

    street: str
    number: str
    postal_code: str
    city: str
    region: str
    country: str
    street_latin: str
    city_latin: str
    region_latin: str


@dataclass(slots=True)
class Person:
    """What is true of a person. `before` holds replaced values: attribute → (old value, day it changed as ISO text)."""

    person_id: int
    household_id: int
    locale: str
    gender: str  # f or m
    first: str
    middle: str
    last: str
    first_latin: str  # the form the person uses
    last_latin: str
    birth: str  # ISO day
    email: str
    mobile: str | None
    address: Address
    landline: str | None = None  # the household's
    mailbox: str | None = None  # the household's shared address
    loyalty_id: str | None = None
    company_id: int | None = None
    work_email: str | None = None
    before: dict[str, tuple[Any, str]] = field(default_factory=dict)

    def dump(self) -> str:
        """One line of JSON; `load` reads it."""
        values = [getattr(self, name) for name in PERSON_FIELDS]
        values[_ADDRESS] = _address_values(self.address)
        before = {k: (_address_values(v) if k == "address" else v, day) for k, (v, day) in self.before.items()}
        values[_BEFORE] = before
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def load(text: str) -> Person:
        """The person that `dump` wrote."""
        values = json.loads(text)
        values[_ADDRESS] = Address(*values[_ADDRESS])
        values[_BEFORE] = {k: (Address(*v) if k == "address" else v, day) for k, (v, day) in values[_BEFORE].items()}
        return Person(*values)

    def as_of(self, attribute: str, day: str) -> Any:
        """The value that was true on an ISO day: the old one when the change came later."""
        old = self.before.get(attribute)
        return old[0] if old and day < old[1] else getattr(self, attribute)


PERSON_FIELDS = tuple(Person.__dataclass_fields__)
_ADDRESS, _BEFORE = PERSON_FIELDS.index("address"), PERSON_FIELDS.index("before")
_ADDRESS_FIELDS = tuple(Address.__dataclass_fields__)


def _address_values(address: Address) -> list[str]:
    return [getattr(address, name) for name in _ADDRESS_FIELDS]


@dataclass(frozen=True, slots=True)
class Company:
    """An employer."""

    company_id: int
    name: str
    domain: str
    locale: str
    industry: str
    switchboard: str | None


_INDUSTRIES = ("Retail", "Manufacturing", "Education", "Healthcare", "Construction", "Media", "Consulting", "Hospitality", "Technology")
_COMPANY_FORMS = {"de": "GmbH", "en": "Ltd", "fr": "SARL", "pl": "Sp. z o.o.", "tr": "A.Ş.", "el": "ΑΕ", "ru": "ООО", "uk": "ТОВ",
                  "ja": "株式会社", "zh": "有限公司", "ar": "LLC"}  # fmt: skip
_TRADES = ("Logistics", "Software", "Garden", "Foods", "Textiles", "Energy", "Design", "Trading", "Motors", "Books", "Optics", "Marine")


def postal_code(country: str, prefix: str, rng: Random) -> str:
    """A post code in the country's form that begins with the city's prefix."""
    if country == "GB":
        return f"{prefix}{rng.randint(1, 20)} {rng.randint(1, 9)}{rng.choice('ABDEFGHJLNPQRSTUWXYZ')}{rng.choice('ABDEFGHJLNPQRSTUWXYZ')}"
    if country in ("RU", "CN"):
        return f"{prefix}{rng.randrange(10 ** (6 - len(prefix))):0{6 - len(prefix)}d}"
    if country == "PL":
        return f"{prefix}-{rng.randrange(1000):03d}"
    if country == "JP":
        return f"{prefix}-{rng.randrange(10000):04d}"
    digits = f"{prefix}{rng.randrange(10 ** (5 - len(prefix))):0{5 - len(prefix)}d}"
    return f"{digits[:3]} {digits[3:]}" if country == "GR" else digits


class Population:
    """Makes people. Holds what must not repeat: the next ids, given phone numbers, mail addresses in use."""

    def __init__(
        self,
        *,
        next_person: int = 1,
        next_household: int = 1,
        phones: PhoneBook | None = None,
        companies: list[Company] | None = None,
        is_taken: Any = None,
    ) -> None:
        self.next_person = next_person
        self.next_household = next_household
        self.phones = phones or PhoneBook()
        self.companies = companies or []
        self._companies_by_locale: dict[str, list[Company]] = {}
        for company in self.companies:
            self._companies_by_locale.setdefault(company.locale, []).append(company)
        self.addresses_given: set[str] = set()
        self._is_taken = is_taken or (lambda email: False)

    # ------------------------------------------------------------------------------------------ whole population
    def populate(self, customers: int, *, rng: Random, now: datetime) -> Iterator[Person]:
        """Exactly `customers` persons, household by household, and the companies some work for."""
        self.make_companies(max(4, customers // 80), rng=rng)
        recent: list[Person] = []
        made = 0
        while made < customers:
            model = rng.choice(recent) if recent and rng.random() < 0.012 else None
            for person in self.household(rng=rng, now=now, most=customers - made, namesake_of=model):
                made += 1
                if len(recent) < 3000:
                    recent.append(person)
                else:
                    recent[rng.randrange(3000)] = person
                yield person

    def make_companies(self, number: int, *, rng: Random) -> None:
        """Employers, spread over the locales like the population."""
        keys, weights = list(SHARES), list(SHARES.values())
        for company_id in range(1, number + 1):
            key = rng.choices(keys, weights)[0]
            place = locale(key)
            family = place.draw(place.last, rng)
            trade = rng.choice(_TRADES)
            name = f"{family} {trade} {_COMPANY_FORMS[key[:2]]}"
            domain = f"{mailboxes.slug(place.forms(family)[0]) or 'firma'}-{trade.lower()}{company_id}.example"
            company = Company(company_id, name, domain, key, rng.choice(_INDUSTRIES), self.phones.take(place.country, "landline"))
            self.companies.append(company)
            self._companies_by_locale.setdefault(key, []).append(company)

    # ------------------------------------------------------------------------------------------------- household
    def household(self, *, rng: Random, now: datetime, most: int = 5, namesake_of: Person | None = None) -> list[Person]:
        """One household of up to `most` persons. A namesake shares the given person's name, sometimes the city too."""
        key = namesake_of.locale if namesake_of else rng.choices(_KEYS, cum_weights=_CUMULATIVE)[0]
        place = locale(key)
        size = min(most, rng.choices((1, 2, 3, 4, 5), cum_weights=(44, 76, 90, 98, 100))[0])
        if namesake_of:
            size = 1
        household_id = self.next_household
        self.next_household += 1
        city = None
        if namesake_of and rng.random() < 0.3:
            city = namesake_of.address.city
        address = self.address(place, rng=rng, city=city)
        landline = self.phones.take(place.country, "landline") if rng.random() < 0.45 else None
        family = place.draw(place.last, rng)
        today = now.date()
        members: list[Person] = []
        for position in range(size):
            gender, born = _next_member(members, rng=rng, today=today)
            members.append(self._person(place, household_id, gender, family, born, address, rng=rng, position=position, members=members))
        if namesake_of:
            self._make_namesake(members[0], namesake_of, rng=rng)
        for person in members:
            self._reachable(person, place, rng=rng)
        if size >= 2 and rng.random() < 0.3:
            mailbox = self._free(f"{rng.choice(('familie', 'family', 'fam', 'home'))}.{mailboxes.slug(members[0].last_latin)}", place, rng)
            for person in members:
                person.mailbox = mailbox
        for person in members:
            person.landline = landline
        self._lives(members, place, rng=rng, today=today)
        return members

    def _person(
        self,
        place: Locale,
        household_id: int,
        gender: str,
        family: str,
        born: date,
        address: Address,
        *,
        rng: Random,
        position: int,
        members: list[Person],
    ) -> Person:
        female = gender == "f"
        first = place.draw(place.female if female else place.male, rng)
        if position >= 2 and rng.random() < 0.05:  # a son named like his father, a daughter like her mother
            first = next((m.first for m in members[:2] if m.gender == gender), first)
        elif position >= 2 and rng.random() < 0.03 and position > 2 and members[-1].gender == gender:  # twins
            born = date.fromisoformat(members[-1].birth)
        middle = ""
        if place.middle_male and (place.language in ("ru", "uk") or rng.random() < 0.25):
            middle = place.draw(place.middle_female if female else place.middle_male, rng)
        last = family
        if position == 1 and (place.language in WOMEN_KEEP_NAMES or rng.random() < 0.2):  # a partner with a name of their own
            last = place.draw(place.last, rng)
        if female:
            last = place.feminine(last)
        person_id = self.next_person
        self.next_person += 1
        return Person(
            person_id, household_id, place.key, gender, first, middle, last, rng.choice(place.forms(first)), rng.choice(place.forms(last)),
            born.isoformat(), "", None, address,
        )  # fmt: skip

    def _make_namesake(self, person: Person, model: Person, *, rng: Random) -> None:
        person.gender, person.first, person.last = model.gender, model.first, model.last
        person.first_latin, person.last_latin = model.first_latin, model.last_latin
        if rng.random() < 0.05:  # born on the same day on top
            person.birth = model.birth

    def _reachable(self, person: Person, place: Locale, *, rng: Random) -> None:
        person.email = self.new_email(person, rng=rng)
        if rng.random() < 0.85:
            person.mobile = self.phones.take(place.country, "mobile")
        if rng.random() < 0.4:
            person.loyalty_id = f"L{(person.person_id * 7_919_081 + 1_000_003) % 100_000_000:08d}{_check_digit(person.person_id)}"
        colleagues = self._companies_by_locale.get(place.key)
        if colleagues and rng.random() < 0.14:
            company = rng.choice(colleagues)
            person.company_id = company.company_id
            local = f"{mailboxes.slug(person.first_latin) or 'x'}.{mailboxes.slug(person.last_latin)}"
            work = f"{local}@{company.domain}"
            person.work_email = work if work not in self.addresses_given else f"{local}{person.person_id}@{company.domain}"
            self.addresses_given.add(person.work_email)

    def _lives(self, members: list[Person], place: Locale, *, rng: Random, today: date) -> None:
        """What changed in the last three years: moves, marriages, new mail addresses and numbers."""
        moved = rng.random() < 0.16
        day = (today - timedelta(days=rng.randint(5, 1000))).isoformat()
        old = self.address(place, rng=rng) if moved else None
        for person in members:
            if old:
                person.before["address"] = (old, day)
            if person.gender == "f" and place.language not in WOMEN_KEEP_NAMES and rng.random() < 0.07:
                self.rename(person, rng=rng, day=(today - timedelta(days=rng.randint(5, 1000))).isoformat(), keep_current=True)
            if rng.random() < 0.14:
                person.before["email"] = (self.new_email(person, rng=rng), (today - timedelta(days=rng.randint(5, 1000))).isoformat())
            if person.mobile and rng.random() < 0.08:
                earlier = self.phones.take(place.country, "mobile")
                if earlier:
                    person.before["mobile"] = (earlier, (today - timedelta(days=rng.randint(5, 1000))).isoformat())

    # --------------------------------------------------------------------------------------------------- changes
    def rename(self, person: Person, *, rng: Random, day: str, keep_current: bool = False) -> None:
        """A marriage. With `keep_current` today's name is the married one and the birth name is drawn; else a new name is taken."""
        place = locale(person.locale)
        drawn = place.draw(place.last, rng)
        if person.gender == "f":
            drawn = place.feminine(drawn)
        if keep_current:
            person.before["last"] = (drawn, day)
            return
        maiden = person.last
        person.before["last"] = (maiden, day)
        hyphenated = place.language in ("de", "en", "fr", "pl") and rng.random() < 0.2
        person.last = f"{maiden}-{drawn}" if hyphenated else drawn
        person.last_latin = "-".join(place.forms(part)[0] for part in person.last.split("-"))

    def new_email(self, person: Person, *, rng: Random) -> str:
        """A mail address nobody has, made from the person's name."""
        place = locale(person.locale)
        local = mailboxes.local_part(person.first_latin, person.last_latin, int(person.birth[:4]), rng)
        return self._free(local, place, rng)

    def _free(self, local: str, place: Locale, rng: Random) -> str:
        domain = rng.choice(mailboxes.PROVIDERS[place.language])
        email = f"{local}@{domain}"
        while self._key(email) in self.addresses_given or self._is_taken(self._key(email)):
            email = f"{local}{rng.randrange(10_000)}@{domain}"
        self.addresses_given.add(self._key(email))
        return email

    @staticmethod
    def _key(email: str) -> str:
        """gmail.example ignores dots, so two persons may not differ by dots alone there."""
        local, _, domain = email.partition("@")
        return f"{local.replace('.', '')}@{domain}" if domain == mailboxes.IGNORES_DOTS else email

    def address(self, place: Locale, *, rng: Random, city: str | None = None) -> Address:
        """A new address of that locale, in the named city if given."""
        where = next((c for c in place.cities if c.name == city), None) or place.cities[int(len(place.cities) * rng.random() ** 1.5)]
        street, latin = rng.choice(place.streets)
        if place.language == "de" and rng.random() < 0.5:
            street = f"{place.draw(place.last, rng)}{rng.choice(('straße', 'weg', 'allee', 'platz', 'gasse'))}"
            latin = place.forms(street)[0]
        elif place.language == "en" and rng.random() < 0.6:
            street = latin = f"{place.draw(place.last, rng)} {rng.choice(('Street', 'Road', 'Avenue', 'Lane', 'Drive'))}"
        elif place.language == "fr" and rng.random() < 0.5:
            street = f"rue {place.draw(place.male, rng)} {place.draw(place.last, rng)}"
            latin = place.forms(street)[0]
        number = str(1 + int(160 * rng.random() ** 2))
        if place.country == "JP":
            number = f"{rng.randint(1, 5)}-{rng.randint(1, 30)}-{rng.randint(1, 20)}"
        elif place.country == "US":
            number = str(rng.randint(1, 9999))
        elif rng.random() < 0.08:
            number += rng.choice("abcd")
        return Address(street, number, postal_code(place.country, where.postal_prefix, rng), where.name, where.region, place.country, latin,
                       where.latin, where.region_latin)  # fmt: skip


_KEYS = list(SHARES)
_CUMULATIVE = [sum(list(SHARES.values())[: i + 1]) for i in range(len(SHARES))]


def _next_member(members: list[Person], *, rng: Random, today: date) -> tuple[str, date]:
    """Gender and birth date of the next person in a household: a grown-up, a partner, then their grown-up children."""
    if not members:
        return rng.choice("fm"), today - timedelta(days=int(rng.triangular(19, 88, 42) * 365.25))
    first = members[0]
    if len(members) == 1:
        other = "m" if first.gender == "f" else "f"
        return first.gender if rng.random() < 0.06 else other, _near(first.birth, 9, rng, today)
    eldest, youngest = date.fromisoformat(first.birth) + timedelta(days=20 * 365), today - timedelta(days=16 * 366)
    if eldest >= youngest:  # nobody that young has a child in the shop: they share a flat
        return rng.choice("fm"), _near(first.birth, 9, rng, today)
    return rng.choice("fm"), eldest + timedelta(days=rng.randint(0, min(20 * 365, (youngest - eldest).days)))


def _near(birth: str, years: int, rng: Random, today: date) -> date:
    born = date.fromisoformat(birth) + timedelta(days=int(rng.gauss(0, 1) * years * 120))
    latest = today - timedelta(days=18 * 366)
    return born if born <= latest else latest - (born - latest)  # mirrored: a limit would be many people's birthday


def _check_digit(number: int) -> int:
    return sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(str(number))) % 10
