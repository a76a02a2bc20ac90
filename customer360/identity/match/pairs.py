"""The pairs that blocking rules make, as row numbers: keys hashed once, sorted, paired within runs of equal keys.

Splink and Spark make the same pairs of the same rules by SQL joins. Here a rule is a column of 64-bit keys; sorting a million
of them takes a fraction of a join on strings, and counting the pairs of a rule before it is chosen costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]  # one a row of the frame; 0: the key is unknown and equals none
Rows = NDArray[np.int64]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_LEFT = re.compile(r"\bl\.")
_RIGHT = re.compile(r"\br\.")
_AT_ONCE = 4_000_000  # pairs made before they are packed
EVERY_PAIR = "1 = 1"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows of the frame: `left` < `right`, sorted, none twice; `rule`: number of the first rule that makes the pair."""

    left: Rows
    right: Rows
    rule: Rows

    def __len__(self) -> int:
        return len(self.left)

    def taken(self, which: NDArray[np.bool_] | slice) -> Pairs:
        """Some of them."""
        return Pairs(self.left[which], self.right[which], self.rule[which])


class Keyring:
    """Hashed keys of a table's rows (its column `row` counts from 0), each expression evaluated once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        self._connection = connection
        self._table = table
        self._known: dict[str, Keys] = {}
        (self.rows,) = connection.execute(f"select count(*) from {table}").fetchall()[0]

    def of(self, expressions: Sequence[str]) -> Keys:
        """One key per row of these expressions together; 0 where one of them is null."""
        self._evaluate([expression for expression in expressions if expression not in self._known])
        joined = self._known[expressions[0]]
        for expression in expressions[1:]:
            other = self._known[expression]
            joined = np.where((joined != 0) & (other != 0), (joined * _MIX) ^ other, np.uint64(0))
        return joined

    def pairs(self, rule: str, *, touching: Rows | None = None, first: NDArray[np.bool_] | None = None) -> Iterator[tuple[Rows, Rows]]:
        """The pairs of one rule, in portions, the lower row first.

        `touching`: one row of a pair is among these; `first`: the lower row is marked here.
        """
        expressions = conjuncts(rule)
        if expressions is None:
            return _joined(self._connection, self._table, rule, touching, first)
        return _runs(self.of(expressions) if expressions else np.ones(self.rows, dtype=np.uint64), touching, first)

    def _evaluate(self, expressions: Sequence[str]) -> None:
        if not expressions:
            return
        hashed = ", ".join(
            f"case when ({expression}) is null then 0 else greatest(hash({expression}), 1) end as k{number}"
            for number, expression in enumerate(expressions)
        )
        found = self._connection.execute(f"select {hashed} from {self._table} order by row").fetchnumpy()
        for number, expression in enumerate(expressions):
            self._known[expression] = np.asarray(found[f"k{number}"], dtype=np.uint64)


def count(keys: Keys) -> int:
    """Pairs of rows with an equal key."""
    sizes = _run_sizes(np.sort(keys[keys != 0]))
    return int((sizes * (sizes - 1) // 2).sum())


def _run_sizes(ordered: Keys) -> Rows:
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes: Rows = np.diff(np.r_[starts, len(ordered)])
    return sizes


def conjuncts(rule: str) -> list[str] | None:
    """The expressions that a rule equates (`l.x = r.x and f(l.y) = f(r.y)` → x, f(y)); none of the rule that makes every pair.

    None where the rule is anything but a conjunction of equalities.
    """
    if rule.strip() == EVERY_PAIR:
        return []
    expressions = []
    for conjunct in re.split(r"\s+and\s+", rule, flags=re.IGNORECASE):
        left, equals, right = conjunct.partition(" = ")
        plain = _LEFT.sub("", left).strip()
        if not equals or plain != _RIGHT.sub("", right).strip():
            return None
        expressions.append(plain)
    return expressions


def block(keyring: Keyring, rules: Sequence[str], *, touching: Rows | None = None) -> Pairs:
    """The pairs of the keyring's table under Splink's blocking rules. `touching`: one row of every pair is among these."""
    return _first_found(keyring, [keyring.pairs(rule, touching=touching) for rule in rules])


def draw(keyring: Keyring, rules: Sequence[str], sizes: Sequence[int], *, quota: int, seed: int) -> tuple[Pairs, NDArray[np.float64]]:
    """About `quota` pairs of each rule (`sizes`: how many it makes), and how many pairs each one stands for.

    By rule, because the narrow rules hold the matches: a sample of everything could miss the few duplicates of a large file.
    Every row has one random number and a rule's pairs are taken where that of the lower row is below the rule's share; so the
    chance of a pair is the greatest share of the rules that make it, which is that of the first of them.
    """
    shares = np.array([min(1.0, quota / max(size, 1)) for size in sizes])
    order = np.argsort(-shares, kind="stable")
    luck = np.random.default_rng(seed).random(keyring.rows)
    drawn = [keyring.pairs(rules[number], first=luck < shares[number]) for number in order]
    found = _first_found(keyring, drawn)
    weight = 1.0 / shares[order][found.rule]
    return Pairs(found.left, found.right, order[found.rule]), weight


def _first_found(keyring: Keyring, by_rule: Sequence[Iterator[tuple[Rows, Rows]]]) -> Pairs:
    """Each pair once, with the first rule that makes it."""
    rules, rows = max(len(by_rule), 1), max(keyring.rows, 1)
    packed = [np.zeros(0, dtype=np.int64)]
    for number, portions in enumerate(by_rule):
        # one integer a pair: sorting them finds the doubles, the first rule first
        packed += [(left * rows + right) * rules + number for left, right in portions]
    together = np.concatenate(packed)
    del packed
    together.sort()
    pair = together // rules
    first = np.ones(len(pair), dtype=bool)
    first[1:] = pair[1:] != pair[:-1]
    pair, rule = pair[first], together[first] % rules
    return Pairs(pair // rows, pair % rows, rule)


def _runs(keys: Keys, touching: Rows | None, first: NDArray[np.bool_] | None) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows with an equal key."""
    order = _ordered(keys)
    sizes = _run_sizes(keys[order])
    ends = np.cumsum(sizes)
    if touching is None:
        lefts, begins, stops = order, np.arange(1, len(order) + 1), np.repeat(ends, sizes)
        wanted = begins < stops if first is None else (begins < stops) & first[order]
        lefts, begins, stops = lefts[wanted], begins[wanted], stops[wanted]
    else:
        run_of = np.full(len(keys), -1, dtype=np.int64)
        run_of[order] = np.repeat(np.arange(len(sizes)), sizes)
        run = run_of[touching]
        lefts, run = touching[run >= 0], run[run >= 0]
        begins, stops = ends[run] - sizes[run], ends[run]
    for left, place in _spread(lefts, begins, stops):
        partner = order[place]
        apart = left != partner
        yield np.minimum(left, partner)[apart], np.maximum(left, partner)[apart]


