"""People files with known truth, made to order: many kinds of columns, languages and shares of duplicates.

python benchmarks/people.py KIND FOLDER [--records N] [--seed S] writes records.csv, truth.csv and map.yml. Kinds: see KINDS.
Names follow a long-tailed frequency law, households share address and phone, errors are those of typists, forms and imports.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from faker import Faker

KEYBOARD = "abcdefghijklmnopqrstuvwxyz"
NICKNAMES = {"robert": "bob", "william": "bill", "elizabeth": "liz", "katherine": "kate", "michael": "mike", "james": "jim", "john": "jack"}


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


PERSON = {"given": "first_name", "family": "last_name", "born": "birth_date"}
PLACE = {"number": "house_number", "street": "street", "town": "city", "zip": "postal_code"}
CONTACT = {"mail": "email", "tel": "phone"}

_TRADES = [
    *("Logistics", "Foods", "Textiles", "Motors", "Engineering", "Consulting", "Media", "Energy", "Pharma", "Interiors", "Travel"),
    *("Software", "Garden", "Paper", "Steel", "Glass", "Toys", "Optics", "Printing", "Catering", "Shipping", "Security", "Studios"),
]

_OCCUPATIONS = [
    *("farmer", "teacher", "clerk", "weaver", "miner", "merchant", "carpenter", "physician", "lawyer", "soldier", "painter", "engineer"),
    *(
        "baker",
        "tailor",
        "printer",
        "musician",
        "politician",
        "journalist",
        "botanist",
        "priest",
        "sailor",
        "architect",
        "chemist",
        "nurse",
    ),
]
_SCANNED = {"rn": "m", "m": "rn", "l": "1", "I": "l", "O": "0", "0": "O", "cl": "d", "h": "b", "e": "c", "S": "5", "vv": "w", "u": "ii"}
_FAMILY_FIRST = {"zh_CN": "", "ko_KR": "", "ja_JP": " "}  # locale → what stands between the names
HOME = ("street", "number", "town", "zip", "tel")

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
}


@dataclass
class Pools:
    """Words of one locale, the first ones common."""

    first: list[str]
    last: list[str]
    town: list[str]
    street: list[str]
    company: list[str]
    trade: list[str] = field(default_factory=lambda: list(_TRADES))
    legal: list[str] = field(default_factory=lambda: ["Ltd", "PLC", "LLP", "Ltd.", "Limited"])


def pools(locale: str, seed: int) -> Pools:
    """Distinct words of a locale from faker."""
    fake = Faker(locale)
    fake.seed_instance(seed)

    def distinct(make: Callable[[], str], wanted: int) -> list[str]:
        seen = dict.fromkeys(make() for _ in range(wanted * 3))
        return list(seen)[:wanted]

    return Pools(
        distinct(fake.first_name, 600),
        distinct(fake.last_name, 1500),
        distinct(fake.city, 400),
        distinct(fake.street_name, 1500),
        distinct(fake.company, 1500),
    )


class Maker:
    """Makes people and their records with one random generator."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind = kind
        self.random = np.random.default_rng(seed)
        self.pools = [pools(locale, seed) for locale in kind.locales]

    def chance(self, share: float) -> bool:
        """True in this share of calls."""
        return bool(self.random.random() < share)

    def pick(self, words: list[str], head: float = 20.0) -> str:
        """A word by Zipf and Mandelbrot's law: the k-th in proportion to 1/(k + head)."""
        count = len(words)
        rank = int(head * ((count + head) / head) ** self.random.random() - head)
        return words[min(rank, count - 1)]

    def digits(self, count: int) -> str:
        """Random digits."""
        return "".join(str(digit) for digit in self.random.integers(0, 10, count))

    def home(self, pool: Pools) -> dict[str, str]:
        """Where someone lives, and the phone there."""
        return {
            "street": self.pick(pool.street, 500.0),
            "number": str(int(self.random.integers(1, 150))),
            "town": self.pick(pool.town),
            "zip": self.digits(5),
            "tel": "0" + str(int(self.random.integers(1, 10))) + self.digits(8),
        }

    def person(self, household: dict[str, str] | None) -> dict[str, str]:
        """A person or organisation; of the given household, if there is one."""
        pool = self.pools[int(self.random.integers(len(self.pools)))]
        born = date(1935, 1, 1) + timedelta(days=int(self.random.integers(0, 26_000)))
        if household and self.chance(self.kind.twins):
            born = date.fromisoformat(household["born"])
        given = household["given"] if household and self.chance(self.kind.juniors) else self.pick(pool.first)
        family = household["family"] if household else self.pick(pool.last)
        home = {key: household[key] for key in HOME} if household else self.home(pool)
        provider = self.pick(["gmail.com", "outlook.com", "web.de", "mail.ru"])
        mail = f"{_latin(given)}.{_latin(family)}{self.digits(int(self.random.integers(0, 3)))}@{provider}"
        organisation = self.chance(self.kind.organisations)
        company = f"{self.pick(pool.last)} {self.pick(pool.trade)} {self.pick(pool.legal, 1.0)}"
        person = {
            "given": given, "family": family, "born": born.isoformat(), "year": str(born.year), "mail": mail, "member": self.digits(8),
            "company": company if organisation else "", "employer": self.pick(pool.company), "second": self.pick(pool.last), **home,
            "ssn": self.digits(9), "code": self.digits(3), "middle": self.pick(pool.first), "sex": str(self.random.choice(["F", "M"])),
            "origin": self.pick(pool.town), "trade": self.pick(_OCCUPATIONS, 5.0), "status": "active",
            "fname_2": self.pick(pool.first) if self.chance(0.15) else "", "lname_2": self.pick(pool.last) if self.chance(0.03) else "",
            "month": str(born.month), "day": str(born.day),
        }  # fmt: skip
        if organisation:
            person |= {"given": "", "family": "", "born": "", "year": "", "mail": f"info@{_latin(company)[:12]}.com"}
        return person

    def shown(self, person: dict[str, str]) -> dict[str, str]:
        """The person's true values under the file's column names."""
        whole = f"{person['given']} {person['family']}".strip()
        by_column = {"name": whole, "fio": whole, "gorod": person["town"], "ciudad": person["town"]}
        by_column |= {"nombre": person["given"], "apellido1": person["family"], "apellido2": person["second"], "anio": person["year"]}
        by_column |= {"line": f"{person['number']} {person['street']}", "initial": person["middle"][:1], "fax": ""}
        by_column |= {"fname_1": person["given"], "lname_1": person["family"]}
        if self.kind.locales[0] in _FAMILY_FIRST:
            by_column["name"] = person["family"] + _FAMILY_FIRST[self.kind.locales[0]] + person["given"]
        return {column: by_column.get(column, person.get(column, "")) for column in self.kind.columns}

    def record(self, person: dict[str, str], copy: int) -> dict[str, str]:
        """What a system holds of a person; copy 0 has no error."""
        if copy:
            person = self.later(person)
        cells = self.shown(person)
        filled = [column for column, value in cells.items() if value]
        wrong = {str(self.random.choice(filled))} if copy and self.kind.single_error and filled else set()
        for column, value in cells.items():
            if not value:
                continue
            if self.chance(self.kind.empty):
                cells[column] = ""
            elif column in wrong or (copy and not self.kind.single_error and self.chance(self.kind.errors)):
                cells[column] = self.damaged(value, self.kind.columns[column])
        for column, default in self.kind.defaults.items():
            if self.chance(1 / 12):
                cells[column] = default
        names = [column for column, meaning in self.kind.columns.items() if meaning in {"first_name", "last_name"}]
        if copy and len(names) > 1 and not self.kind.single_error and self.chance(self.kind.swaps):
            cells[names[0]], cells[names[1]] = cells[names[1]], cells[names[0]]
        return cells

    def later(self, person: dict[str, str]) -> dict[str, str]:
        """The person some years on: moved, or under another family name."""
        pool = self.pools[int(self.random.integers(len(self.pools)))]
        moved = self.home(pool) if self.chance(self.kind.moves) else {}
        renamed = {"family": self.pick(pool.last)} if self.chance(self.kind.renames) else {}
        return {**person, **moved, **renamed}

    def damaged(self, value: str, meaning: str) -> str:
        """One error of the kind that this field sees."""
        if meaning == "birth_date":
            return self._damaged_date(value)
        if meaning == "birth_year":
            return str(int(value) + int(self.random.choice([-1, 1, 10, -10])))
        if meaning == "phone":
            return self._edited(value, "0123456789") if self.chance(0.5) else f"{value[:3]} {value[3:6]}-{value[6:]}"
        if meaning == "full_name" and " " in value and self.chance(0.4):
            first, last = value.split(" ", 1)
            return f"{last}, {first}" if self.chance(0.6) else f"{first[0]}. {last}"
        if meaning == "first_name" and self.chance(0.4):
            return NICKNAMES.get(value.lower(), value[:1] + "." if self.chance(0.5) else value.upper())
        if meaning in {"city", "organisation"} and self.chance(0.3):
            return value.upper()
        return self._edited(value, "0123456789" if value.isdigit() else KEYBOARD)

    def _damaged_date(self, value: str) -> str:
        year, month, day = value.split("-")
        drawn = self.random.random()
        if drawn < 0.3:
            return f"{day}/{month}/{year}"
        if drawn < 0.5:
            return f"{year}-{day}-{month}"
        if drawn < 0.6:
            return f"{year}-01-01"
        return self._edited(value.replace("-", ""), "0123456789")

    def _edited(self, value: str, letters: str) -> str:
        if self.chance(self.kind.scans) and any(sign in value for sign in _SCANNED):
            sign = str(self.random.choice([sign for sign in _SCANNED if sign in value]))
            return value.replace(sign, _SCANNED[sign], 1)
        place = int(self.random.integers(0, len(value)))
        drawn = int(self.random.integers(4))
        letter = letters[int(self.random.integers(len(letters)))]
        if drawn == 0:
            return value[:place] + letter + value[place:]
        if drawn == 1 and len(value) > 1:
            return value[:place] + value[place + 1 :]
        if drawn == 2 and place + 1 < len(value):
            return value[:place] + value[place + 1] + value[place] + value[place + 2 :]
        return value[:place] + letter + value[place + 1 :]


