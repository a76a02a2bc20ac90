"""How a system writes a person down: which value it knew at the time, in which script, with which mistakes.

An `Appearance` is what one record shows. The truth stays with `Person`; everything that goes wrong goes wrong here.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox.population import mailboxes, phones
from sandbox.population.locales import Locale, locale
from sandbox.population.people import Address, Person
from sandbox.population.place_lists import COUNTRY_NAMES, STREET_SHORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a system's users write: shares between 0 and 1."""

    typos: float  # per name, street and city
    latin: float  # of names in another script written in Latin letters
    nickname: float
    outdated: float  # of values that had changed and are still the old ones although the record is newer
    missing_birth: float
    wrong_birth: float
    missing_phone: float
    tidy_phone: float  # E.164
    missing_email: float
    shared_mailbox: float  # of persons whose household has a mailbox of its own
    dirty_email: float
    dirty_text: float  # capitals, stray blanks, broken encodings, first and last name exchanged
    short_street: float


SHOP = Habits(
    typos=0.015,
    latin=0.12,
    nickname=0.06,
    outdated=0.25,
    missing_birth=0.35,
    wrong_birth=0.01,
    missing_phone=0.35,
    tidy_phone=0.45,
    missing_email=0.0,
    shared_mailbox=0.25,
    dirty_email=0.004,
    dirty_text=0.03,
    short_street=0.25,
)
GUEST = Habits(typos=0.04, latin=0.2, nickname=0.1, outdated=0.2, missing_birth=1.0, wrong_birth=0.0, missing_phone=0.45, tidy_phone=0.2,
               missing_email=0.0, shared_mailbox=0.5, dirty_email=0.02, dirty_text=0.08, short_street=0.4)  # fmt: skip
CRM = Habits(typos=0.06, latin=0.6, nickname=0.12, outdated=0.45, missing_birth=0.45, wrong_birth=0.03, missing_phone=0.2, tidy_phone=0.15,
             missing_email=0.15, shared_mailbox=0.3, dirty_email=0.02, dirty_text=0.06, short_street=0.5)  # fmt: skip
LEAD = Habits(typos=0.06, latin=0.6, nickname=0.2, outdated=0.3, missing_birth=1.0, wrong_birth=0.0, missing_phone=0.4, tidy_phone=0.2,
              missing_email=0.1, shared_mailbox=0.2, dirty_email=0.03, dirty_text=0.08, short_street=0.5)  # fmt: skip
MAIL = Habits(typos=0.01, latin=0.25, nickname=0.25, outdated=0.35, missing_birth=1.0, wrong_birth=0.0, missing_phone=1.0, tidy_phone=1.0,
              missing_email=0.0, shared_mailbox=0.4, dirty_email=0.0, dirty_text=0.05, short_street=0.0)  # fmt: skip

BILLING = Habits(typos=0.01, latin=0.3, nickname=0.02, outdated=0.4, missing_birth=1.0, wrong_birth=0.0, missing_phone=0.6, tidy_phone=0.6,
                 missing_email=0.02, shared_mailbox=0.3, dirty_email=0.002, dirty_text=0.02, short_street=0.3)  # fmt: skip
SUPPORT = Habits(typos=0.03, latin=0.4, nickname=0.3, outdated=0.25, missing_birth=1.0, wrong_birth=0.0, missing_phone=0.5, tidy_phone=0.9,
                 missing_email=0.06, shared_mailbox=0.35, dirty_email=0.005, dirty_text=0.06, short_street=0.0)  # fmt: skip
MARKETING = Habits(typos=0.05, latin=0.5, nickname=0.2, outdated=0.35, missing_birth=1.0, wrong_birth=0.0, missing_phone=0.5,
                   tidy_phone=0.2, missing_email=0.05, shared_mailbox=0.1, dirty_email=0.02, dirty_text=0.08, short_street=0.0)  # fmt: skip
SURVEY = Habits(typos=0.03, latin=0.3, nickname=0.15, outdated=0.1, missing_birth=0.3, wrong_birth=0.03, missing_phone=1.0, tidy_phone=0.0,
                missing_email=0.2, shared_mailbox=0.2, dirty_email=0.01, dirty_text=0.08, short_street=0.0)  # fmt: skip