def _ordered(keys: Keys) -> Rows:
    """The rows that have a key, by key and then by row.

    A key's upper bits and the row in one integer: sorting plain integers takes a tenth of the time of a stable sort by keys. Keys that
    differ in their lower bits alone are put in order afterwards.
    """
    rows = np.flatnonzero(keys)
    bits = np.uint64(max(len(keys) - 1, 1).bit_length())
    packed = (keys[rows] >> bits << bits) | rows.astype(np.uint64)
    packed.sort()
    order: Rows = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    whole, upper = keys[order], packed >> bits
    mixed = (upper[1:] == upper[:-1]) & (whole[1:] != whole[:-1])
    if mixed.any():
        places = np.flatnonzero(np.isin(upper, upper[1:][mixed]))
        order[places] = order[places][np.lexsort((order[places], whole[places]))]
    return order


def _spread(lefts: Rows, begins: Rows, ends: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Each left with every position from its begin up to its end, a few million at a time."""
    wanted = ends - begins
    total = np.cumsum(wanted)
    start = 0
    while start < len(lefts):
        before = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + _AT_ONCE, side="right")))
        counts = wanted[start:stop]
        offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        yield np.repeat(lefts[start:stop], counts), np.repeat(begins[start:stop], counts) + offset
        start = stop


def _joined(
    connection: duckdb.DuckDBPyConnection, table: str, rule: str, touching: Rows | None, first: NDArray[np.bool_] | None
) -> Iterator[tuple[Rows, Rows]]:
    """A rule that is no conjunction of equalities, as Splink would run it."""
    found = connection.execute(f"select l.row as a, r.row as b from {table} l join {table} r on {rule} where l.row < r.row").fetchnumpy()
    left, right = np.asarray(found["a"], dtype=np.int64), np.asarray(found["b"], dtype=np.int64)
    wanted = np.ones(len(left), dtype=bool) if first is None else first[left]
    if touching is not None:
        wanted &= np.isin(left, touching) | np.isin(right, touching)
    yield left[wanted], right[wanted]
