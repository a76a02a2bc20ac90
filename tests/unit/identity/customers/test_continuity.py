"""Which id each cluster carries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.customers.continuity import Assignment, Holding, Retired, assign

DAY = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C, NEW = (UUID(int=number) for number in (1, 2, 3, 99))
BORN = {A: DAY, B: DAY + timedelta(days=1), C: DAY + timedelta(days=2)}


def _held(**records: UUID) -> dict[str, Holding]:
    return {record: Holding(customer_id=customer, since=BORN[customer]) for record, customer in records.items()}


def _assign(clusters: list[str], held: dict[str, Holding], retired: list[Retired] | None = None) -> dict[str, tuple[UUID, str]]:
    fresh = iter([NEW, *(UUID(int=number) for number in range(100, 200))])
    found = assign([frozenset(records) for records in clusters], held=held, born_at=BORN, retired=retired or [], new_id=lambda: next(fresh))
    return {"".join(sorted(one.records)): (one.customer_id, one.origin) for one in found}


def test_a_merge_keeps_the_id_with_more_records() -> None:
    assert _assign(["abc"], _held(a=A, b=B, c=B)) == {"abc": (B, "kept")}


def test_a_merge_of_equals_keeps_the_oldest_id() -> None:
    assert _assign(["ab"], _held(a=B, b=A)) == {"ab": (A, "kept")}


def test_a_split_leaves_the_id_with_the_larger_part() -> None:
    assert _assign(["ab", "c"], _held(a=A, b=A, c=A)) == {"ab": (A, "kept"), "c": (NEW, "born")}


def test_a_split_into_equals_leaves_the_id_with_who_held_it_longest() -> None:
    held = {"a": Holding(customer_id=A, since=DAY + timedelta(days=9)), "b": Holding(customer_id=A, since=DAY)}
    assert _assign(["a", "b"], held) == {"b": (A, "kept"), "a": (NEW, "born")}


def test_an_unmerged_cluster_revives_its_retired_id() -> None:
    retired = [Retired(customer_id=B, born_at=BORN[B], last_members=frozenset("cd"))]
    assert _assign(["ab", "cd"], _held(a=A, b=A, c=A, d=A), retired)["cd"] == (B, "revived")


def test_half_of_the_last_members_is_not_most() -> None:
    retired = [Retired(customer_id=B, born_at=BORN[B], last_members=frozenset("cd"))]
    assert _assign(["abd", "c"], _held(a=A, b=A, c=A, d=A), retired)["c"] == (NEW, "born")


def test_ids_are_given_one_to_one_where_records_are_dealt_anew() -> None:
    found = _assign(["ac", "bd"], _held(a=A, b=A, c=B, d=B))
    assert {customer for customer, _ in found.values()} == {A, B}


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([A, B, C])),
)
def test_no_id_is_given_twice_and_a_known_overlap_is_never_born(labels: dict[str, int], holders: dict[str, UUID]) -> None:
    clusters = [frozenset(record for record in labels if labels[record] == label) for label in set(labels.values())]
    fresh = (UUID(int=number) for number in range(1000, 2000))
    found: list[Assignment] = assign(clusters, held=_held(**holders), born_at=BORN, retired=[], new_id=lambda: next(fresh))
    given_ids = [one.customer_id for one in found]
    assert len(set(given_ids)) == len(given_ids) == len(clusters)
    assert [one.records for one in found] == sorted(clusters, key=min)
    for one in found:
        known = {holders[record] for record in one.records if record in holders}
        if one.origin == "born":
            assert known <= set(given_ids), "an id that overlaps an id-less cluster went to another cluster"
        else:
            assert one.customer_id in known
