"""Which pairs are compared at all.

Candidate rules are equalities of one to three keys. Their pair counts are counted, not guessed; a rule is taken while it costs
no more than its share of the budget. Where all pairs fit the budget, all pairs are compared. Once a model has been trained on a
sample of them, the rules of a large file must pay: by what the model says of the sample, a rule is kept for the matches that no
other finds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from customer360.identity.match.comparisons import is_text
from customer360.identity.match.pairs import EVERY_PAIR, Keyring, Pairs, count

Floats = NDArray[np.float64]
PAIRS_A_MATCH = 100  # a new match is worth comparing so many pairs
FREE_PAIRS = 2_000_000  # of all rules together

# Keys: name → (expression, columns it needs). `{}` is the side.
KEYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "email": ("email", ("email",)),
    "phone": ("phone", ("phone",)),
    "national_id": ("national_id", ("national_id",)),
    "external_id": ("external_id", ("external_id",)),
    "email_local": ("email_local", ("email_local",)),
    "first_name": ("first_name", ("first_name",)),
    "first_key": ("first_key", ("first_key",)),
    "last_name": ("last_name", ("last_name",)),
    "last_key": ("last_key", ("last_key",)),
    "name_pair": ("least(first_key, last_key) || ' ' || greatest(first_key, last_key)", ("first_key", "last_key")),
    "birth_date": ("birth_date", ("birth_date",)),
    "birth_year": ("birth_year", ("birth_year",)),
    "birth_day": ("substr(birth_date, 6)", ("birth_date",)),
    "postal_code": ("postal_code", ("postal_code",)),
    "street": ("street", ("street",)),
    "house_number": ("house_number", ("house_number",)),
    "address": ("address", ("address",)),
    "city": ("city", ("city",)),
    "organisation": ("organisation", ("organisation",)),
    "organisation_start": ("substr(organisation, 1, 6)", ("organisation",)),
    "birth_place": ("birth_place", ("birth_place",)),
    "occupation": ("occupation", ("occupation",)),
}


_TELLING_WORDS = ("_code", "_word")  # of a text
_IMPLIED = {  # a key that another one decides adds nothing to a rule
    frozenset(pair)
    for pair in (
        ("email", "email_local"),
        ("first_name", "first_key"),
        ("last_name", "last_key"),
        ("name_pair", "first_key"),
        ("name_pair", "last_key"),
        ("name_pair", "first_name"),
        ("name_pair", "last_name"),
        ("birth_date", "birth_year"),
        ("birth_date", "birth_day"),
        ("organisation", "organisation_start"),
    )
}


def _key(name: str) -> tuple[str, tuple[str, ...]]:
    """Expression of a key and the columns it needs; a text and its telling words are keys themselves."""
    return KEYS.get(name) or (name, (name,))


def _keys(columns: Collection[str]) -> list[str]:
    """The keys that a table with these columns has."""
    texts = [f"{text}{part}" for text in sorted(filter(is_text, columns)) for part in ("", *_TELLING_WORDS)]
    return [key for key, (_, needs) in KEYS.items() if set(needs) <= set(columns)] + [key for key in texts if key in columns]


def _is_implied(one: str, other: str) -> bool:
    return frozenset((one, other)) in _IMPLIED or any(one == f"{other}{part}" or other == f"{one}{part}" for part in _TELLING_WORDS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One blocking rule: the keys it equates and how many pairs it makes."""

    keys: tuple[str, ...]
    pairs: int

    @property
    def columns(self) -> frozenset[str]:
        """Frame columns that the keys read."""
        return frozenset(column for key in self.keys for column in _key(key)[1])

    @property
    def sql(self) -> str:
        """Splink's form: `l.x = r.x and …`."""
        return " and ".join(f"{_side(key, 'l')} = {_side(key, 'r')}" for key in self.keys) or EVERY_PAIR


def _side(key: str, side: str) -> str:
    expression, columns = _key(key)
    for column in sorted(columns, key=len, reverse=True):
        expression = expression.replace(column, f"{side}.{column}")
    return expression


