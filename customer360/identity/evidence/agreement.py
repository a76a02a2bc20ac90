"""Do two records that share an identifier speak of one person? The guard that keeps families apart on one mailbox.

Rules, not weights: an exact identifier is strong evidence, so only what one person cannot be stands against it, namely first names
that are not forms of each other, or birth dates further apart than a typing error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import groupby

from rapidfuzz.distance import OSA, JaroWinkler

from customer360.identity.standardise import standardise
from customer360.identity.standardise.dates import PLACEHOLDER_DATES

_VOWELS = frozenset("aeiou")
_LONG_VOWELS = _VOWELS | frozenset("yw")  # which such scripts write, some of the time
_ALIKE = 0.88  # Jaro-Winkler: spellings and transliterations of one name lie above, different names of one sex below


class Agreement(IntEnum):
    """How far two records agree on who they speak of; the order is the strength."""

    CONTRADICTS = 0
    SILENT = 1
    FIRST_NAME = 2
    FULL_NAME = 3


@dataclass(frozen=True, slots=True)
class Person:
    """What a record says of its person, standardised; several values where the source gave several."""

    first_names: tuple[str, ...] = ()
    last_names: tuple[str, ...] = ()
    birth_dates: tuple[str, ...] = ()
    is_in_characters: bool = False  # names in Chinese characters: what stands in Latin letters is one of several readings

    @classmethod
    def of(cls, standard: Mapping[str, Sequence[str]], *, is_in_characters: bool = False) -> Person:
        """From `identity.record.standard`."""
        return cls(
            is_in_characters=is_in_characters,
            first_names=tuple(standard.get("first_name", ())),
            last_names=tuple(standard.get("last_name", ())),
            birth_dates=known_birth_dates(standard.get("birth_date", ())),
        )


def known_birth_dates(values: Iterable[str]) -> tuple[str, ...]:
    """The birth dates that say something: not what forms and clerks put where they know none."""
    return tuple(value for value in values if value not in PLACEHOLDER_DATES)


def agreement(left: Person, right: Person) -> Agreement:
    """Symmetric. Several values of one field agree if any two do."""
    if left.birth_dates and right.birth_dates and not _any(same_birth_date, left.birth_dates, right.birth_dates):
        return Agreement.CONTRADICTS
    if not (left.first_names and right.first_names):
        return Agreement.SILENT
    births_agree = bool(left.birth_dates and right.birth_dates)
    lasts_agree = _any(same_last_name, left.last_names, right.last_names)
    if _any(same_first_name, left.first_names, right.first_names):
        return Agreement.FULL_NAME if lasts_agree or births_agree else Agreement.FIRST_NAME
    if _any(same_last_name, left.first_names, right.last_names) and _any(same_last_name, left.last_names, right.first_names):
        return Agreement.FULL_NAME  # first and last name in each other's field
    if left.is_in_characters != right.is_in_characters:
        return Agreement.SILENT  # 星野 is read Hoshino or Xingye: other letters are no other name
    return Agreement.CONTRADICTS


def _any(same: Callable[[str, str], bool], left: Iterable[str], right: Iterable[str]) -> bool:
    return any(same(one, other) for one in left for other in right)


@lru_cache(maxsize=200_000)
def same_first_name(left: str, right: str) -> bool:
    """Forms of one given name: nickname, initial, one of several, a typing error, another transliteration."""
    if left == right:
        return True
    ours, theirs = left.split(), right.split()
    if set(ours) & set(theirs) and max(len(token) for token in set(ours) & set(theirs)) > 1:
        return True
    if (len(ours[0]) == 1 or len(theirs[0]) == 1) and ours[0][0] == theirs[0][0]:
        return True
    if _roots(left) & _roots(right):
        return True
    one, other = left.replace(" ", ""), right.replace(" ", "")
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 3 and longer.startswith(shorter):
        return True
    return _alike(one, other) or _same_but_for_vowels(one, other)


@lru_cache(maxsize=200_000)
def same_last_name(left: str, right: str) -> bool:
    """One family name: equal without particles, one part of a double name, or a typing error."""
    if left == right:
        return True
    ours = {token for token in _core(left).split() if len(token) > 2}
    theirs = {token for token in _core(right).split() if len(token) > 2}
    if ours & theirs:
        return True
    one, other = left.replace(" ", ""), right.replace(" ", "")
    return _alike(one, other) or _same_but_for_vowels(one, other)


@lru_cache(maxsize=200_000)
def same_birth_date(left: str, right: str) -> bool:
    """Equal, one the beginning of the other (only the year known), day and month swapped, or one typing error."""
    if left == right or left.startswith(right) or right.startswith(left):
        return True
    if len(left) == len(right) == 10 and left[:4] == right[:4] and left[5:7] == right[8:] and left[8:] == right[5:7]:
        return True
    return len(left) == len(right) and OSA.distance(left, right) <= 1


def _alike(left: str, right: str) -> bool:
    if min(len(left), len(right)) < 3:
        return False
    if min(len(left), len(right)) >= 5 and OSA.distance(left, right) <= 1:
        return True
    return JaroWinkler.similarity(left, right) >= _ALIKE


def _same_but_for_vowels(left: str, right: str) -> bool:
    """One of them is written in a script that leaves vowels out (Arabic, Hebrew): 'ftmh' is Fatimah. Names that show their vowels are
    not compared like this."""
    if min(len(left), len(right)) < 2 or not (_VOWELS.isdisjoint(left) or _VOWELS.isdisjoint(right)):
        return False
    return _consonants(left) == _consonants(right) != ""


def _consonants(name: str) -> str:
    return "".join(letter for letter, _ in groupby(one for one in name if one not in _LONG_VOWELS))


def _roots(name: str) -> set[str]:
    return {standardise("first_name", token).parts.get("root", token) for token in name.split() if len(token) > 1}


def _core(name: str) -> str:
    return standardise("last_name", name).parts.get("core", name)
