"""The guard that keeps a family apart on one mailbox, and lets one person's spellings together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.evidence.agreement import Agreement, Person, agreement

NAMES = ("anna", "bernd", "brnd", "william", "bill", "dmitriy", "a", "maria anna")
persons = st.builds(
    Person,
    first_names=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    last_names=st.lists(st.sampled_from(("maier", "schneider", "meier")), max_size=2).map(tuple),
    is_in_characters=st.booleans(),
    birth_dates=st.lists(st.sampled_from(("1980-03-04", "1980-04-03", "1980", "2001-12-30")), max_size=2).map(tuple),
)


@given(persons, persons)
def test_agreement_does_not_depend_on_the_order(left: Person, right: Person) -> None:
    assert agreement(left, right) is agreement(right, left)


@given(persons)
def test_a_record_never_contradicts_itself(person: Person) -> None:
    assert agreement(person, person) is not Agreement.CONTRADICTS


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("bill", "maier", None), ("william", "maier", None), Agreement.FULL_NAME),
        (("ftmh", "lmtyry", None), ("fatimah", "almutairi", None), Agreement.FULL_NAME),
        (("ftmh", "lmtyry", None), ("amal", "almutairi", None), Agreement.CONTRADICTS),
        (("lena", "maier", None), ("ilona", "maier", None), Agreement.CONTRADICTS),
        (("anna", "maier", None), ("anna", "schulz", None), Agreement.FIRST_NAME),
        (("anna", "maier", "1980-03-04"), ("anna", "schulz", "1980-03-04"), Agreement.FULL_NAME),
        (("anna", "maier", None), ("bernd", "maier", None), Agreement.CONTRADICTS),
        (("hans", "maier", "1951-07-09"), ("hans", "maier", "1980-01-01"), Agreement.CONTRADICTS),
        (("hans", "maier", "1980-03-04"), ("hans", "maier", "1980-04-03"), Agreement.FULL_NAME),
        (("maier", "anna", None), ("anna", "maier", None), Agreement.FULL_NAME),
        (("a", "maier", None), ("anna", "maier", None), Agreement.FULL_NAME),
        ((None, "maier", None), ("anna", "maier", None), Agreement.SILENT),
        ((None, None, None), ("anna", "maier", "1980-03-04"), Agreement.SILENT),
    ],
)
def test_known_cases(left: tuple[str | None, ...], right: tuple[str | None, ...], expected: Agreement) -> None:
    assert agreement(_person(*left), _person(*right)) is expected


def _person(first: str | None, last: str | None, birth: str | None) -> Person:
    return Person(tuple(filter(None, [first])), tuple(filter(None, [last])), tuple(filter(None, [birth])))


def test_a_name_in_characters_has_several_readings() -> None:
    """星野 里佳 comes out as Xingye Lijia; whether that is Hoshino Rika, nobody can tell by the letters."""
    read = Person(first_names=("lijia",), last_names=("xingye",), is_in_characters=True)
    spelled = Person(first_names=("rika",), last_names=("hoshino",))
    assert agreement(read, spelled) is agreement(spelled, read) is Agreement.SILENT
    assert agreement(read, Person(first_names=("mingmei",), is_in_characters=True)) is Agreement.CONTRADICTS, "both as they are written"
    assert agreement(read, Person(first_names=("lijia",), last_names=("xingye",))) is Agreement.FULL_NAME
    born = Person(first_names=("lijia",), birth_dates=("1980-03-04",), is_in_characters=True)
    assert agreement(born, Person(first_names=("rika",), birth_dates=("1992-11-30",))) is Agreement.CONTRADICTS
