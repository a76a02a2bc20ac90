"""Standard forms: what each semantic type makes of real spellings, and what holds for every string."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer360.identity.standardise import SEMANTIC_TYPES, standardise

WORDS = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
NAMES = st.lists(
    st.sampled_from(
        [
            "Dr.",
            "van",
            "der",
            "O'",
            "Mc",
            "Donald",
            "Smith,",
            "J.",
            "李",
            "王小明",
            "Иванович",
            "Jr.",
            "III",
            "(Bob)",
            "de",
            "la",
            "&",
            "GmbH",
            "St",
            "12",
            "a",
            "7b",
        ]
    ),
    max_size=6,
).map(" ".join)
DATES = st.from_regex(r"[0-9]{1,4}[-/. ]?[0-9]{1,2}[-/. ]?[0-9]{1,4}", fullmatch=True)
PHONES = st.from_regex(r"\+?[0-9 ()/-]{0,18}", fullmatch=True)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEMANTIC_TYPES), st.one_of(WORDS, NAMES, DATES, PHONES), st.sampled_from([None, "DE", "US", "GB"]))
def test_any_string_has_a_stable_standard_form(semantic_type: str, value: str, region: str | None) -> None:
    """Never raises, same answer twice, and the standard form is its own standard form: else stored attributes would drift."""
    once = standardise(semantic_type, value, region=region)
    assert once == standardise(semantic_type, value, region=region)
    if once.value is not None:
        assert once.value.strip() == once.value != ""
        assert standardise(semantic_type, once.value, region=region).value == once.value


@pytest.mark.parametrize(
    ("semantic_type", "value", "expected"),
    [
        ("first_name", "  Dr. JOSÉ ", "jose"),
        ("last_name", "Mc Donald Jr.", "mcdonald"),
        ("last_name", "O’Neil", "oneil"),
        ("last_name", "Unknown", None),
        ("full_name", "Smith, John Q.", "john q smith"),
        ("full_name", "王小明", "xiaoming wang"),
        ("full_name", "欧阳修文", "xiuwen ouyang"),
        ("full_name", "Иванов Иван Иванович", "ivan ivanovich ivanov"),
        ("email", "John.Smith+news@GoogleMail.com", "johnsmith@gmail.com"),
        ("email", "John.Smith@example.org", "john.smith@example.org"),
        ("email", "not an address", None),
        ("phone", "0049 30 1234567", "+49301234567"),
        ("phone", "0000000", None),
        ("birth_date", "19170923", "1917-09-23"),
        ("birth_date", "19813005", "1981-05-30"),
        ("birth_date", "1981-02-30", None),
        ("birth_date", "3 May 1980", "1980-05-03"),
        ("birth_date", "1980-05", "1980-05"),
        ("birth_date", "1980-05-03T00:00:00Z", "1980-05-03"),
        ("birth_year", "1980.0", "1980"),
        ("birth_year", "80", None),
        ("postal_code", "dy13 0uu", "DY130UU"),
        ("postal_code", "12345-6789", "12345"),
        ("postal_code", "00000", None),
        ("street", "Aston Cres.", "aston crescent"),
        ("street", "St Pauls St", "st pauls street"),
        ("house_number", "No. 12 A", "12a"),
        ("country", "Deutschland", "DE"),
        ("country", "Atlantis", None),
        ("organisation", "ACME Holdings G.m.b.H. & Co. KG", "acme holdings"),
        ("gender", "weiblich", "f"),
        ("national_id", "999-99-9999", None),
        ("external_id", "ab-12 34", "AB1234"),
    ],
)
def test_standard_form(semantic_type: str, value: str, expected: str | None) -> None:
    assert standardise(semantic_type, value).value == expected


def test_a_national_phone_number_is_read_in_its_region() -> None:
    assert standardise("phone", "0412 345 678", region="AU").value == "+61412345678"
    unknown = standardise("phone", "0412 345 678")
    assert unknown.value == "412345678"
    assert "no_country" in unknown.flags
    assert unknown.parts["tail"] == standardise("phone", "0412 345 678", region="AU").parts["tail"]


def test_flags_say_what_to_be_careful_about() -> None:
    assert "role_mailbox" in standardise("email", "info@example.org").flags
    assert "disposable" in standardise("email", "x@mailinator.com").flags
    assert "swapped_day_month" in standardise("birth_date", "1981-30-05").flags
    assert "ambiguous_day_month" in standardise("birth_date", "03/04/1980").flags
    assert "partial" in standardise("birth_date", "1980").flags
    assert "initial" in standardise("first_name", "J.").flags


def test_the_region_decides_an_ambiguous_date() -> None:
    assert standardise("birth_date", "03/04/1980").value == "1980-04-03"
    assert standardise("birth_date", "03/04/1980", region="US").value == "1980-03-04"


def test_parts_of_names() -> None:
    assert standardise("first_name", "Bob").parts["root"] == "robert"
    assert standardise("last_name", "van der Berg").parts["core"] == "berg"
    assert standardise("full_name", "Ludwig van Beethoven").parts == {"first_name": "ludwig", "last_name": "van beethoven"}
    assert standardise("street", "24 Aston Cres.").parts == {"house_number": "24", "name": "aston"}


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(KeyError):
        standardise("shoe_size", "42")
