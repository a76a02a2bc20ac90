"""What the population needs to know of a locale: names, places, how names are inherited, how they look in Latin letters."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from sandbox.population import name_lists, place_lists
from sandbox.population.transliteration import fold, latin_forms

# Share of the population; German, English and French speaking customers dominate, every script occurs.
SHARES: dict[str, float] = {
    "de_DE": 0.22, "en_US": 0.18, "en_GB": 0.12, "fr_FR": 0.11, "pl_PL": 0.08, "tr_TR": 0.06,
    "el_GR": 0.04, "ru_RU": 0.05, "uk_UA": 0.03, "ja_JP": 0.04, "zh_CN": 0.04, "ar_SA": 0.03,
}  # fmt: skip
OWN_SCRIPT = frozenset({"el_GR", "ru_RU", "uk_UA", "ja_JP", "zh_CN", "ar_SA"})
WOMEN_KEEP_NAMES = frozenset({"zh", "ar"})


@dataclass(frozen=True, slots=True)
class City:
    """A city as its country and others write it."""

    name: str
    latin: str
    region: str
    region_latin: str
    postal_prefix: str


@dataclass(frozen=True, slots=True)
class Locale:
    """One locale. `key` is Faker's ('de_DE'), `tag` BCP 47 ('de-DE')."""

    key: str
    male: tuple[str, ...]
    female: tuple[str, ...]
    last: tuple[str, ...]
    middle_male: tuple[str, ...]
    middle_female: tuple[str, ...]
    cities: tuple[City, ...]
    streets: tuple[tuple[str, str], ...]  # as written, in Latin letters
    nicknames: dict[str, tuple[str, ...]]
    latin: dict[str, tuple[str, ...]] = field(default_factory=dict)  # listed forms; else by rule
    kana: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """BCP 47: 'de-DE'."""
        return self.key.replace("_", "-")

    @property
    def language(self) -> str:
        """Two letters: 'de'."""
        return self.key[:2]

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2: 'DE'."""
        return self.key[3:]

    @property
    def has_own_script(self) -> bool:
        """Whether names are written in another script than Latin."""
        return self.key in OWN_SCRIPT

    def forms(self, name: str) -> tuple[str, ...]:
        """Right Latin forms of a name, the usual one first."""
        return self.latin.get(name) or latin_forms(name, self.language)

    def draw(self, names: tuple[str, ...], rng: Random) -> str:
        """A name, the head of the list far more often than its tail (names are about Zipf-distributed)."""
        return names[int(len(names) * rng.random() ** 2.6)]

    def feminine(self, last: str) -> str:
        """A woman's form of a family name, where the language has one."""
        if self.key == "pl_PL":
            return last[:-1] + "a" if last.endswith(("ski", "cki", "dzki")) else last
        if self.key in ("ru_RU", "uk_UA"):
            if last.endswith(("ский", "цкий")):
                return last[:-2] + "ая"
            return last + "а" if last.endswith(("ов", "ев", "ёв", "ин", "їв")) else last
        if self.key == "el_GR":
            for ending, feminine in (("όπουλος", "οπούλου"), ("ος", "ου"), ("ης", "η"), ("ής", "ή"), ("άς", "ά"), ("ας", "α")):
                if last.endswith(ending):
                    return last[: -len(ending)] + feminine
        return last


def _names(source: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in source)


def _merged(head: str, tail: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*head.split(), *tail]))


def _listed(text: str) -> list[list[str]]:
    return [entry.split(":") for entry in text.split()]


def _cities(key: str) -> tuple[City, ...]:
    cities = []
    for entry in place_lists.CITIES[key].replace("\n", ";").split(";"):
        name, latin, region, region_latin, prefix = entry.strip().split("|")
        cities.append(City(name, latin or fold(name), region, region_latin or fold(region), prefix))
    return tuple(cities)


