"""People files with known truth, made to order: many kinds of columns, languages and shares of duplicates.

python -m benchmarks.people KIND FOLDER [--records N] [--seed S] writes records.csv, truth.csv and map.yml. Kinds: see people_kinds.
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

from benchmarks import things
from benchmarks.people_kinds import KINDS, Kind

KEYBOARD = "abcdefghijklmnopqrstuvwxyz"
NICKNAMES = {"robert": "bob", "william": "bill", "elizabeth": "liz", "katherine": "kate", "michael": "mike", "james": "jim", "john": "jack"}


_TRADES = [
    *("Logistics", "Foods", "Textiles", "Motors", "Engineering", "Consulting", "Media", "Energy", "Pharma", "Interiors", "Travel"),
    *("Software", "Garden", "Paper", "Steel", "Glass", "Toys", "Optics", "Printing", "Catering", "Shipping", "Security", "Studios"),
]

_STATES = ["WA", "OR", "CA", "NV", "ID", "UT", "AZ", "MT", "WY", "CO", "NM", "TX"]
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
_BORROWED = ("given", "born", "year", "ssn", "mail", "tel2")  # what a clerk takes from the wrong member of a household


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
        self._rows = 0
        self.last_thing: dict[str, str] | None = None

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

    def subject(self, household: dict[str, str] | None) -> dict[str, str]:
        """A person or organisation, or what the kind's records are of."""
        if self.kind.subject == "person":
            return self.person(household)
        thing = things.thing(self.random, self.kind.subject, self.pools[0].last, self.last_thing)
        self.last_thing = thing
        return thing

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
            "month": str(born.month), "day": str(born.day), "state": self.pick(_STATES), "nation": "GB", "age": str(2026 - born.year),
            "tel2": "07" + self.digits(8), "mail2": f"{_latin(given)[:1]}{_latin(family)}@{_latin(self.pick(pool.company))[:9]}.test",
            "alias": f"{given} {self.pick(pool.last)}" if self.chance(0.3) else "",
        }  # fmt: skip
        if organisation:
            person |= {"given": "", "family": "", "born": "", "year": "", "mail": f"info@{_latin(company)[:12]}.com"}
        return person

    def shown(self, person: dict[str, str]) -> dict[str, str]:
        """The person's true values under the file's column names."""
        if self.kind.subject != "person":
            return {column: person[column] for column in self.kind.columns}
        whole = f"{person['given']} {person['family']}".strip()
        by_column = {"name": whole, "fio": whole, "gorod": person["town"], "ciudad": person["town"]}
        by_column |= {"nombre": person["given"], "apellido1": person["family"], "apellido2": person["second"], "anio": person["year"]}
        by_column |= {"line": f"{person['number']} {person['street']}", "initial": person["middle"][:1], "fax": ""}
        by_column |= {"fname_1": person["given"], "lname_1": person["family"], "row": str(self._rows + 1_000_000)}
        if self.kind.locales[0] in _FAMILY_FIRST:
            by_column["name"] = person["family"] + _FAMILY_FIRST[self.kind.locales[0]] + person["given"]
        return {column: by_column.get(column, person.get(column, "")) for column in self.kind.columns}

    def record(self, person: dict[str, str], copy: int, source: int = 0, household: dict[str, str] | None = None) -> dict[str, str]:
        """What a system holds of a person; copy 0 has no error. `household`: whose values may stand there instead."""
        self._rows += 1
        if copy and self.chance(self.kind.exact):
            return self.shown(person)
        if copy:
            person = self.borrowed(self.later(person), household)
        cells = self.shown(person)
        cells |= dict.fromkeys(self.kind.lacks[source] if self.kind.lacks else (), "")
        cells = self.filled_in(cells, is_copy=copy > 0)
        for column, default in self.kind.defaults.items():
            if self.chance(1 / 12):
                cells[column] = default
        if self.kind.styles:
            cells = {column: _written(value, self.kind.columns[column], self.kind.styles[source]) for column, value in cells.items()}
        names = [column for column, meaning in self.kind.columns.items() if meaning in {"first_name", "last_name"}]
        if copy and len(names) > 1 and not self.kind.single_error and self.chance(self.kind.swaps):
            cells[names[0]], cells[names[1]] = cells[names[1]], cells[names[0]]
        return cells

    def filled_in(self, cells: dict[str, str], *, is_copy: bool) -> dict[str, str]:
        """The cells with gaps, and with errors where they were copied."""
        filled = [column for column, value in cells.items() if value]
        wrong = {str(self.random.choice(filled))} if is_copy and self.kind.single_error and filled else set()
        for column, value in cells.items():
            if not value:
                continue
            if self.chance(self.kind.empty):
                cells[column] = ""
            elif column in wrong or (is_copy and not self.kind.single_error and self.chance(self.kind.errors)):
                cells[column] = self.damaged(value, self.kind.columns[column])
        return cells

    def borrowed(self, person: dict[str, str], household: dict[str, str] | None) -> dict[str, str]:
        """The person with some values of another member of the household."""
        taken = [key for key in _BORROWED if household and self.chance(self.kind.borrows)]
        return {**person, **{key: household[key] for key in taken if household and household.get(key)}}

    def later(self, person: dict[str, str]) -> dict[str, str]:
        """The person some years on: moved, or under another family name."""
        pool = self.pools[int(self.random.integers(len(self.pools)))]
        moved = self.home(pool) if self.chance(self.kind.moves) else {}
        renamed = {"family": self.pick(pool.last)} if self.chance(self.kind.renames) else {}
        return {**person, **moved, **renamed}

    def damaged(self, value: str, meaning: str) -> str:
        """One error of the kind that this field sees."""
        if self.kind.subject != "person" and " " in value and self.chance(0.8):
            return things.reworded(self.random, value)
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


def _written(value: str, meaning: str, style: str) -> str:
    """A value in a system's own style: "capitals", "ascii", "dotted" (dates and phones), "us" (dates), "comma" (names), or as it is."""
    if style == "capitals":
        return value.upper()
    if style == "ascii":
        return unidecoded(value)
    if meaning == "birth_date" and style in {"dotted", "us"} and value.count("-") == 2:
        year, month, day = value.split("-")
        return f"{day}.{month}.{year}" if style == "dotted" else f"{month}/{day}/{year}"
    if meaning == "phone" and style == "dotted":
        return ".".join(value[start : start + 2] for start in range(0, len(value), 2))
    if meaning == "full_name" and style == "comma" and " " in value and "," not in value:
        first, last = value.split(" ", 1)
        return f"{last}, {first}"
    return value


def unidecoded(value: str) -> str:
    """Without accents, as old systems write."""
    from anyascii import anyascii

    return str(anyascii(value))


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
        person = maker.subject(household if maker.chance(kind.households) else None)
        others, household = household, {key: person[key] for key in ("family", *_BORROWED, *HOME)} if person.get("family") else None
        copies = 1 + int(maker.random.choice(len(kind.copies), p=kind.copies))
        sources = maker.random.choice(kind.sources, size=copies, replace=not kind.one_each)
        for copy in range(copies):
            rows.append({**maker.record(person, copy, int(sources[copy]), others), "src": f"s{int(sources[copy])}"})
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
