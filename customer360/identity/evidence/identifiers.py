"""Exact identifiers: who is joined by holding the same email, phone, card or national id.

Pure: the records that hold one value go in, pairs or a refusal come out. The outcome depends on that one value's holders alone,
so an incremental run that repeats it for every value a change touched gets what a full run gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from customer360.identity.evidence.agreement import Agreement, Person, agreement
from customer360.identity.settings import IdentifierRule

Reason = Literal["too_many_records", "too_many_people", "role_mailbox", "disposable", "placeholder"]

NEEDED = {"silent": Agreement.SILENT, "first_name": Agreement.FIRST_NAME, "full_name": Agreement.FULL_NAME}
_AGREEMENT_NAMES = {value: key for key, value in NEEDED.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A record that holds the value."""

    record_id: str
    person: Person
    is_verified: bool
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two records joined; `record_id_l` < `record_id_r`."""

    record_id_l: str
    record_id_r: str
    probability: float
    agreement: str
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The value joins nobody: how many records hold it, how many may, and why."""

    records: int
    limit: int
    reason: Reason


def join(holders: Sequence[Holder], *, rule: IdentifierRule, refused_flags: frozenset[str]) -> list[Pair] | Refusal:
    """Pairs that one identifier value joins, or why it joins nobody. `holders`: one entry per record, any order."""
    if len(holders) < 2:
        return []
    for flag in sorted(refused_flags):
        if any(flag in holder.flags for holder in holders):
            return Refusal(records=len(holders), limit=0, reason=flag)  # type: ignore[arg-type]  # settings hold such flags alone
    limit = rule.verified_records if any(holder.is_verified for holder in holders) else rule.records
    if len(holders) > limit:
        return Refusal(records=len(holders), limit=limit, reason="too_many_records")
    ordered = sorted(holders, key=lambda holder: holder.record_id)
    level = {(left, right): agreement(ordered[left].person, ordered[right].person) for left, right in combinations(range(len(ordered)), 2)}
    people = _people(len(ordered), level)
    contradicted = [person for against, person in people.items() if against]
    if len(contradicted) > rule.people:
        return Refusal(records=len(holders), limit=limit, reason="too_many_people")
    needed = NEEDED[rule.agreement]
    return [
        _pair(ordered[left], ordered[right], level[left, right], rule)
        for person in people.values()
        for left, right in combinations(person, 2)
        if level[left, right] >= needed
    ]


def _people(count: int, level: dict[tuple[int, int], Agreement]) -> dict[frozenset[int], list[int]]:
    """Holders by whom they contradict. Those who contradict the same others may be one person; a nameless record on a mailbox of
    two people contradicts nobody, so it stands with neither."""
    against: list[set[int]] = [set() for _ in range(count)]
    for (left, right), found in level.items():
        if found is Agreement.CONTRADICTS:
            against[left].add(right)
            against[right].add(left)
    people: dict[frozenset[int], list[int]] = defaultdict(list)
    for index in range(count):
        people[frozenset(against[index])].append(index)
    return people


def _pair(left: Holder, right: Holder, level: Agreement, rule: IdentifierRule) -> Pair:
    verified = left.is_verified or right.is_verified
    return Pair(
        record_id_l=left.record_id,
        record_id_r=right.record_id,
        probability=rule.verified_probability if verified else rule.probability,
        agreement=_AGREEMENT_NAMES[level],
        is_verified=verified,
    )
