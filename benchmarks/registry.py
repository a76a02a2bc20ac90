"""Large registers of persons with known truth, made by columns: a million records in seconds.

python benchmarks/registry.py FOLDER [--records N] [--without-ids] [--households SHARE] [--seed S]
writes records.csv, truth.csv and map.yml.

Modelled on febrl's generator (Christen and Pudjijono 2009): Australian-like persons, two fifths of the records are originals,
a person has up to five duplicates, a duplicate holds one to five errors, at most two a field: typing, letters swapped, words
joined, fields swapped or emptied, another value altogether. Names follow a long-tailed frequency law; unlike febrl's, a suburb
has its own postcode and state. With --households a share of the people has the surname, home and phone of the person before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from anyascii import anyascii
from faker import Faker
from numpy.typing import NDArray

Column = NDArray[np.str_]
COLUMNS = {
    "given_name": "first_name",
    "surname": "last_name",
    "street_number": "house_number",
    "address_1": "street",
    "address_2": "address",
    "suburb": "city",
    "postcode": "postal_code",
    "state": "region",
    "date_of_birth": "birth_date",
    "phone_number": "phone",
    "soc_sec_id": "national_id",
}
IDS = ("phone_number", "soc_sec_id")
SIZES = (0.42, 0.18, 0.13, 0.11, 0.08, 0.08)  # share of the persons with 1, 2, … 6 records, as in febrl3
FOREIGN = (
    "en_GB",
    "en_US",
    "en_IE",
    "de_DE",
    "it_IT",
    "pl_PL",
    "nl_NL",
    "es_ES",
    "fr_FR",
    "vi_VN",
    "tr_TR",
)  # surnames of a land of immigrants
EMPTY = {"given_name": 0.02, "address_2": 0.1, "street_number": 0.04, "date_of_birth": 0.03, "phone_number": 0.04}  # of an original
ERRORS = {  # how often an error falls on a field, in proportion
    "given_name": 10, "surname": 10, "street_number": 8, "address_1": 10, "address_2": 10, "suburb": 10, "postcode": 6, "state": 4,
    "date_of_birth": 7, "phone_number": 6, "soc_sec_id": 6,
}  # fmt: skip
_TYPES = ("street", "crescent", "place", "circuit", "close", "avenue", "court", "drive", "road", "way", "parade", "terrace")
_ENDINGS = ("", "", "", " park", " heights", " vale", "ville", " hills", " creek", "ton", " bay", "field", " north", " west")
_STATES = {"nsw": 0.33, "vic": 0.25, "qld": 0.2, "wa": 0.1, "sa": 0.07, "tas": 0.025, "act": 0.015, "nt": 0.01}
_FIRST_POSTCODE = {"nsw": 2000, "vic": 3000, "qld": 4000, "wa": 6000, "sa": 5000, "tas": 7000, "act": 2600, "nt": 800}
_SWAPPED = {"given_name": "surname", "surname": "given_name", "address_1": "address_2", "address_2": "address_1"}
_AREAS = ("02", "03", "04", "07", "08")
_FLATS = ("flat {}", "unit {}", "rmb {}", "villa {}")


def _words(make: Callable[[Faker], str], locales: tuple[str, ...], draws: int, seed: int) -> list[str]:
    """Distinct lower-case Latin words from faker, in the order of the locales."""
    found: dict[str, None] = {}
    for locale in locales:
        fake = Faker(locale)
        fake.seed_instance(seed)
        found |= dict.fromkeys(anyascii(make(fake)).lower().replace(".", "") for _ in range(draws))
    return [word for word in found if word]


class Register:
    """Persons as columns of one random generator. `households`: share of the persons who live with the person before."""

    def __init__(self, seed: int, households: float = 0.0) -> None:
        self.households = households
        self.random = np.random.default_rng(seed)
        self.given = np.array(_words(lambda fake: fake.first_name(), ("en_AU", *FOREIGN), 3_000, seed))
        self.surnames = np.array(_words(lambda fake: fake.last_name(), ("en_AU", *FOREIGN), 12_000, seed))

    def _of(self, words: Column, count: int, head: float) -> Column:
        """Words by Zipf and Mandelbrot's law: the k-th in proportion to 1/(k + head)."""
        rank = head * ((len(words) + head) / head) ** self.random.random(count) - head
        picked: Column = words[np.minimum(rank.astype(np.int64), len(words) - 1)]
        return picked

    def _digits(self, first: int, last: int, count: int, width: int) -> Column:
        return np.char.zfill(self.random.integers(first, last, count).astype(str), width)

    def persons(self, count: int) -> dict[str, Column]:
        """The originals."""
        random = self.random
        state = np.array(list(_STATES))[random.choice(len(_STATES), 4_000, p=list(_STATES.values()))]
        postcode = np.char.zfill((np.array([_FIRST_POSTCODE[name] for name in state]) + random.integers(0, 600, 4_000)).astype(str), 4)
        suburb = np.char.add(random.choice(self.surnames, 4_000), random.choice(np.array(_ENDINGS), 4_000))
        home = (100.0 * ((4_000 + 100.0) / 100.0) ** random.random(count) - 100.0).astype(np.int64)
        streets = np.char.add(np.char.add(random.choice(self.surnames, 12_000), " "), random.choice(np.array(_TYPES), 12_000))
        place = np.char.add(random.choice(self.surnames, count), random.choice(np.array(_ENDINGS), count))
        flat = np.char.replace(random.choice(np.array(_FLATS), count), "{}", random.integers(1, 60, count).astype(str))
        born = np.datetime64("1910-01-01") + random.integers(0, 36_500, count)
        made = {
            "given_name": self._of(self.given, count, 30.0),
            "surname": self._of(self.surnames, count, 60.0),
            "street_number": (5 * 60.0 ** random.random(count)).astype(np.int64).astype(str),
            "address_1": random.choice(streets, count),
            "address_2": np.where(random.random(count) < 0.7, place, flat),
            "suburb": suburb[home],
            "postcode": postcode[home],
            "state": state[home],
            "date_of_birth": np.char.replace(born.astype(str), "-", ""),
            "phone_number": np.char.add(
                np.char.add("0", random.choice(np.array(["2", "3", "4", "7", "8"]), count)), self._digits(0, 10**8, count, 8)
            ),
            "soc_sec_id": self._digits(10**6, 10**7, count, 7),
        }
        with_before = np.flatnonzero(random.random(count) < self.households)
        with_before = with_before[with_before > 0]
        for name in ("surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state", "phone_number"):
            made[name][with_before] = made[name][with_before - 1]
        for name, share in EMPTY.items():
            made[name][random.random(count) < share] = ""
        return made

    def records(self, count: int) -> tuple[dict[str, Column], NDArray[np.int64]]:
        """Records in random order, and whose each is."""
        random = self.random
        copies = 1 + random.choice(len(SIZES), count, p=SIZES)
        persons = int(np.searchsorted(np.cumsum(copies), count)) + 1
        made = self.persons(persons)
        owner = np.repeat(np.arange(persons), copies[:persons])[:count]
        original = np.r_[True, owner[1:] != owner[:-1]]
        order = random.permutation(count)
        owner, original = owner[order], original[order]
        return self._damaged({name: values[owner] for name, values in made.items()}, ~original), owner

    def _damaged(self, cells: dict[str, Column], copy: NDArray[np.bool_]) -> dict[str, Column]:
        """One to five errors for every copy, at most two a field."""
        random = self.random
        for name, values in cells.items():  # room for what is typed too much and for the field it is swapped with
            partner = _SWAPPED.get(name, name)
            cells[name] = values.astype(f"<U{2 + max(values.dtype.itemsize, cells[partner].dtype.itemsize) // 4}")
        names, odds = list(ERRORS), np.array(list(ERRORS.values()), dtype=np.float64)
        rows = np.flatnonzero(copy)
        errors = random.integers(1, 6, len(rows))
        # each error's field: keys of an exponential race give a weighted draw without replacement from two tickets a field
        race = random.exponential(1.0, (len(rows), 2 * len(names))) / np.tile(odds, 2)
        drawn = np.argpartition(race, 5, axis=1)[:, :5]
        drawn = np.take_along_axis(drawn, np.argsort(np.take_along_axis(race, drawn, axis=1), axis=1), axis=1) % len(names)
        for place in range(5):
            for number, name in enumerate(names):
                hit = rows[(errors > place) & (drawn[:, place] == number)]
                self._hit(cells, name, hit)
        return cells

    def _hit(self, cells: dict[str, Column], name: str, rows: NDArray[np.int64]) -> None:
        """An error of the kind that this field sees, in each of these rows."""
        kind = self.random.random(len(rows))
        partner = _SWAPPED.get(name)
        swapped, emptied, other = rows[kind < 0.06], rows[(kind >= 0.06) & (kind < 0.12)], rows[(kind >= 0.12) & (kind < 0.17)]
        if partner:
            kept = cells[name][swapped]
            cells[name][swapped], cells[partner][swapped] = cells[partner][swapped], kept
        if name not in {"surname", "postcode", "soc_sec_id"}:
            cells[name][emptied] = ""
        cells[name][other] = self.random.permutation(cells[name][other])
        typed = rows[kind >= 0.17]
        cells[name][typed] = _mistyped(cells[name][typed], self.random)