def choose(keyring: Keyring, columns: Collection[str], *, budget: int | None = None) -> list[Rule]:
    """The rules for this table, narrowest first. `budget`: pairs of all rules together (default: 30 a record, at least two million)."""
    records = keyring.rows
    allowed = budget or max(2_000_000, 30 * records)
    if records * (records - 1) // 2 <= allowed:
        return [Rule((), records * (records - 1) // 2)]
    keys = _keys(columns)
    per_rule = allowed // 6
    counted = {(key,): _pairs(keyring, (key,)) for key in keys}
    taken = [Rule(rule, pairs) for rule, pairs in counted.items() if 0 < pairs <= per_rule]
    wide = [rule[0] for rule, pairs in counted.items() if pairs > per_rule]
    taken += _combined(keyring, wide, per_rule, taken)
    return _within(taken, allowed)


def _combined(keyring: Keyring, wide: Sequence[str], per_rule: int, taken: list[Rule]) -> list[Rule]:
    """Pairs, then triples, of keys too common to stand alone."""
    found: list[Rule] = []
    for pair in combinations(wide, 2):
        if _is_implied(*pair):
            continue
        pairs = _pairs(keyring, pair)
        if 0 < pairs <= per_rule:
            found.append(Rule(pair, pairs))
    if not found and not taken:
        for triple in combinations(wide, 3):
            if not any(_is_implied(*two) for two in combinations(triple, 2)):
                pairs = _pairs(keyring, triple)
                if 0 < pairs <= per_rule:
                    found.append(Rule(triple, pairs))
    return found


def _within(rules: list[Rule], allowed: int) -> list[Rule]:
    """Cheap rules first until the budget is spent; a rule whose keys contain another's adds no pair."""
    kept: list[Rule] = []
    spent = 0
    for rule in sorted(rules, key=lambda rule: (rule.pairs, rule.keys)):
        if spent + rule.pairs > allowed:
            break
        spent += rule.pairs
        kept.append(rule)
    kept = [rule for rule in kept if not any(set(other.keys) < set(rule.keys) for other in kept)]
    return sorted(kept, key=lambda rule: (rule.pairs, rule.keys))


def _pairs(keyring: Keyring, keys: Sequence[str]) -> int:
    return count(keyring.of([_key(key)[0] for key in keys]))


def paying(keyring: Keyring, rules: Sequence[Rule], drawn: Pairs, weight: Floats, matching: Floats) -> list[Rule]:
    """The rules that are worth their pairs: at most PAIRS_A_MATCH new pairs for each match that no rule before has found.

    `drawn`: pairs of all `rules`, each standing for `weight` pairs and a match with probability `matching`. Greedily the rule whose
    new matches outweigh its new pairs by most. Where all rules together make few pairs they all stay: they cost nothing.
    """
    if sum(rule.pairs for rule in rules) <= FREE_PAIRS:
        return list(rules)
    made_by = [_equates(keyring, rule, drawn) for rule in rules]
    worth = weight * (matching - 1.0 / PAIRS_A_MATCH)
    left = np.ones(len(drawn), dtype=bool)
    rest, kept = list(range(len(rules))), []
    while rest:
        values = [float(worth[made_by[number] & left].sum()) for number in rest]
        best = int(np.argmax(values))
        if values[best] <= 0.0:
            break
        left &= ~made_by[rest[best]]
        kept.append(rest.pop(best))
    return [rules[number] for number in sorted(kept)] or list(rules)


def _equates(keyring: Keyring, rule: Rule, pairs: Pairs) -> NDArray[np.bool_]:
    if not rule.keys:
        return np.ones(len(pairs), dtype=bool)
    keys = keyring.of([_key(key)[0] for key in rule.keys])
    same: NDArray[np.bool_] = (keys[pairs.left] == keys[pairs.right]) & (keys[pairs.left] != 0)
    return same
