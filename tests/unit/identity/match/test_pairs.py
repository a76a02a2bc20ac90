"""Pairs by sorted keys are those that the rules make as joins, however they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from customer360.identity.match import blocking
from customer360.identity.match.blocking import FREE_PAIRS, Rule, paying
from customer360.identity.match.pairs import Keyring, _ordered, block, conjuncts, count, draw

RULES = ["l.a = r.a", "substr(l.b, 1, 1) = substr(r.b, 1, 1) and l.c = r.c", "l.a = r.c", "l.c = r.c"]
ROWS = 120


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three columns of few values, some unknown."""
    dice = np.random.default_rng(4)
    letters = np.array(["ab", "ac", "bc", "bd", "cd", None], dtype=object)
    table = pa.table({"row": np.arange(ROWS), **{name: pa.array(dice.choice(letters, ROWS), pa.string()) for name in "abc"}})
    with duckdb.connect() as opened:
        opened.register("given", table)
        opened.execute("create table frame as select * from given")
        yield opened


def joined(connection: duckdb.DuckDBPyConnection, rules: list[str]) -> dict[tuple[int, int], int]:
    """Pair → first rule, as Splink's joins make them."""
    found: dict[tuple[int, int], int] = {}
    for number, rule in enumerate(rules):
        for left, right in connection.execute(f"select l.row, r.row from frame l join frame r on {rule} where l.row < r.row").fetchall():
            found.setdefault((left, right), number)
    return found


@pytest.mark.parametrize("rules", [RULES, RULES[::-1], ["1 = 1"], RULES[:1], ["l.a = 'no such value' and r.a = l.a"]])
def test_pairs_and_their_first_rule_are_those_of_the_joins(connection: duckdb.DuckDBPyConnection, rules: list[str]) -> None:
    pairs = block(Keyring(connection, "frame"), rules)
    found = dict(zip(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True), pairs.rule.tolist(), strict=True))
    assert found == joined(connection, rules)
    assert list(found) == sorted(found)
    assert len(found) == len(pairs)


def test_pairs_that_touch_some_rows_are_those_of_all_that_touch_them(connection: duckdb.DuckDBPyConnection) -> None:
    keyring, near = Keyring(connection, "frame"), np.array([3, 50, 119])
    part = block(keyring, RULES, touching=near)
    whole = {pair: rule for pair, rule in joined(connection, RULES).items() if set(pair) & set(near.tolist())}
    assert len(whole) > 20
    assert dict(zip(zip(part.left.tolist(), part.right.tolist(), strict=True), part.rule.tolist(), strict=True)) == whole


def test_rows_are_in_order_of_their_keys_also_where_keys_differ_in_their_last_bits_alone() -> None:
    dice = np.random.default_rng(8)
    keys = dice.choice(np.array([0, 1, 2, 3, 2**40, 2**40 + 1, 2**63, 2**63 + 5], dtype=np.uint64), 500)
    order = _ordered(keys)
    assert order.tolist() == sorted(np.flatnonzero(keys).tolist(), key=lambda row: (int(keys[row]), row))


def test_a_rule_is_counted_before_it_is_used(connection: duckdb.DuckDBPyConnection) -> None:
    keyring = Keyring(connection, "frame")
    for rule in (RULES[0], RULES[1]):
        assert count(keyring.of(conjuncts(rule) or [])) == len(joined(connection, [rule])) > 0
    assert conjuncts("l.a = r.c") is None
    assert conjuncts("1 = 1") == []


def test_a_drawn_pair_stands_for_those_not_drawn(connection: duckdb.DuckDBPyConnection) -> None:
    """Over many draws the weights add up to the number of pairs."""
    keyring, rules = Keyring(connection, "frame"), [RULES[0], RULES[1], RULES[3]]
    sizes = [len(joined(connection, [rule])) for rule in rules]
    all_pairs = joined(connection, rules)
    totals = []
    for seed in range(200):
        pairs, weight = draw(keyring, rules, sizes, quota=150, seed=seed)
        assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) <= set(all_pairs)
        totals.append(float(weight.sum()))
    assert min(totals) != max(totals)
    assert np.mean(totals) == pytest.approx(len(all_pairs), rel=0.05)
    everything, weight = draw(keyring, rules, sizes, quota=10**6, seed=1)
    assert len(everything) == len(all_pairs)
    assert set(weight.tolist()) == {1.0}


def test_a_rule_pays_with_the_matches_that_no_other_finds(connection: duckdb.DuckDBPyConnection) -> None:
    few, many = Rule(("street",), FREE_PAIRS), Rule(("city",), FREE_PAIRS)
    connection.execute("create or replace view named as select row, a as street, c as city from frame")
    keyring = Keyring(connection, "named")
    drawn = block(keyring, [few.sql, many.sql])
    by_street = blocking._equates(keyring, few, drawn)
    weight = np.full(len(drawn), 1.0)
    assert paying(keyring, [few, many], drawn, weight, by_street.astype(np.float64)) == [few]
    assert paying(keyring, [few, many], drawn, weight, np.ones(len(drawn))) == [few, many]
    assert paying(keyring, [Rule(("street",), 10), Rule(("city",), 10)], drawn, weight, np.zeros(len(drawn))) == [
        Rule(("street",), 10),
        Rule(("city",), 10),
    ]