_MISTYPED = """
    case when length(v) < 2 then v || c
         when kind < 0.25 then substr(v, 1, p - 1) || c || substr(v, p)
         when kind < 0.50 then substr(v, 1, p - 1) || substr(v, p + 1)
         when kind < 0.75 then substr(v, 1, p - 1) || c || substr(v, p + 1)
         when kind < 0.85 and contains(v, ' ') then replace(v, ' ', '')
         when p = length(v) then substr(v, 1, p - 2) || substr(v, p, 1) || substr(v, p - 1, 1)
         else substr(v, 1, p - 1) || substr(v, p + 1, 1) || substr(v, p, 1) || substr(v, p + 2) end"""


def _mistyped(values: Column, random: np.random.Generator) -> Column:
    """Each value with one slip: a character more, less, another one, two swapped, or words joined."""
    count = len(values)
    if not count:
        return values
    digits = "0" <= str(values[np.argmax(values != "")])[-1:] <= "9"
    letters = np.array(list("0123456789" if digits else "abcdefghijklmnopqrstuvwxyz"))
    given = pa.table({"v": values, "c": random.choice(letters, count), "kind": random.random(count), "place": random.random(count)})
    with duckdb.connect() as connection:
        connection.register("given", given)
        made = connection.sql(
            "select case when v = '' then '' else made end as made from"
            f" (select *, {_MISTYPED} as made from (select *, 1 + cast(floor(place * length(v)) as integer) as p from given))"
        ).to_arrow_table()
    return made["made"].to_numpy().astype(values.dtype)


def write(folder: Path, *, records: int, with_ids: bool = True, households: float = 0.0, seed: int = 1) -> None:
    """Writes records.csv, truth.csv and map.yml into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    cells, owner = Register(seed, households).records(records)
    names = [name for name in COLUMNS if with_ids or name not in IDS]
    ids = np.char.add("r", np.char.zfill(np.arange(records).astype(str), 8))
    style = pacsv.WriteOptions(quoting_style="needed")
    pacsv.write_csv(
        pa.table({"rec_id": ids, **{name: pa.array(cells[name], pa.string()) for name in names}}), folder / "records.csv", style
    )
    pacsv.write_csv(pa.table({"uid": ids, "cluster": owner}), folder / "truth.csv", style)
    lines = ["record_id: rec_id", "columns:", *(f"  {name}: {COLUMNS[name]}" for name in names)]
    (folder / "map.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--without-ids", action="store_true", help="name, birth date and address only")
    parser.add_argument("--households", type=float, default=0.0, help="share of the people who live with the person before")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.folder, records=given.records, with_ids=not given.without_ids, households=given.households, seed=given.seed)
