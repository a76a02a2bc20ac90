"""Which pairs are compared at all.

Candidate rules are equalities of one to three keys. Their pair counts are counted, not guessed; a rule is taken while it costs
no more than its share of the budget. Where all pairs fit the budget, all pairs are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb

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
    "text": ("text", ("text",)),
}
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
ALL_PAIRS = "1 = 1"


@dataclass(frozen=True, slots=True)
class Rule:
    """One blocking rule: the keys it equates and how many pairs it makes."""

    keys: tuple[str, ...]
    pairs: int

    @property
    def columns(self) -> frozenset[str]:
        """Frame columns that the keys read."""
        return frozenset(column for key in self.keys for column in KEYS[key][1])

    @property
    def sql(self) -> str:
        """Splink's form: `l.x = r.x and …`."""
        return " and ".join(f"{_side(key, 'l')} = {_side(key, 'r')}" for key in self.keys) or ALL_PAIRS


def _side(key: str, side: str) -> str:
    expression, columns = KEYS[key]
    for column in sorted(columns, key=len, reverse=True):
        expression = expression.replace(column, f"{side}.{column}")
    return expression


def choose(connection: duckdb.DuckDBPyConnection, table: str, columns: Collection[str], *, budget: int | None = None) -> list[Rule]:
    """The rules for this table, narrowest first. `budget`: pairs of all rules together (default: 30 a record, at least two million)."""
    (records,) = connection.execute(f"select count(*) from {table}").fetchall()[0]
    allowed = budget or max(2_000_000, 30 * records)
    if records * (records - 1) // 2 <= allowed:
        return [Rule((), records * (records - 1) // 2)]
    keys = [key for key, (_, needs) in KEYS.items() if set(needs) <= set(columns)]
    per_rule = allowed // 6
    counted = {(key,): _pairs(connection, table, (key,)) for key in keys}
    taken = [Rule(rule, pairs) for rule, pairs in counted.items() if 0 < pairs <= per_rule]
    wide = [rule[0] for rule, pairs in counted.items() if pairs > per_rule]
    taken += _combined(connection, table, wide, per_rule, taken)
    return _within(taken, allowed)


def _combined(connection: duckdb.DuckDBPyConnection, table: str, wide: Sequence[str], per_rule: int, taken: list[Rule]) -> list[Rule]:
    """Pairs, then triples, of keys too common to stand alone."""
    found: list[Rule] = []
    too_wide: list[tuple[str, ...]] = []
    for pair in combinations(wide, 2):
        if frozenset(pair) in _IMPLIED:
            continue
        pairs = _pairs(connection, table, pair)
        if 0 < pairs <= per_rule:
            found.append(Rule(pair, pairs))
        elif pairs:
            too_wide.append(pair)
    if not found and not taken:
        for triple in combinations(wide, 3):
            if all(frozenset(two) not in _IMPLIED for two in combinations(triple, 2)):
                pairs = _pairs(connection, table, triple)
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


def _pairs(connection: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> int:
    expressions = ", ".join(KEYS[key][0] for key in keys)
    known = " and ".join(f"({KEYS[key][0]}) is not null" for key in keys)
    (pairs,) = connection.execute(
        f"select coalesce(sum(n * (n - 1) // 2), 0) from (select count(*)::hugeint as n from {table} where {known} group by {expressions})"
    ).fetchall()[0]
    return int(pairs)
