"""What people files of `benchmarks.people` can hold: columns, languages, shares of duplicates, errors, sources."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """What a file holds. `copies`: probabilities of 1, 2, 3, … records a person."""

    columns: dict[str, str]  # column → semantic type
    locales: tuple[str, ...] = ("en_GB",)
    copies: tuple[float, ...] = (0.5, 0.3, 0.15, 0.05)
    records: int = 5_000
    sources: int = 1
    empty: float = 0.08
    errors: float = 0.12  # per cell of a copy
    organisations: float = 0.0  # share of records that are organisations
    swaps: float = 0.03
    single_error: bool = False  # a copy has exactly one error
    households: float = 0.3  # share of people who live with the one before
    twins: float = 0.0  # of those: share born on the same day
    juniors: float = 0.0  # of those: share who bear the same first name
    moves: float = 0.0  # copies of a later address and phone
    renames: float = 0.0  # copies under another family name
    one_each: bool = False  # no source holds a person twice
    defaults: dict[str, str] = field(default_factory=dict)  # column → what every twelfth record has there
    scans: float = 0.0  # share of errors that are a scanner's rather than a typist's
    exact: float = 0.0  # share of copies without any error or gap
    borrows: float = 0.0  # per person-telling cell of a copy: filled in with what is true of someone of the household
    lacks: tuple[tuple[str, ...], ...] = ()  # per source: the columns it does not have
    styles: tuple[str, ...] = ()  # per source: how it writes (see STYLES)
    subject: str = "person"  # or "product", "work": what `text` columns are used for elsewhere


PERSON = {"given": "first_name", "family": "last_name", "born": "birth_date"}
PLACE = {"number": "house_number", "street": "street", "town": "city", "zip": "postal_code"}
CONTACT = {"mail": "email", "tel": "phone"}

KINDS: dict[str, Kind] = {
    "everything": Kind({**PERSON, **PLACE, **CONTACT, "member": "external_id"}),
    "no_ids": Kind({**PERSON, **PLACE}),
    "names_and_dates": Kind(PERSON, sources=7),
    "two_names": Kind(
        {"nombre": "first_name", "apellido1": "last_name", "apellido2": "last_name", "anio": "birth_year", "ciudad": "city"}, ("es_ES",)
    ),
    "full_name_year": Kind({"name": "full_name", "year": "birth_year", "employer": "organisation", "town": "city"}),
    "few_duplicates": Kind({**PERSON, **PLACE, **CONTACT}, copies=(0.995, 0.005)),
    "no_duplicates": Kind({**PERSON, **PLACE}, copies=(1.0,), records=3_000),
    "hundred": Kind({**PERSON, "mail": "email", "town": "city"}, records=100),
    "twenty": Kind({**PERSON, "tel": "phone"}, records=20),
    "cyrillic": Kind({"fio": "full_name", **{k: v for k, v in PERSON.items() if k == "born"}, "gorod": "city", "tel": "phone"}, ("ru_RU",)),
    "chinese": Kind({"name": "full_name", "born": "birth_date", "tel": "phone", "town": "city"}, ("zh_CN",)),
    "greek": Kind({**PERSON, "town": "city", "mail": "email"}, ("el_GR",)),
    "arabic": Kind({"name": "full_name", "born": "birth_date", "tel": "phone"}, ("ar_SA",)),
    "mixed_scripts": Kind({**PERSON, "town": "city", "mail": "email"}, ("en_GB", "ru_RU", "de_DE", "fr_FR", "pl_PL")),
    "organisations": Kind({"company": "organisation", "town": "city", "zip": "postal_code", "tel": "phone"}, organisations=1.0),
    "mixed_kinds": Kind({**PERSON, "company": "organisation", **PLACE, **CONTACT}, organisations=0.3),
    "crowded": Kind({**PERSON, "town": "city", "mail": "email"}, copies=(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), errors=0.25),
    "emails_only": Kind({"mail": "email", "given": "first_name"}),
    "registry": Kind(
        {"fname_1": "first_name", "fname_2": "first_name", "lname_1": "last_name", "lname_2": "last_name"}
        | {"year": "birth_year", "month": "text", "day": "text"},
        ("de_DE",),
        copies=(0.9, 0.1),
        single_error=True,
        households=0.0,
        empty=0.0,
    ),
    "administrative": Kind(
        {
            "given": "first_name",
            "initial": "middle_name",
            "family": "last_name",
            "born": "birth_date",
            "sex": "gender",
            "ssn": "national_id",
        }
        | {"number": "house_number", "street": "street", "town": "city", "zip": "postal_code"},
        ("en_US",),
        copies=(0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.1),
        sources=7,
        one_each=True,
        empty=0.15,
        moves=0.15,
        renames=0.03,
        juniors=0.05,
        twins=0.02,
    ),
    "voters": Kind(
        {"given": "first_name", "middle": "middle_name", "family": "last_name", "year": "birth_year", "sex": "gender", "line": "address"}
        | {"town": "city", "zip": "postal_code"},
        ("en_US",),
        copies=(0.7, 0.2, 0.1),
        moves=0.2,
        renames=0.08,
        juniors=0.05,
        households=0.4,
        errors=0.05,
    ),
    "crm_export": Kind({"name": "full_name", "mail": "email", "employer": "organisation"}),
    "sparse": Kind({**PERSON, **PLACE, **CONTACT}, empty=0.45),
    "one_line": Kind({"name": "full_name", "line": "address"}, copies=(0.7, 0.25, 0.05)),
    "linked": Kind({**PERSON, **PLACE}, ("en_AU",), copies=(0.3, 0.7), sources=2, one_each=True, errors=0.2),
    "twins": Kind({**PERSON, **PLACE}, households=0.6, twins=0.15, juniors=0.08),
    "history": Kind(
        {"name": "full_name", "year": "birth_year", "origin": "birth_place", "trade": "occupation", "sex": "gender"},
        scans=0.6,
        households=0.1,
    ),
    "defaults": Kind(
        {**PERSON, **CONTACT, "ssn": "national_id", "town": "city"},
        defaults={"tel": "0301234321", "mail": "kunde@shop.example", "ssn": "987-65-4320", "born": "1970-01-01"},
    ),
    "colliding": Kind({**PERSON, "number": "house_number", "code": "national_id", "town": "city"}, copies=(0.6, 0.3, 0.1)),
    "suppliers": Kind({"company": "organisation", "line": "address", "town": "city"}, organisations=1.0, scans=0.3),
    "mismapped": Kind(
        {"given": "text", "family": "text", "born": "text", "town": "last_name", "zip": "house_number", "mail": "text", "status": "text"}
        | {"fax": "phone"}
    ),
    "korean": Kind({"name": "full_name", "born": "birth_date", "tel": "phone", "town": "city"}, ("ko_KR",)),
    "japanese": Kind({"name": "full_name", "born": "birth_date", "mail": "email", "zip": "postal_code"}, ("ja_JP",)),
    "turkish": Kind({**PERSON, "town": "city", "tel": "phone"}, ("tr_TR",)),
    "ten_each": Kind({**PERSON, **PLACE, **CONTACT}, copies=(*[0.02] * 9, 0.22, 0.22, 0.2, 0.18), errors=0.2),
    "thirty": Kind({"name": "full_name", "born": "birth_date", "mail": "email"}, records=30),
    "one_percent": Kind({"name": "full_name", "born": "birth_date", "town": "city", "zip": "postal_code"}, copies=(0.99, 0.01)),
    "exact_copies": Kind({**PERSON, **PLACE, "mail": "email"}, exact=1.0, empty=0.02),
    "half_exact": Kind({**PERSON, "town": "city", "tel": "phone"}, exact=0.5),
    "big_households": Kind({**PERSON, **PLACE, "tel": "phone"}, households=0.85, borrows=0.03),
    "family_mailbox": Kind({"given": "first_name", "family": "last_name", "mail": "email", "tel": "phone"}, households=0.6, borrows=0.1),
    "agencies": Kind(
        {"given": "first_name", "initial": "middle_name", "family": "last_name", "age": "text", "born": "birth_date", "ssn": "national_id"}
        | {**PLACE, "state": "region", "employer": "organisation"},
        ("en_US",),
        copies=(0.1, 0.15, 0.15, 0.2, 0.2, 0.1, 0.1),
        sources=7,
        one_each=True,
        moves=0.2,
        renames=0.03,
        borrows=0.02,
        juniors=0.05,
        households=0.5,
        empty=0.03,
        lacks=(
            ("ssn", "employer"),
            ("ssn", "employer"),
            ("ssn", "employer", "number", "street"),
            ("born", "age"),
            ("born", "age", "initial"),
            ("employer", "initial"),
            ("employer", "number", "street", "town", "zip", "state"),
        ),
    ),
    "styles": Kind(
        {**PERSON, "line": "address", "town": "city", "zip": "postal_code", "tel": "phone"},
        ("fr_FR", "de_DE", "pl_PL"),
        sources=4,
        styles=("", "capitals", "ascii", "dotted"),
    ),
    "whole_name_styles": Kind(
        {"name": "full_name", "born": "birth_date", "town": "city", "mail": "email"},
        ("es_ES", "fr_FR"),
        sources=4,
        styles=("", "capitals", "comma", "us"),
    ),
    "two_phones": Kind({"name": "full_name", "tel": "phone", "tel2": "phone", "mail": "email", "mail2": "email"}, empty=0.25, sources=3),
    "aliases": Kind({"name": "full_name", "alias": "full_name", "born": "birth_date", "town": "city"}, empty=0.2, renames=0.15),
    "parish": Kind(
        {**{k: v for k, v in PERSON.items() if k != "born"}, "year": "birth_year", "origin": "birth_place", "trade": "occupation"}
        | {"sex": "gender", "town": "city"},
        ("de_DE",),
        scans=0.5,
        households=0.5,
        errors=0.2,
    ),
    "suburbs": Kind(
        {"given": "first_name", "family": "last_name", "town": "city", "zip": "postal_code"},
        ("en_US",),
        sources=5,
        one_each=True,
        copies=(0.4, 0.2, 0.2, 0.1, 0.1),
    ),
    "employees": Kind({"given": "first_name", "family": "last_name", "employer": "organisation", "trade": "occupation", "mail": "email"}),
    "patients": Kind({**PERSON, "sex": "gender", "member": "external_id", "zip": "postal_code"}, empty=0.2, errors=0.06, twins=0.03),
    "full_name_only": Kind({"name": "full_name"}, copies=(0.8, 0.2), households=0.0),
    "name_and_town": Kind({"name": "full_name", "town": "city"}),
    "years_only": Kind({"given": "first_name", "family": "last_name", "year": "birth_year"}, ("de_DE",), copies=(0.8, 0.2)),
    "phones_only": Kind({"tel": "phone", "name": "full_name"}, sources=2, one_each=True, copies=(0.5, 0.5)),
    "arabic_parts": Kind({**PERSON, "town": "city", "tel": "phone"}, ("ar_SA",), errors=0.2),
    "japanese_parts": Kind({**PERSON, "town": "city", "line": "address"}, ("ja_JP",)),
    "cyrillic_parts": Kind({**PERSON, "town": "city", "mail": "email"}, ("ru_RU", "uk_UA"), households=0.5),
    "chinese_parts": Kind({**PERSON, "line": "address", "tel": "phone"}, ("zh_TW",)),
    "hebrew": Kind({**PERSON, "town": "city", "tel": "phone"}, ("he_IL",)),
    "vietnamese": Kind({"name": "full_name", "born": "birth_date", "tel": "phone"}, ("vi_VN",)),
    "hindi": Kind({**PERSON, "town": "city"}, ("hi_IN",)),
    "scanned": Kind({**PERSON, **PLACE}, scans=1.0, errors=0.35),
    "swapped": Kind({**PERSON, "town": "city"}, swaps=0.3),
    "names_as_text": Kind({"given": "text", "family": "text", "born": "text", "town": "text", "zip": "text"}),
    "all_text": Kind({**dict.fromkeys(("name", "born", "line", "town", "mail", "tel"), "text")}),
    "ids_as_names": Kind({"given": "external_id", "family": "national_id", "born": "birth_date", "town": "city", "zip": "postal_code"}),
    "wrong_ids": Kind({**PERSON, "status": "national_id", "town": "external_id", "mail": "email"}),
    "unique_ids": Kind({"row": "external_id", **PERSON, "town": "city", "tel": "phone"}),
    "constants": Kind({"status": "text", "fax": "phone", "nation": "country", **PERSON, "town": "city"}, empty=0.2),
    "contacts": Kind(
        {"name": "full_name", "company": "organisation", "mail": "email", "tel": "phone", "town": "city", "nation": "country"},
        ("en_GB", "nl_NL", "it_IT"),
        organisations=0.2,
        empty=0.2,
        sources=3,
        moves=0.1,
    ),
    "firms": Kind(
        {"company": "organisation", "line": "address", "town": "city", "tel": "phone", "trade": "text"},
        organisations=1.0,
        copies=(0.85, 0.15),
    ),
    "products": Kind(
        {"title": "text", "maker": "organisation", "price": "text"}, subject="product", copies=(0.5, 0.5), sources=2, one_each=True
    ),
    "product_texts": Kind({"title": "text", "about": "text", "price": "text"}, subject="product", copies=(0.4, 0.4, 0.2)),
    "papers": Kind(
        {"authors": "text", "title": "text", "venue": "text", "year": "birth_year"},
        subject="work",
        copies=(0.4, 0.6),
        sources=2,
        one_each=True,
    ),
    "citations": Kind(
        {"authors": "text", "title": "text", "venue": "text", "year": "text"},
        subject="work",
        copies=(*[0.02] * 5, *[0.09] * 10),
        errors=0.3,
        records=1500,
    ),
}
