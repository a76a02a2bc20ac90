"""The platform's model, learnt from birth dates: it must tell a household and namesakes from one person without a label."""

from __future__ import annotations

import random

import pytest

from customer360.identity.evidence.blocks import wide_frame
from customer360.identity.match.model import Model
from customer360.identity.match.score import score
from customer360.identity.models.training import train_on_birth_dates

FIRST = ["anna", "bernd", "carla", "dieter", "emil", "frieda", "gustav", "helga", "ines", "jakob", "karin", "ludwig"]
LAST = [
    f"{start}{end}" for start in ("berg", "stein", "wald", "feld", "bach", "hof") for end in ("er", "mann", "hausen", "ner", "l", "inger")
]
CITIES = ["bonn", "ulm", "kiel", "mainz", "trier"]
Records = list[tuple[str, dict[str, list[str]]]]


def _population(households: int, *, with_births: bool = True) -> Records:
    """Two or three people a household at one address; each in two sources, the second with a mail of its own and now and then a typing error."""
    dice = random.Random(7)
    records: Records = []
    for house in range(households):
        last, city = dice.choice(LAST), dice.choice(CITIES)
        address = {"street": [f"{dice.choice(LAST)}strasse"], "house_number": [str(dice.randrange(1, 200))], "city": [city]}
        for first in dice.sample(FIRST, dice.choice([2, 2, 3])):
            person = f"{house}-{first}"
            birth = f"{dice.randrange(1940, 2005)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 28):02}"
            births = {"birth_date": [birth]} if with_births and dice.random() < 0.7 else {}
            mail = {"email": [f"{first}.{last}{dice.randrange(100)}@example.com"]}
            typed = last[:-1] if dice.random() < 0.1 else last
            records.append((f"shop.customers:{person}", {"first_name": [first], "last_name": [last], **address, **births, **mail}))
            other = mail if dice.random() < 0.5 else {}
            where = address if dice.random() < 0.7 else {"city": [city]}
            records.append((f"crm.contacts:{person}", {"first_name": [first], "last_name": [typed], **where, **births, **other}))
    return sorted(records)


def _person(record_id: str) -> str:
    return record_id.split(":")[1]


@pytest.fixture(scope="module")
def trained() -> tuple[Records, Model]:
    records = _population(600)
    model = train_on_birth_dates(wide_frame(records))
    assert model is not None
    return records, model


def test_it_finds_people_and_not_their_families(trained: tuple[Records, Model]) -> None:
    records, model = trained
    found = score(wide_frame(records), model, floor=model.match_threshold)
    pairs = list(zip(found["l"].to_pylist(), found["r"].to_pylist(), strict=True))
    right = sum(_person(left) == _person(other) for left, other in pairs)
    assert right / len(pairs) > 0.93  # a tenth of the second records are but a common name and a city
    assert right / (len(records) / 2) > 0.85


def test_few_rules_are_kept_for_good(trained: tuple[Records, Model]) -> None:
    _, model = trained
    assert 1 <= len(model.splink["blocking_rules_to_generate_predictions"]) <= 12


def test_the_same_records_give_the_same_model(trained: tuple[Records, Model]) -> None:
    records, model = trained
    again = train_on_birth_dates(wide_frame(records))
    assert again is not None
    assert again.version == model.version


def test_without_birth_dates_there_is_nothing_to_learn_from() -> None:
    assert train_on_birth_dates(wide_frame(_population(300, with_births=False))) is None
