"""Standard forms: what each semantic type makes of real spellings, and what holds for every string."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import customer360.identity.standardise
from customer360.identity.standardise import SEMANTIC_TYPES, standardise
from customer360.identity.standardise.contact import of_standard_phone
from customer360.identity.standardise.dates import birth_date, month_first
from customer360.identity.standardise.tables import table

DATA = Path(customer360.identity.standardise.__file__).parent / "data"

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


SPELLINGS = st.text(alphabet=st.sampled_from("aeimnorstuvAEIMNORST éüößñçøłşğИвановΓιωΑ王小田中김철수0123456789.-'’,/@+#"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEMANTIC_TYPES), SPELLINGS)
def test_space_and_composition_of_letters_do_not_matter(semantic_type: str, value: str) -> None:
    standard = standardise(semantic_type, value).value
    assert standardise(semantic_type, f" \u200b{unicodedata.normalize('NFD', value)}\t").value == standard
    assert standardise(semantic_type, unicodedata.normalize("NFKC", value)).value == standard


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(set(SEMANTIC_TYPES))),
    st.text(alphabet=st.sampled_from("aeimnorstuvxz éüöñçøИвано王小田中0123456789.-'’,/@+#"), max_size=30),
)
def test_case_does_not_matter(semantic_type: str, value: str) -> None:
    assert standardise(semantic_type, value.upper()).value == standardise(semantic_type, value).value


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEMANTIC_TYPES), st.one_of(NAMES, SPELLINGS, DATES, PHONES))
def test_a_standard_form_has_the_parts_of_its_source(semantic_type: str, value: str) -> None:
    """Records are matched by stored standard forms too: their parts must be the same as those of the raw values."""
    once = standardise(semantic_type, value)
    if once.value is not None and semantic_type != "organisation":  # its legal form is gone by then, and nothing compares it
        assert standardise(semantic_type, once.value).parts == once.parts


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.csv")))
def test_every_table_says_each_thing_once(name: str) -> None:
    """A second line for one standard form would replace the first; a spelling in two lines would depend on their order."""
    lines = [line.split(",") for line in (DATA / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(lines) >= 3
    assert [head for head, count in Counter(line[0] for line in lines).items() if count > 1] == []
    if name not in {"countries.csv", "nicknames.csv"}:  # the first line wins where a name is one of several countries or given names
        assert [cell for cell, count in Counter(cell for line in lines for cell in set(line)).items() if count > 1] == []


@pytest.mark.parametrize(
    ("semantic_type", "value", "expected"),
    [
        ("first_name", "  Dr. JOSÉ ", "jose"),
        ("first_name", "Prof. Dr. med. Hans-Peter", "hans peter"),
        ("first_name", "Dr. Phil", "phil"),
        ("first_name", "Major", "major"),
        ("first_name", "Abd al-Rahman", "abdulrahman"),
        ("first_name", "İbrahim", "ibrahim"),
        ("first_name", "ILGIN", "ilgin"),
        ("first_name", "😀 Bob", "bob"),
        ("last_name", "MÃ¼ller", "muller"),
        ("last_name", "MÃƒÂ¼ller", "muller"),
        ("last_name", "Müller-Lüdenscheidt", "muller ludenscheidt"),
        ("last_name", "O’Brien", "obrien"),
        ("last_name", "O' Brien", "obrien"),
        ("last_name", "OBrien", "obrien"),
        ("last_name", "D'Angelo", "dangelo"),
        ("last_name", "MacDonald", "macdonald"),
        ("last_name", "Παπαδόπουλος", "papadopoylos"),
        ("last_name", "Щербакова", "shcherbakova"),
        ("last_name", "xx", None),
        ("full_name", "Mr and Mrs John Smith", "john smith"),
        ("full_name", "Smith, Jr., John", "john smith"),
        ("full_name", "John Smith, M.D.", "john smith"),
        ("full_name", "Smith Jr., John Q.", "john q smith"),
        ("full_name", "田中 太郎", "tailang tianzhong"),
        ("full_name", "田中太郎", "tailang tianzhong"),
        ("full_name", "김 철수", "cheolsu gim"),
        ("full_name", "김철수", "cheolsu gim"),
        ("full_name", "Шевченко Тарас Григорович", "taras grigorovich shevchenko"),
        ("full_name", 'Robert "Bob" Smith', "robert smith"),
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
        ("email", '"Lee, Ann" <Ann@Example.org>', "ann@example.org"),
        ("email", "mailto:ann.b@example.org?subject=hello", "ann.b@example.org"),
        ("email", "ann@gmial.com", "ann@gmail.com"),
        ("email", "ann-news@yahoo.com", "ann@yahoo.com"),
        ("email", "ann-news@example.org", "ann-news@example.org"),
        ("email", "ann+shop@outlook.com", "ann@outlook.com"),
        ("email", "ann@example.org; bob@example.org", "ann@example.org"),
        ("email", "ann [at] example [dot] org", "ann@example.org"),
        ("email", "ann@xn--mller-kva.de", "ann@müller.de"),
        ("email", "none@none.com", None),
        ("email", "noemail@noemail.com", None),
        ("phone", "tel:+49-30-1234567", "+49301234567"),
        ("phone", "+49 (0)30 1234567", "+49301234567"),
        ("phone", "030 / 1234567", "301234567"),
        ("phone", "030 1234567 / 0171 1234567", "301234567"),
        ("phone", "+1 212 555 1234 ext. 99", "+12125551234"),
        ("phone", "+1-800-FLOWERS", "+18003569377"),
        ("phone", "12345", None),
        ("phone", "1234567890", None),
        ("phone", "+1 000 000 0000", None),
        ("phone", "0049 30 1234567", "+49301234567"),
        ("phone", "0000000", None),
        ("birth_date", "19170923", "1917-09-23"),
        ("birth_date", "19813005", "1981-05-30"),
        ("birth_date", "1981-02-30", None),
        ("birth_date", "3 May 1980", "1980-05-03"),
        ("birth_date", "1980-05", "1980-05"),
        ("birth_date", "1980-05-03T00:00:00Z", "1980-05-03"),
        ("birth_date", "May 3rd, 1980", "1980-05-03"),
        ("birth_date", "3. März 1980", "1980-03-03"),
        ("birth_date", "1er août 1980", "1980-08-01"),
        ("birth_date", "3 de mayo de 1980", "1980-05-03"),
        ("birth_date", "5 мая 1980 г.", "1980-05-05"),
        ("birth_date", "3 maja 1980", "1980-05-03"),
        ("birth_date", "1980年5月3日", "1980-05-03"),
        ("birth_date", "昭和55年5月3日", "1980-05-03"),
        ("birth_date", "03.05.80", "1980-05-03"),
        ("birth_date", "12/25/1980", "1980-12-25"),
        ("birth_date", "25/12/1980 00:00:00", "1980-12-25"),
        ("birth_date", "1980-05-XX", "1980-05"),
        ("birth_date", "1980-00-00", "1980"),
        ("birth_date", "c. 1850", "1850"),
        ("birth_date", "29344", "1980-05-03"),
        ("birth_date", "325036800", "1980-04-20"),
        ("birth_date", "-315619200000", "1960-01-01"),
        ("birth_date", "197711303", None),
        ("birth_date", "2099-01-01", None),
        ("birth_year", "1980.0", "1980"),
        ("birth_year", "3 May 1980", "1980"),
        ("birth_year", "80", None),
        ("postal_code", "dy13 0uu", "DY130UU"),
        ("postal_code", "12345-6789", "12345"),
        ("postal_code", "00000", None),
        ("street", "Aston Cres.", "aston crescent"),
        ("street", "St Pauls St", "st pauls street"),
        ("street", "24 5th Ave", "24 5th avenue"),
        ("street", "ul. Długa 5/7", "ulica dluga 5 7"),
        ("house_number", "No. 12 A", "12a"),
        ("house_number", "12 / 14", "12-14"),
        ("house_number", "012", "12"),
        ("city", "St. Louis", "saint louis"),
        ("region", "New South Wales", "nsw"),
        ("region", "Bayern", "bayern"),
        ("country", "Deutschland", "DE"),
        ("country", "Atlantis", None),
        ("organisation", "ACME Holdings G.m.b.H. & Co. KG", "acme holdings"),
        ("organisation", "ООО «Ромашка»", "romashka"),
        ("organisation", "株式会社トヨタ", "toyota"),
        ("organisation", "Tequila Uno S.A. de C.V.", "tequila uno"),
        ("organisation", "Bar Sp. z o.o.", "bar"),
        ("organisation", "Marks & Spencer plc", "marks spencer"),
        ("organisation", "Marks and Spencer", "marks spencer"),
        ("gender", "weiblich", "f"),
        ("gender", "женский", "f"),
        ("gender", "男", "m"),
        ("gender", "2", "f"),
        ("national_id", "123-45-6789", None),
        ("national_id", "123456782.0", "123456782"),
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
    assert "placeholder" in standardise("birth_date", "1900-01-01").flags
    assert "serial" in standardise("birth_date", "29344").flags
    assert "mistyped_domain" in standardise("email", "ann@gmial.com").flags
    assert "role_mailbox" in standardise("email", "Buchhaltung@example.org").flags
    assert "initial" in standardise("first_name", "J.").flags


@pytest.mark.parametrize(
    ("region", "right", "wrong"),
    [
        ("ES", "12345678-Z", "12345678A"),
        ("BR", "390.533.447-05", "390.533.447-06"),
        ("PL", "44051401359", "44051401358"),
        ("FI", "131052-308T", "131052-308U"),
        ("SE", "880320-0016", "880320-0018"),
        ("US", "536-90-4399", "078-05-1120"),
        ("IT", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        ("NL", "111222333", "111222334"),
    ],
)
def test_a_national_id_that_cannot_be_one_is_flagged_and_kept(region: str, right: str, wrong: str) -> None:
    assert standardise("national_id", right, region=region).flags == frozenset()
    kept = standardise("national_id", wrong, region=region)
    assert kept.value is not None
    assert kept.flags == {"invalid"}
    assert standardise("national_id", wrong).flags == frozenset()


def test_every_national_id_check_can_be_loaded() -> None:
    for region in table("national_ids"):
        assert "invalid" in standardise("national_id", "AB12", region=region).flags


def test_a_column_tells_the_order_of_day_and_month() -> None:
    assert month_first(["03/25/1980", "04/05/1981", "12/31/1990 00:00"]) is True
    assert month_first(["25.03.1980", "04.05.1981"]) is False
    assert month_first(["04.05.1981", "1980-03-25", "n/a"]) is None
    assert birth_date("03/04/1980", month_first=True).value == "1980-03-04"
    assert birth_date("03/04/1980", "US", month_first=False).value == "1980-04-03"


@pytest.mark.parametrize(
    ("international", "national"), [("+45 20 12 34 56", "20123456"), ("+39 06 12345678", "06 12345678"), ("+47 91 23 45 67", "91234567")]
)
def test_a_number_has_one_tail_with_and_without_its_country(international: str, national: str) -> None:
    whole = standardise("phone", international)
    assert whole.parts["tail"] == standardise("phone", national).parts["tail"]
    assert of_standard_phone(whole.value or "").parts == whole.parts


def test_the_region_decides_an_ambiguous_date() -> None:
    assert standardise("birth_date", "03/04/1980").value == "1980-04-03"
    assert standardise("birth_date", "03/04/1980", region="US").value == "1980-03-04"


def test_parts_of_names() -> None:
    assert standardise("first_name", "Bob").parts["root"] == "robert"
    assert standardise("last_name", "van der Berg").parts["core"] == "berg"
    assert standardise("full_name", "Ludwig van Beethoven").parts == {"first_name": "ludwig", "last_name": "van beethoven"}
    assert standardise("first_name", "Серёжа").parts["root"] == "sergei"
    assert standardise("first_name", "Paco").parts["root"] == standardise("first_name", "Francesco").parts["root"]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("24 Aston Cres.", {"house_number": "24", "name": "aston"}),
        ("Hauptstr. 5 a", {"house_number": "5a", "name": "hauptstrasse"}),
        ("Flat 3, 24 High St", {"house_number": "24", "name": "high", "unit": "3"}),
        ("24 High St Apt 4B", {"house_number": "24", "name": "high", "unit": "4b"}),
        ("24 5th Ave #12", {"house_number": "24", "name": "5th", "unit": "12"}),
        ("12-14 N Main St.", {"house_number": "12-14", "name": "n main"}),
        ("12 bis, rue de la Paix", {"house_number": "12bis", "name": "de la paix"}),
        ("Calle Mayor nº 5", {"house_number": "5", "name": "mayor"}),
        ("Postfach 12 34", {"house_number": "12", "name": "po box", "po_box": "12"}),
        ("P.O. Box 77", {"house_number": "77", "name": "po box", "po_box": "77"}),
        ("5th Ave", {"name": "5th"}),
    ],
)
def test_parts_of_a_street_line(line: str, parts: dict[str, str]) -> None:
    assert standardise("street", line).parts == parts


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(KeyError):
        standardise("shoe_size", "42")
