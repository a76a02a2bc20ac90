from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from customer360.identity.clusters.pieces import FIRM, pieces, pieces_around

RECORDS = [f"r{number:02}" for number in range(14)]
WEIGHTS = st.sampled_from([0.7, 0.8, 0.8, 0.9, 0.95, 0.99, FIRM])
GRAPHS = st.dictionaries(st.sampled_from(list(combinations(RECORDS, 2))), WEIGHTS, max_size=30)
LARGEST = st.integers(min_value=1, max_value=6)


def around(graph, seeds, largest):
    """The pieces of the seeds, asked for as a run asks the database: no record twice."""
    asked = []

    def neighbours(records):
        asked.extend(records)
        found = {record: {} for record in records}
        for (left, right), weight in graph.items():
            if left in found:
                found[left][right] = weight
            if right in found:
                found[right][left] = weight
        return found

    found = pieces_around(seeds, neighbours, largest=largest)
    assert len(asked) == len(set(asked))
    return found, set(asked)


def group(graph, record, strength):
    """Who hangs together with the record by edges of at least this strength."""
    reached, ahead = {record}, [record]
    while ahead:
        one = ahead.pop()
        for pair, weight in graph.items():
            if one in pair and weight >= strength:
                other = pair[0] if pair[1] == one else pair[1]
                if other not in reached:
                    reached.add(other)
                    ahead.append(other)
    return frozenset(reached)


def piece_by_definition(graph, record, largest):
    """The largest group that is not too large; what no probability holds is never cut."""
    groups = [group(graph, record, strength) for strength in sorted({*graph.values(), FIRM})]
    return next((one for one in groups if len(one) <= largest), groups[-1])


@given(graph=GRAPHS, largest=LARGEST)
@settings(max_examples=300, deadline=None)
def test_pieces_are_what_they_are_defined_to_be(graph, largest):
    wanted = {piece_by_definition(graph, record, largest) for record in RECORDS}
    assert {frozenset(members) for members in pieces(graph, largest=largest)} == {one for one in wanted if len(one) > 1}


@given(graph=GRAPHS, largest=LARGEST, seeds=st.sets(st.sampled_from(RECORDS)))
@settings(max_examples=300, deadline=None)
def test_a_walk_from_a_record_finds_the_piece_it_is_in(graph, largest, seeds):
    found, _ = around(graph, seeds, largest)
    assert sorted(found, key=min) == sorted({piece_by_definition(graph, seed, largest) for seed in seeds}, key=min)


@given(graph=GRAPHS, changes=st.dictionaries(st.sampled_from(list(combinations(RECORDS, 2))), st.one_of(st.none(), WEIGHTS), max_size=4))
@settings(max_examples=500, deadline=None)
def test_only_pieces_around_a_change_become_others(graph, changes):
    """What an incremental run rests on: whoever is in no piece of a changed edge's end, before and after, keeps their piece."""
    after = {pair: weight for pair, weight in (graph | changes).items() if weight is not None}
    ends = {record for pair in changes for record in pair}
    old, _ = around(graph, ends, 4)
    scope = ends.union(*old)
    new, _ = around(after, scope, 4)
    scope = scope.union(*new)
    for record in RECORDS:
        if record not in scope:
            assert piece_by_definition(graph, record, 4) == piece_by_definition(after, record, 4)
    assert set(new) == {piece_by_definition(after, record, 4) for record in scope}


def test_a_walk_through_a_chain_of_a_population_stops():
    """A component of everybody costs one changed record no more than a few pieces."""
    chain = {(f"{number:06}", f"{number + 1:06}"): 0.7 + number % 100 / 1000 for number in range(5_000)}
    found, asked = around(chain, ["002500"], 50)
    assert 1 < len(found[0]) <= 50
    assert len(asked) < 200


def test_firm_edges_are_never_cut():
    chain = {(f"{number:03}", f"{number + 1:03}"): FIRM for number in range(40)} | {("040", "041"): 0.9}
    assert [len(members) for members in pieces(chain, largest=10)] == [41]
    assert sorted(len(members) for members in around(chain, ["020", "041"], 10)[0]) == [1, 41]
