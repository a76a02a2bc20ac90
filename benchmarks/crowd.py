"""People in the tables of raw, as loads would have left them: a population of any size in seconds, with believable duplicates.

Who is there: households that share family name, address and landline; names by a long-tailed law, so that namesakes grow with the
population; shop accounts (some people have two), CRM contacts, newsletter subscribers, each with its own gaps, spellings and mailboxes.
Made in columns, for the sandbox plays a whole company and takes minutes for what a benchmark of identity needs in seconds.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql

from benchmarks.people import KEYBOARD, NICKNAMES, pools
from customer360.contracts.model import SourceObject
from customer360.contracts.reader import load_contracts
from customer360.warehouse import tables

RECORDS_PER_PERSON = 1.75  # of the shares below
_SHOP, _SECOND_ACCOUNT, _CRM, _NEWSLETTER = 0.85, 0.06, 0.45, 0.4
_LINKED = 0.3  # of the people in both whose CRM id the shop keeps
_LOCALES = ("de_DE", "en_GB", "fr_FR", "pl_PL")
_ENDINGS = ("", "s", "er", "mann", "son", "ski", "et", "ow", "in", "ard", "el", "ley")  # make 6,000 family names 70,000
_PROVIDERS = np.array(["gmail.com", "outlook.com", "web.de", "orange.fr", "wp.pl", "example.net"], dtype=object)
_TYPO, _OTHER_MAIL, _MISSING = 0.05, 0.2, 0.15
SEEN_AT = "2026-01-01 00:00:00+00"

Words = NDArray[Any]
Ints = NDArray[np.int64]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Crowd:
    """What is true of each person, by position."""

    first: Words
    last: Words
    birth: Words
    gender: Words
    mail: Words
    other_mail: Words
    mobile: Words
    landline: Words
    street: Words
    number: Words
    city: Words
    postal_code: Words
    card: Words

    def __len__(self) -> int:
        return len(self.first)


def crowd(people: int, *, seed: int) -> Crowd:
    """So many people; the same seed gives the same ones."""
    random = np.random.default_rng(seed)
    words = [pools(locale, seed) for locale in _LOCALES]
    household = np.repeat(np.arange(people), random.choice([1, 2, 3, 4], people, p=[0.5, 0.25, 0.15, 0.1]))[:people]
    homes = int(household[-1]) + 1
    at_home = random.random(people) < 0.85  # carries the household's name
    lasts = np.array([word + ending for ending in _ENDINGS for pool in words for word in pool.last], dtype=object)
    firsts = np.array([word for pool in words for word in pool.first], dtype=object)
    towns = np.array([word for pool in words for word in pool.town], dtype=object)
    streets = np.array([word for pool in words for word in pool.street], dtype=object)
    first = _long_tailed(random, firsts, people, head=40.0)
    last = np.where(at_home, _long_tailed(random, lasts, homes, head=120.0)[household], _long_tailed(random, lasts, people, head=120.0))
    town = _ranks(random, len(towns), homes, head=60.0)
    plain = [_latin(one) + "." + _latin(other) for one, other in zip(first.tolist(), last.tolist(), strict=True)]
    mail = _joined(plain, _text(random.integers(1, 4000, people)), "@", _pick(random, _PROVIDERS, people))
    other = _joined(plain, "@", _pick(random, _PROVIDERS, people), ".", _text(random.integers(1, 400, people)), ".example")
    born = random.integers(0, 26_000, people).tolist()
    number = np.arange(people, dtype=np.int64)
    return Crowd(
        first=first,
        last=last,
        birth=np.array([date(1935, 1, 1) + timedelta(days=day) for day in born], dtype=object),
        gender=_pick(random, np.array(["f", "m"], dtype=object), people),
        mail=mail,
        other_mail=other,
        mobile=_joined("+49151", _text(10_000_000 + number * 7 % 89_999_999)),
        landline=_joined("+49221", _text(1_000_000 + np.arange(homes) * 7 % 8_999_999))[household],
        street=_pick(random, streets, homes)[household],
        number=_text(random.integers(1, 150, homes))[household],
        city=towns[town][household],
        postal_code=_text(10_000 + town * 37 % 80_000 + random.integers(0, 25, homes))[household],
        card=_text(20_000_000 + number * 13 % 70_000_000),
    )


def fill(connection: Connection[Any], people: Crowd, *, seed: int) -> int:
    """Write what the systems hold of these people into raw, as one first load per object. Returns the number of records."""
    random = np.random.default_rng(seed + 1)
    count = len(people)
    everyone = np.arange(count)
    shop = np.concatenate([everyone[random.random(count) < _SHOP], everyone[random.random(count) < _SECOND_ACCOUNT]])
    crm = everyone[random.random(count) < _CRM]
    newsletter = everyone[random.random(count) < _NEWSLETTER]
    shop_rows = _Rows(people, shop, random)
    in_crm = np.zeros(count, dtype=bool)
    in_crm[crm] = True
    linked = in_crm[shop] & (random.random(len(shop)) < _LINKED)
    contact = _joined("003", _text(10_000_000 + shop))
    contact[~linked] = None
    shop_columns = {
        "customer_id": np.arange(1, len(shop) + 1),
        **shop_rows.columns("first_name", "last_name", "birth_date", "email", "phone", "loyalty_id"),
        "gender": people.gender[shop],
        "email_verified": random.random(len(shop)) < 0.5,
        "crm_contact_id": contact,
    }
    homes = random.random(len(shop)) < 0.9
    address_columns = {
        "address_id": np.arange(1, len(shop) + 1)[homes],
        "customer_id": np.arange(1, len(shop) + 1)[homes],
        **{name: values[homes] for name, values in shop_rows.columns("street", "house_number", "city", "postal_code").items()},
    }
    crm_columns = {
        "id": _joined("003", _text(10_000_000 + crm)),
        **_Rows(people, crm, random).columns("first_name", "last_name", "birth_date", "email", "phone", "mobile_phone", "loyalty_id"),
        **_Rows(people, crm, random).columns("mailing_city", "mailing_postal_code"),
    }
    mail_columns = {
        "subscriber_id": _joined("s", _text(newsletter)),
        **_Rows(people, newsletter, random).columns("email", "first_name", "last_name", "city"),
    }
    mail_columns["email"] = np.where(mail_columns["email"] == None, people.mail[newsletter], mail_columns["email"])  # noqa: E711 - by element
    raw = Raw(connection)
    for name, columns in (
        ("shop.customers", shop_columns),
        ("shop.addresses", address_columns),
        ("crm.contacts", crm_columns),
        ("email.subscribers", mail_columns),
    ):
        raw.load(
            name, [dict(zip(columns, row, strict=True)) for row in zip(*(values.tolist() for values in columns.values()), strict=True)]
        )
    connection.commit()
    gc.collect()
    return len(shop) + len(crm) + len(newsletter)


class _Rows:
    """What one system shows of some people: gaps, typing errors, another mailbox, phones as people write them."""

    def __init__(self, people: Crowd, who: Ints, random: np.random.Generator) -> None:
        self._people = people
        self._who = who
        self._random = random

    def columns(self, *names: str) -> dict[str, Words]:
        """Column of the system's table → values."""
        return {name: self._column(name) for name in names}

    def _column(self, name: str) -> Words:
        people, who = self._people, self._who
        if name == "email":
            values = np.where(self._chance(_OTHER_MAIL), people.other_mail[who], people.mail[who])
            return self._gaps(values, _MISSING)
        if name in {"phone", "mobile_phone"}:
            values = np.where(self._chance(0.3), people.landline[who], people.mobile[who])
            return self._gaps(np.where(self._chance(0.5), _national(values), values), 0.35)
        if name == "birth_date":
            return self._gaps(people.birth[who], 0.3)
        if name == "loyalty_id":
            return self._gaps(people.card[who], 0.6)
        field = {"first_name": "first", "last_name": "last", "house_number": "number"}.get(name, name.removeprefix("mailing_"))
        values = getattr(people, field)[who].copy()
        if name != "postal_code":
            for place in np.flatnonzero(self._chance(_TYPO)).tolist():
                values[place] = mistyped(values[place], self._random)
        if name == "first_name":
            nicknamed = self._chance(0.1)
            values = np.where(nicknamed, [NICKNAMES.get(str(value).lower(), value) for value in values.tolist()], values)
        return self._gaps(values, 0.02)

    def _chance(self, share: float) -> NDArray[np.bool_]:
        return self._random.random(len(self._who)) < share

    def _gaps(self, values: Words, share: float) -> Words:
        return np.where(self._chance(share), None, values)


