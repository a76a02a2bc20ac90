"""Numbers are reserved or unassigned ones, never given twice, and readable in every form they are typed in."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from sandbox.population.phones import CALLING_CODES, PhoneBook, typed


@pytest.mark.parametrize("country", CALLING_CODES)
@pytest.mark.parametrize("kind", ["landline", "mobile"])
def test_no_number_is_given_twice_and_all_are_possible(country: str, kind: str) -> None:
    book = PhoneBook()
    numbers = [book.take(country, kind) for _ in range(3000)]
    given = [number for number in numbers if number]
    assert len(given) >= 3000
    assert len(given) == len(set(given))
    assert all(phonenumbers.is_possible_number(phonenumbers.parse(number)) for number in given)


def test_a_used_up_reserve_gives_nothing_rather_than_a_number_twice() -> None:
    book = PhoneBook()
    numbers = [book.take("GB", "mobile") for _ in range(20_000)]
    given = [number for number in numbers if number]
    assert 0 < len(given) < 20_000
    assert len(given) == len(set(given))
    assert numbers[-1] is None


def test_american_numbers_are_those_reserved_for_fiction() -> None:
    book = PhoneBook()
    assert all((book.take("US", "mobile") or "")[5:10].startswith("55501") for _ in range(500))


def test_goes_on_where_it_stopped() -> None:
    book = PhoneBook()
    first = [book.take("DE", "mobile") for _ in range(5)]
    again = PhoneBook(book.counters)
    assert again.take("DE", "mobile") not in first
    assert again.take("DE", "mobile") != again.take("DE", "mobile")


@pytest.mark.parametrize("country", CALLING_CODES)
def test_however_it_is_typed_it_is_the_same_number(country: str) -> None:
    rng, book = Random(3), PhoneBook()
    for kind in ("landline", "mobile"):
        for _ in range(200):
            number = book.take(country, kind)
            assert number
            written = typed(number, country, rng, tidy=0.1)
            parsed = phonenumbers.parse(written, country)
            assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number, written
