"""Who one identifier value joins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.evidence.agreement import Agreement, Person, agreement
from customer360.identity.evidence.identifiers import Holder, Refusal, join
from customer360.identity.settings import IdentifierRule

RULE = IdentifierRule(records=6, verified_records=8, people=3, agreement="silent", probability=0.99, verified_probability=0.998)
FLAGS = frozenset({"role_mailbox", "disposable"})


def _holder(
    record_id: str, first: str | None = None, *, last: str = "maier", verified: bool = False, flags: frozenset[str] = frozenset()
) -> Holder:
    person = Person((first,), (last,)) if first else Person()
    return Holder(record_id=record_id, person=person, is_verified=verified, flags=flags)


def _pairs(holders: list[Holder], rule: IdentifierRule = RULE) -> set[tuple[str, str]]:
    found = join(holders, rule=rule, refused_flags=FLAGS)
    assert not isinstance(found, Refusal)
    return {(pair.record_id_l, pair.record_id_r) for pair in found}


def test_a_nameless_record_joins_the_only_person_on_the_mailbox() -> None:
    assert _pairs([_holder("b"), _holder("a", "anna")]) == {("a", "b")}


def test_a_family_mailbox_joins_each_with_itself_and_the_nameless_record_with_nobody() -> None:
    holders = [_holder("a1", "anna"), _holder("a2", "anna"), _holder("b1", "bernd"), _holder("b2", "bernd"), _holder("s")]
    assert _pairs(holders) == {("a1", "a2"), ("b1", "b2")}


def test_an_initial_that_fits_two_people_joins_neither() -> None:
    assert _pairs([_holder("1", "anna"), _holder("2", "arthur"), _holder("3", "a")]) == set()


def test_a_phone_needs_names_that_agree() -> None:
    rule = RULE.model_copy(update={"agreement": "full_name"})
    assert _pairs([_holder("a", "anna"), _holder("b"), _holder("c", "anna")], rule) == {("a", "c")}
    assert _pairs([_holder("a", "anna"), _holder("c", "anna", last="schulz")], rule) == set()


def test_a_switchboard_joins_nobody() -> None:
    found = join([_holder(str(number), "anna") for number in range(7)], rule=RULE, refused_flags=FLAGS)
    assert found == Refusal(records=7, limit=6, reason="too_many_records")


def test_a_verified_value_may_be_held_by_more() -> None:
    assert len(_pairs([_holder(str(number), "anna", verified=number == 0) for number in range(7)])) == 21


def test_too_many_people_on_one_value_join_nobody() -> None:
    holders = [_holder(str(number), name) for number, name in enumerate(("anna", "bernd", "carla", "dieter"))]
    assert join(holders, rule=RULE, refused_flags=FLAGS) == Refusal(records=4, limit=6, reason="too_many_people")


def test_a_role_mailbox_joins_nobody() -> None:
    holders = [_holder("a", "anna", flags=frozenset({"role_mailbox"})), _holder("b", "anna", flags=frozenset({"role_mailbox"}))]
    assert join(holders, rule=RULE, refused_flags=FLAGS) == Refusal(records=2, limit=0, reason="role_mailbox")


@given(st.lists(st.sampled_from(["anna", "anne", "bernd", "a", None]), min_size=2, max_size=6))
def test_whoever_is_joined_directly_or_through_others_never_contradicts(names: list[str | None]) -> None:
    holders = [_holder(str(number), name) for number, name in enumerate(names)]
    found = join(holders, rule=RULE, refused_flags=FLAGS)
    if isinstance(found, Refusal):
        return
    group = {holder.record_id: {holder.record_id} for holder in holders}
    for pair in found:
        joined = group[pair.record_id_l] | group[pair.record_id_r]
        for record in joined:
            group[record] = joined
    person = {holder.record_id: holder.person for holder in holders}
    for joined in group.values():
        assert all(agreement(person[left], person[right]) is not Agreement.CONTRADICTS for left in joined for right in joined)