REVIEWS = Habits(typos=0.02, latin=0.4, nickname=0.3, outdated=0.2, missing_birth=1.0, wrong_birth=0.0, missing_phone=1.0, tidy_phone=0.0,
                 missing_email=0.05, shared_mailbox=0.25, dirty_email=0.005, dirty_text=0.06, short_street=0.0)  # fmt: skip


def full_name(shown: Appearance) -> str:
    """First and last name in one field."""
    return f"{shown.first} {shown.last}" if shown.first else shown.last


@dataclass(slots=True)
class Appearance:
    """What one record shows of a person; None where the record is silent. Days are ISO text."""

    first: str | None
    middle: str | None
    last: str
    email: str | None
    phone: str | None  # landline
    mobile: str | None
    birth: str | None
    address: Address
    known_since: str  # the latest day at which a shown value became true; '' if all always were
    in_latin: bool


_NEAR = {
    "a": "sq",
    "e": "wr",
    "i": "uo",
    "o": "ip",
    "n": "mb",
    "m": "n",
    "s": "ad",
    "t": "rz",
    "r": "et",
    "l": "k",
    "c": "xv",
    "d": "sf",
    "h": "gj",
    "u": "zi",
    "g": "fh",
    "b": "vn",
    "k": "jl",
}


def typo(text: str, rng: Random) -> str:
    """One slip of the fingers: letters exchanged, left out, doubled or replaced by a neighbour on the keyboard."""
    if len(text) < 4:
        return text
    at = rng.randrange(1, len(text) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + text[at] + text[at:]
    near = _NEAR.get(text[at])
    return text[:at] + (rng.choice(near) if near else text[at]) + text[at + 1 :]


def _dirty(text: str, rng: Random) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return text.upper()
    if kind == 1:
        return text.lower()
    if kind == 2:
        return f" {text} "
    if kind == 3:
        return f"{text}\u00a0" if len(text) % 2 else f"\u200b{text}"  # no-break and zero-width blanks from copied text
    if kind == 4 and not text.isascii():
        return text.encode().decode("latin-1")  # UTF-8 read as Latin-1: 'MÃ¼ller'
    return text.title()


def _dirty_email(email: str, rng: Random) -> str:
    local, _, domain = email.partition("@")
    return (
        f" {email}",
        email.upper(),
        email.replace(".", ",", 1),
        f"{local}@{domain.removesuffix('.example')}",
        f"{local} {domain}",
        "n/a",
        "-",
        f"{local}@@{domain}",
    )[rng.randrange(8)]


def _wrong_birth(birth: str, rng: Random) -> str:
    year, month, day = birth.split("-")
    kind = rng.randrange(4)
    if kind == 0 and int(day) <= 12:
        return f"{year}-{day}-{month}"
    if kind == 1:
        return f"{int(year) + rng.choice((-1, 1, 10, -10))}-{month}-{min(int(day), 28):02d}"
    if kind == 2:
        return rng.choice(("1900-01-01", "1970-01-01", "1901-01-01"))  # what a form puts in when nobody does
    return f"{year}-{month}-{max(1, min(28, int(day) + rng.choice((-1, 1)))):02d}"


def appear(person: Person, habits: Habits, *, rng: Random, day: str) -> Appearance:
    """What a record made on `day` (ISO) shows today."""
    place = locale(person.locale)
    known_since = ""
    values = {}
    for attribute in ("last", "email", "mobile", "address"):
        old = person.before.get(attribute)
        if old and ((day < old[1] and rng.random() < 0.65) or rng.random() < habits.outdated * 0.5):
            values[attribute] = old[0]
        else:
            values[attribute] = getattr(person, attribute)
            if old and day < old[1]:
                known_since = max(known_since, old[1])
    in_latin = (place.has_own_script and rng.random() < habits.latin) or (not place.has_own_script and rng.random() < habits.latin * 0.25)
    first, middle, last = _names(person, values["last"], place, habits, rng=rng, in_latin=in_latin)

    email = _email(person, values["email"], habits, rng=rng)
    landline = person.landline if rng.random() >= habits.missing_phone else None
    mobile = values["mobile"] if rng.random() >= habits.missing_phone else None
    country = place.country
    if landline:
        landline = phones.typed(landline, country, rng, tidy=habits.tidy_phone)
    if mobile:
        mobile = phones.typed(mobile, country, rng, tidy=habits.tidy_phone)

    return Appearance(
        first, middle, last, email, landline, mobile, _birth(person, habits, rng=rng), values["address"], known_since, in_latin
    )


def _email(person: Person, email: str, habits: Habits, *, rng: Random) -> str | None:
    if person.mailbox and rng.random() < habits.shared_mailbox:
        email = person.mailbox
    chance = rng.random()
    if chance < habits.missing_email:
        return None
    if chance < habits.missing_email + habits.dirty_email:
        return _dirty_email(email, rng)
    return mailboxes.dotted(email, rng) if rng.random() < 0.08 else email


def _birth(person: Person, habits: Habits, *, rng: Random) -> str | None:
    chance = rng.random()
    if chance < habits.missing_birth:
        return None
    return _wrong_birth(person.birth, rng) if chance < habits.missing_birth + habits.wrong_birth else person.birth


def _names(person: Person, last: str, place: Locale, habits: Habits, *, rng: Random, in_latin: bool) -> tuple[str | None, str | None, str]:
    first: str | None = person.first
    nicknames = place.nicknames.get(person.first)
    if nicknames and rng.random() < habits.nickname:
        first = rng.choice(nicknames)
    middle: str | None = person.middle or None
    if in_latin:
        own_first = rng.random() < 0.7  # usually the form the person uses, else another right one
        first = person.first_latin if own_first and first == person.first else rng.choice(place.forms(first or ""))
        if last == person.last and rng.random() < 0.7:
            last = person.last_latin
        else:
            last = "-".join(rng.choice(place.forms(part)) for part in last.split("-"))
        middle = place.forms(middle)[0] if middle else None
    elif place.kana and rng.random() < 0.1:
        first, last = place.kana.get(first or "", first), place.kana.get(last, last)
    if rng.random() < habits.typos:
        first = typo(first or "", rng)
    if rng.random() < habits.typos:
        last = typo(last, rng)
    if rng.random() < habits.dirty_text:
        if rng.random() < 0.2:
            first, last = last, first or last  # written into each other's field
        else:
            first, last = _dirty(first or "", rng), _dirty(last, rng)
    elif first and rng.random() < habits.dirty_text:
        first = f"{first[0]}." if rng.random() < 0.5 else f"{first} {middle}" if middle else first
    return first, middle, last


def street_line(address: Address, *, rng: Random, habits: Habits, in_latin: bool) -> str:
    """Street and house number in one line, in the country's order."""
    street = written_street(address, rng=rng, habits=habits, in_latin=in_latin)
    if address.country in ("US", "GB", "FR", "SA") or (in_latin and address.country in ("CN", "JP")):
        return f"{address.number} {street}"
    if address.country == "TR":
        return f"{street} No: {address.number}"
    if address.country == "RU":
        return f"{street}, д. {address.number}" if not in_latin else f"{street} {address.number}"
    if address.country in ("JP", "CN"):
        return f"{street}{address.number}" + ("号" if address.country == "CN" else "")
    return f"{street} {address.number}"


def written_street(address: Address, *, rng: Random, habits: Habits, in_latin: bool) -> str:
    """The street alone, perhaps abbreviated or mistyped."""
    street = address.street_latin if in_latin else address.street
    if rng.random() < habits.short_street:
        for long, short in STREET_SHORT:
            if long in street:
                street = street.replace(long, short)
                break
    return typo(street, rng) if rng.random() < habits.typos else street


def country_name(country: str, *, rng: Random) -> str:
    """A country as people type it."""
    return rng.choice(COUNTRY_NAMES[country]) if rng.random() < 0.6 else COUNTRY_NAMES[country][0]