def _streets(key: str) -> tuple[tuple[str, str], ...]:
    language = key[:2]
    if key == "pl_PL":
        from faker.providers.address.pl_PL import Provider

        return tuple((f"ulica {name}", f"ul. {fold(name)}") for name in _names(Provider.streets))
    if key == "ru_RU":
        from faker.providers.address.ru_RU import Provider as Russian

        return tuple((f"улица {n}", f"ulitsa {latin_forms(n, 'ru')[0]}") for n in _names(Russian.street_titles)[:200])
    streets = []
    for entry in place_lists.STREETS[key].split(";"):
        name, _, latin = entry.partition("|")
        streets.append((name, latin or latin_forms(name, language)[0]))
    return tuple(streets)


def _japanese(cities: tuple[City, ...]) -> Locale:
    from faker.providers.person.ja_JP import Provider

    groups: list[tuple[str, ...]] = []
    latin: dict[str, tuple[str, ...]] = {}
    kana: dict[str, str] = {}
    for pairs, more in (
        (Provider.first_name_male_pairs, name_lists.JAPANESE_MALE),
        (Provider.first_name_female_pairs, name_lists.JAPANESE_FEMALE),
        (Provider.last_name_pairs, name_lists.JAPANESE_LAST),
    ):
        entries = [tuple(pair) for pair in pairs] + [tuple(entry) for entry in _listed(more)]
        for written, reading, romaji in entries:
            # Long vowels are written with or without u: Sato, Satou.
            long_form = (
                romaji.replace("Yuta", "Yuuta")
                .replace("Sho", "Shou")
                .replace("Ito", "Itou")
                .replace("Sato", "Satou")
                .replace("Ono", "Oono")
            )
            latin.setdefault(written, tuple(dict.fromkeys((romaji, long_form))))
            kana.setdefault(written, reading)
        groups.append(tuple(dict.fromkeys(entry[0] for entry in entries)))
    return Locale("ja_JP", groups[0], groups[1], groups[2], (), (), cities, _streets("ja_JP"), {}, latin, kana)


def _arabic(cities: tuple[City, ...]) -> Locale:
    groups = []
    latin: dict[str, tuple[str, ...]] = {}
    for text in (name_lists.ARABIC_MALE, name_lists.ARABIC_FEMALE, name_lists.ARABIC_LAST):
        entries = _listed(text)
        latin |= {entry[0]: tuple(entry[1:]) for entry in entries}
        groups.append(tuple(entry[0] for entry in entries))
    return Locale("ar_SA", groups[0], groups[1], groups[2], groups[0], groups[0], cities, _streets("ar_SA"), {}, latin)


@cache
def locale(key: str) -> Locale:
    """The locale of that key; KeyError if the sandbox does not know it."""
    cities = _cities(key)
    if key == "ja_JP":
        return _japanese(cities)
    if key == "ar_SA":
        return _arabic(cities)
    provider: Any = importlib.import_module(f"faker.providers.person.{key}").Provider
    male, female = _names(provider.first_names_male), _names(provider.first_names_female)
    masculine = {"pl_PL": "male_last_names", "el_GR": "last_names_male", "ru_RU": "last_names_male", "uk_UA": "last_names_male"}
    last = _names(getattr(provider, masculine.get(key, "last_names")))
    middle_male: tuple[str, ...] = ()
    middle_female: tuple[str, ...] = ()
    if key in ("ru_RU", "uk_UA"):  # patronymics
        middle_male, middle_female = _names(provider.middle_names_male), _names(provider.middle_names_female)
    elif key in ("en_US", "en_GB", "de_DE", "fr_FR", "pl_PL"):
        middle_male, middle_female = male[:60], female[:60]
    heads = (name_lists.COMMON_MALE, name_lists.COMMON_FEMALE, name_lists.COMMON_LAST)
    nicknames = {entry[0]: tuple(entry[1:]) for entry in _listed(name_lists.NICKNAMES.get(key[:2], ""))}
    return Locale(
        key,
        _merged(heads[0].get(key, ""), male),
        _merged(heads[1].get(key, ""), female),
        _merged(heads[2].get(key, ""), last),
        middle_male,
        middle_female,
        cities,
        _streets(key),
        nicknames,
    )
