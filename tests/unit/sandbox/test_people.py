"""The population is the same for the same seed, as large as asked, and nobody in it can be a real person."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from random import Random

import pytest

from sandbox.population.locales import SHARES, locale
from sandbox.population.people import Person, Population

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def people(number: int, seed: int = 1) -> list[Person]:
    return list(Population().populate(number, rng=Random(seed), now=NOW))


@pytest.fixture(scope="module")
def population() -> list[Person]:
    return people(4000)


def test_has_exactly_the_wanted_size() -> None:
    assert [len(people(number)) for number in (10, 11, 137)] == [10, 11, 137]


def test_same_seed_same_people_other_seed_others() -> None:
    first = [person.dump() for person in people(300)]
    assert first == [person.dump() for person in people(300)]
    assert first != [person.dump() for person in people(300, seed=2)]


def test_a_person_survives_being_written_down(population: list[Person]) -> None:
    assert any(person.before for person in population)
    assert [Person.load(person.dump()) for person in population] == population


def test_mail_addresses_are_reserved_names_and_belong_to_one_person(population: list[Person]) -> None:
    own = [person.email for person in population] + [old[0] for person in population if (old := person.before.get("email"))]
    assert len(own) == len(set(own))
    everything = own + [p.work_email for p in population if p.work_email] + [p.mailbox for p in population if p.mailbox]
    domains = {address.rpartition("@")[2] for address in everything}
    assert len(domains) > 20
    assert all(domain.endswith(".example") or domain.split(".", 1)[-1] in ("example.com", "example.org") for domain in domains)


def test_gmail_addresses_do_not_differ_by_dots_alone(population: list[Person]) -> None:
    flat = [p.email.partition("@")[0].replace(".", "") for p in population if p.email.endswith("@gmail.example")]
    assert len(flat) > 300
    assert len(flat) == len(set(flat))


def test_mobile_numbers_belong_to_one_person_and_landlines_to_a_household(population: list[Person]) -> None:
    mobiles = [p.mobile for p in population if p.mobile]
    assert len(mobiles) > 3000
    assert len(mobiles) == len(set(mobiles))
    households = defaultdict(set)
    for person in population:
        if person.landline:
            households[person.landline].add(person.household_id)
    assert households
    assert all(len(ids) == 1 for ids in households.values())


def test_households_share_address_and_some_a_mailbox(population: list[Person]) -> None:
    members = defaultdict(list)
    for person in population:
        members[person.household_id].append(person)
    several = [group for group in members.values() if len(group) > 1]
    assert len(several) > 500
    assert all(len({str(p.address) for p in group}) == 1 for group in several)
    assert sum(group[0].mailbox is not None for group in several) > 100
    assert sum(len({p.last for p in group}) == 1 for group in several) > 200


def test_there_are_namesakes_also_in_one_city_and_within_a_household(population: list[Person]) -> None:
    names = Counter((p.first, p.last) for p in population)
    assert sum(number > 1 for number in names.values()) > 100
    in_city = Counter((p.first, p.last, p.address.city) for p in population)
    assert sum(number > 1 for number in in_city.values()) > 10
    within = Counter((p.household_id, p.first, p.last, p.gender) for p in population)
    assert any(number > 1 for number in within.values()), "a son named like his father"


def test_every_locale_and_script_occurs(population: list[Person]) -> None:
    number = Counter(p.locale for p in population)
    assert set(number) == set(SHARES)
    own_script = [p for p in population if locale(p.locale).has_own_script]
    assert len(own_script) > 500
    assert all(p.first_latin.isascii() and p.last_latin.isascii() for p in own_script)
    assert not any(p.first.isascii() for p in own_script)


def test_moves_name_changes_and_new_addresses_are_remembered_with_their_day(population: list[Person]) -> None:
    changed = Counter(attribute for person in population for attribute in person.before)
    assert set(changed) == {"address", "last", "email", "mobile"}
    assert min(changed.values()) > 50
    person = next(p for p in population if "email" in p.before)
    old, day = person.before["email"]
    assert person.as_of("email", "1999-01-01") == old
    assert person.as_of("email", day) == person.email


def test_birth_dates_are_those_of_customers(population: list[Person]) -> None:
    births = [p.birth for p in population]
    assert min(births) > "1930"
    assert max(births) < "2011"


@pytest.mark.parametrize(
    ("key", "masculine", "feminine"),
    [
        ("pl_PL", "Kowalski", "Kowalska"),
        ("pl_PL", "Nowak", "Nowak"),
        ("ru_RU", "Иванов", "Иванова"),
        ("ru_RU", "Чайковский", "Чайковская"),
        ("el_GR", "Παπαδόπουλος", "Παπαδοπούλου"),
        ("de_DE", "Müller", "Müller"),
    ],
)
def test_family_names_have_their_feminine_form(key: str, masculine: str, feminine: str) -> None:
    assert locale(key).feminine(masculine) == feminine