def _latin(word: str) -> str:
    from anyascii import anyascii

    return "".join(character for character in anyascii(word).lower() if character.isalnum())


def make(kind: Kind, *, records: int | None = None, seed: int = 1) -> tuple[list[dict[str, str]], list[tuple[str, int]]]:
    """Records (shuffled; `id`, `src` and the kind's columns) and truth (id, person)."""
    maker, wanted = Maker(kind, seed), records or kind.records
    rows: list[dict[str, str]] = []
    owners: list[int] = []
    household: dict[str, str] | None = None
    number = 0
    while len(rows) < wanted:
        person = maker.person(household if maker.chance(kind.households) else None)
        household = {key: person[key] for key in ("given", "family", "born", *HOME)} if person["family"] else None
        copies = 1 + int(maker.random.choice(len(kind.copies), p=kind.copies))
        sources = maker.random.choice(kind.sources, size=copies, replace=not kind.one_each)
        for copy in range(copies):
            rows.append({**maker.record(person, copy), "src": f"s{int(sources[copy])}"})
            owners.append(number)
        number += 1
    order = maker.random.permutation(len(rows))[:wanted]
    shuffled = [{"id": f"r{place:07d}", **rows[index]} for place, index in enumerate(order)]
    return shuffled, [(f"r{place:07d}", owners[index]) for place, index in enumerate(order)]


def write(kind: Kind, folder: Path, *, records: int | None = None, seed: int = 1) -> None:
    """Writes records.csv, truth.csv and map.yml into `folder`."""
    rows, truth = make(kind, records=records, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "records.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["id", "src", *kind.columns])
        writer.writeheader()
        writer.writerows(rows)
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("uid", "cluster"), *truth])
    lines = [
        "record_id: id",
        *(["source: src"] if kind.sources > 1 else []),
        "columns:",
        *(f"  {column}: {meaning}" for column, meaning in kind.columns.items()),
    ]
    (folder / "map.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(KINDS[given.kind], given.folder, records=given.records, seed=given.seed)
