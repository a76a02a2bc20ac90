"""The guard that keeps a family apart on one mailbox, and lets one person's spellings together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.agreement import Agreement, Person, agreement

NAMES = ("anna", "bernd", "william", "bill", "dmitriy", "a", "maria anna")
persons = st.builds(
    Person,
    first_names=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    last_names=st.lists(st.sampled_from(("maier", "schneider", "meier")), max_size=2).map(tuple),
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