class Raw:
    """Writes raw tables as the publish of a load does: versions into history, tombstones, the change log."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.objects = {obj.full_name: obj for contract in load_contracts().values() for obj in contract.objects}

    def load(self, name: str, rows: Sequence[Row], *, deleted: Sequence[Any] = ()) -> None:
        """Upsert these rows (missing fields are null) and bury those with these keys. The caller commits."""
        obj = self.objects[name]
        tables.ensure(self._connection, obj)
        (load_id,) = self._connection.execute(
            "insert into ops.load (system, object, kind, state) values (%s, %s, 'incremental', 'published') returning load_id",
            [obj.system, obj.name],
        ).fetchone() or (0,)
        (key,) = obj.key
        names = list(dict.fromkeys(name for row in rows[:1] for name in row))
        names += [name for name in self._required(obj) if name not in names]
        incoming = sql.Identifier(f"incoming_{load_id}")
        raw, history = sql.Identifier("raw", obj.table), sql.Identifier("raw_history", obj.table)
        self._connection.execute(sql.SQL("create temporary table {} (like {}) on commit drop").format(incoming, raw))
        every = [field.name for field in obj.fields]
        for column in (name for name, definition in tables.RAW_COLUMNS.items() if "not null" in definition):
            self._connection.execute(sql.SQL("alter table {} alter column {} drop not null").format(incoming, sql.Identifier(column)))
        if rows:
            self._copy(incoming, names, self._rows(obj, names, rows))
        self._connection.execute(
            sql.SQL(
                """update {} i set _load_id = {load}, _row_hash = '\\x', _is_deleted = false, _published_at = now(),
                          _first_seen_at = coalesce((select r._first_seen_at from {} r where r.{key} = i.{key}), now())"""
            ).format(incoming, raw, load=sql.Literal(load_id), key=sql.Identifier(key))
        )
        columns = sql.SQL(", ").join(map(sql.Identifier, [*every, *tables.RAW_COLUMNS]))
        self._connection.execute(
            sql.SQL(
                """insert into {history} ({columns}, _replaced_at, _replaced_by_load_id)
                   select {columns}, now(), {load} from {raw} r
                    where {key} in (select {key} from {incoming}) or {key} = any({gone})"""
            ).format(
                history=history,
                columns=columns,
                load=sql.Literal(load_id),
                raw=raw,
                incoming=incoming,
                key=sql.Identifier(key),
                gone=sql.Literal(list(deleted)) if deleted else sql.SQL("'{}'"),
            )
        )
        self._connection.execute(
            sql.SQL("delete from {} where {key} in (select {key} from {})").format(raw, incoming, key=sql.Identifier(key))
        )
        self._connection.execute(sql.SQL("insert into {raw} ({c}) select {c} from {i}").format(raw=raw, c=columns, i=incoming))
        if deleted:
            self._connection.execute(
                sql.SQL(
                    "update {} set _is_deleted = true, _deleted_at = now(), _load_id = %s, _published_at = now() where {} = any(%s)"
                ).format(raw, sql.Identifier(key)),
                [load_id, list(deleted)],
            )
        self._connection.execute(
            "insert into ops.change (load_id, system, object, rows) values (%s, %s, %s, %s)",
            [load_id, obj.system, obj.name, len(rows) + len(deleted)],
        )

    def _copy(self, table: sql.Identifier, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        with self._connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin").format(table, listed)) as copy:
            for row in rows:
                copy.write_row(row)

    def _required(self, obj: SourceObject) -> list[str]:
        return [field.name for field in obj.fields if field.sql_type == "timestamptz" or field.name == "is_deleted"]

    def _rows(self, obj: SourceObject, names: Sequence[str], rows: Sequence[Row]) -> Iterator[list[Any]]:
        filled = {name: SEEN_AT if obj.field(name).sql_type == "timestamptz" else False for name in self._required(obj)}
        for row in rows:
            yield [row.get(name, filled.get(name)) for name in names]


def mistyped(word: str | None, random: np.random.Generator) -> str | None:
    """One letter doubled, dropped, changed, or swapped with the next."""
    if not word or len(word) < 3:
        return word
    place, kind = int(random.integers(1, len(word) - 1)), int(random.integers(4))
    if kind == 0:
        return word[:place] + word[place] + word[place:]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[:place] + KEYBOARD[int(random.integers(len(KEYBOARD)))] + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _ranks(random: np.random.Generator, words: int, count: int, *, head: float) -> Ints:
    """Ranks by Zipf and Mandelbrot's law: the k-th in proportion to 1/(k + head)."""
    ranks = (head * ((words + head) / head) ** random.random(count) - head).astype(np.int64)
    return np.minimum(ranks, words - 1)


def _long_tailed(random: np.random.Generator, words: Words, count: int, *, head: float) -> Words:
    order = random.permutation(len(words))
    drawn: Words = words[order][_ranks(random, len(words), count, head=head)]
    return drawn


def _pick(random: np.random.Generator, words: Words, count: int) -> Words:
    drawn: Words = words[random.integers(0, len(words), count)]
    return drawn


def _text(numbers: Ints) -> Words:
    return numbers.astype(str).astype(object)


def _joined(*parts: Any) -> Words:
    whole = np.asarray(parts[0], dtype=object)
    for part in parts[1:]:
        whole = whole + np.asarray(part, dtype=object)
    joined: Words = whole
    return joined


def _national(phones: Words) -> Words:
    return np.array(["0" + phone[3:] for phone in phones.tolist()], dtype=object)


_FOLDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def _latin(word: str) -> str:
    return "".join(letter for letter in word.lower().translate(_FOLDED) if letter.isascii() and letter.isalnum())
