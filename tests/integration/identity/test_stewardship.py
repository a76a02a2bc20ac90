"""The queue and what stewards do with it, on runs over raw rows."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from customer360.identity.stewardship import desk
from customer360.identity.stewardship.decisions import DecisionError
from customer360.identity.stewardship.desk import AlreadyDecided, StaleEvidence
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

ANNA = {"first_name": "Anna", "last_name": "Schneider"}  # two of them without more score .80: above .5, below .9
BERND = {"first_name": "Bernd", "last_name": "Maier"}
BORN = {"birth_date": "1980-03-04"}
ONE, TWO, THREE = ("shop.customers:1", "shop.customers:2", "shop.customers:3")
WHO: Any = {"by": "Sam", "reason": "phoned"}


def _shop(number: int, **fields: Any) -> dict[str, Any]:
    return {"customer_id": number, **fields}


def _queue(**how: Any) -> desk.Queue:
    with connect(role=Role.STEWARD) as connection:
        return desk.queue(connection, **how)


def _asked(**how: Any) -> list[tuple[str, str, str]]:
    return [(one.kind, one.record_id_l, one.record_id_r) for one in _queue(**how).questions]


def _do(what: Any, *args: Any, **how: Any) -> Any:
    with connect(role=Role.STEWARD) as connection:
        return what(connection, *args, **{**WHO, **how})


@pytest.fixture
def two_annas(sources: Any, identity: Any) -> Any:
    sources.publish("shop.customers", [_shop(1, **ANNA), _shop(2, **ANNA)])
    identity.resolve()
    return identity


def test_a_pair_between_the_thresholds_is_asked_once_for_its_customers(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **ANNA), _shop(3, **BERND)])
    sources.publish("crm.contacts", [{"id": "c1", **ANNA, "email": "a@example.com"}])
    identity.resolve()

    (question,) = _queue().questions

    assert (question.kind, question.pairs, question.records_at_stake, question.records_concerned) == ("grey_zone", 2, 1, 3)
    assert question.probability == pytest.approx(0.802, abs=0.01)
    assert question.value == pytest.approx(question.probability, abs=1e-4)


def test_what_moves_more_records_and_more_orders_comes_first(sources: Any, identity: Any, warehouse: Any) -> None:
    other = {"first_name": "Carla", "last_name": "Weber"}
    sources.publish(
        "shop.customers", [_shop(1, **ANNA), _shop(2, **ANNA), _shop(3, **other, email="c@x.de"), _shop(4, **other, email="c@x.de")]
    )
    sources.publish("shop.customers", [_shop(5, **other, email="d@x.de"), _shop(6, **other, email="d@x.de")])
    identity.resolve()
    assert [one.records_at_stake for one in _queue().questions] == [2, 1]

    with connect(role=Role.TRANSFORMER) as connection:
        connection.execute("create table intermediate.int_customer_activity_summed (customer_id uuid, revenue_reference numeric)")
        for record, orders in ((ONE, 900), (TWO, 600), ("shop.customers:3", 30)):
            connection.execute(
                "insert into intermediate.int_customer_activity_summed "
                "select customer_id, %s from identity.membership where record_id = %s and valid_to is null",
                [orders, record],
            )
    first, second = _queue().questions
    assert (first.record_id_l, first.order_value_at_stake) == (ONE, 600)
    assert first.value == pytest.approx(first.probability * (1 + 600 / 510), abs=1e-3)
    assert second.order_value_at_stake == 0


def test_deciding_settles_the_question_at_once_and_the_next_run_acts(two_annas: Any) -> None:
    assert _asked() == [("grey_zone", ONE, TWO)]
    decided = _do(desk.decide, TWO, ONE, answer="same")
    assert (decided.answer, decided.decided_by, decided.reason, decided.is_applied) == ("same", "Sam", "phoned", False)
    assert _asked() == []

    two_annas.resolve()
    assert len(two_annas.customers()) == 1
    with connect(role=Role.STEWARD) as connection:
        case = desk.case(connection, ONE, TWO)
    assert case.decisions[0].is_applied
    assert case.customer_id_l == case.customer_id_r

    gone = _do(desk.undo, ONE, TWO, reason="wrong number")
    assert gone.decision_id == decided.decision_id
    two_annas.resolve()
    assert len(two_annas.customers()) == 2
    assert _asked() == [("grey_zone", ONE, TWO)]
    with pytest.raises(DecisionError, match="no decision stands"):
        _do(desk.undo, ONE, TWO)


def test_a_decision_speaks_for_the_customers_of_its_records(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(1, **ANNA, email="a@example.com"), _shop(2, **ANNA), _shop(3, **ANNA, email="a@example.com")])
    identity.resolve()
    assert _asked() == [("grey_zone", ONE, TWO)]
    _do(desk.decide, TWO, THREE, answer="different")
    assert _asked() == [], "3 is the same customer as 1, so 1 and 2 are answered too"
    identity.resolve()
    assert _asked() == []


def test_a_postponed_question_comes_back_on_its_day(two_annas: Any) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    until = now + timedelta(days=14)
    _do(desk.postpone, ONE, TWO, until=until, now=now)

    assert (_asked(now=now), _queue(now=now).postponed) == ([], 1)
    assert _asked(now=now, postponed=True) == [("grey_zone", ONE, TWO)]
    assert _asked(now=until + timedelta(seconds=1)) == [("grey_zone", ONE, TWO)]
    with pytest.raises(DecisionError, match="not in the future"):
        _do(desk.postpone, ONE, TWO, until=now, now=now)
    _add_record(two_annas, "shop.customers:9", "person")
    with pytest.raises(DecisionError, match="nothing is asked"):
        _do(desk.postpone, ONE, "shop.customers:9", until=until, now=now)

    assert _do(desk.resume, ONE, TWO)
    assert _asked(now=now) == [("grey_zone", ONE, TWO)]
    assert not _do(desk.resume, ONE, TWO)


def _add_record(identity: Any, record_id: str, kind: str) -> None:
    identity.connection.execute(
        """insert into identity.record (record_id, system, object, kind, first_seen_at, changed_at, attribute_hash)
           values (%s, 'shop', 'customers', %s, now(), now(), '')""",
        [record_id, kind],
    )
    identity.connection.commit()


@pytest.mark.parametrize("answer", ["same", "different"])
def test_a_decision_is_reopened_when_identity_fields_change_and_stands_until_taken_again(
    sources: Any, two_annas: Any, answer: desk.Answer
) -> None:
    _do(desk.decide, ONE, TWO, answer=answer)
    two_annas.resolve()
    partition = two_annas.partition()

    sources.publish("shop.customers", [_shop(2, **{**ANNA, "first_name": " ANNA "}, locale="de-AT")])
    two_annas.resolve()
    assert _asked() == [], "another spelling of the same value is no other evidence"

    sources.publish("shop.customers", [_shop(2, **ANNA, phone="+4922812345678")])
    two_annas.resolve()
    assert two_annas.partition() == partition
    (question,) = _queue().questions
    assert question.kind == "reopened"
    assert question.decision is not None and question.decision.answer == answer

    sources.publish("shop.customers", [_shop(2, **ANNA)])
    two_annas.resolve()
    assert _asked() == [], "the evidence is again what was decided on"

    sources.publish("shop.customers", [_shop(2, **ANNA, phone="+4922812345678")])
    two_annas.resolve()
    again = _do(desk.decide, ONE, TWO, answer=answer, reason="still so")
    assert again.reopened_at is None
    assert _asked() == []
    two_annas.resolve()
    assert _asked() == []
    assert two_annas.partition() == partition


def test_a_deleted_record_reopens_nothing_and_its_decision_waits_for_it(sources: Any, two_annas: Any) -> None:
    _do(desk.decide, ONE, TWO, answer="same")
    two_annas.resolve()
    sources.publish("shop.customers", delete=[{"customer_id": 2}])
    two_annas.resolve()
    assert _asked() == []
    with pytest.raises(DecisionError, match="was deleted"):
        _do(desk.decide, ONE, TWO, answer="different", overrule=True)
    sources.publish("shop.customers", [_shop(2, **ANNA)])
    two_annas.resolve()
    assert len(two_annas.customers()) == 1


def test_customers_cut_apart_weakly_held_or_contradicting_are_asked_about(sources: Any, identity: Any, model_with: Any) -> None:
    from dataclasses import replace

    identity.rules = replace(identity.rules, model=model_with(match_threshold=0.7))
    sources.publish("shop.customers", [_shop(1, **ANNA), _shop(2, **ANNA)])
    sources.publish("shop.customers", [_shop(5, **BERND, birth_date="1970-05-05", crm_contact_id="c5")])
    sources.publish("crm.contacts", [{"id": "c5", **BERND, "birth_date": "1991-11-30"}])
    identity.resolve()
    assert sorted(_asked()) == [("contradiction", "crm.contacts:c5", "shop.customers:5"), ("weak_link", ONE, TWO)]

    with connect(role=Role.STEWARD) as connection:
        (weak,) = desk.queue(connection, kinds=["weak_link"]).questions
        assert desk.queue(connection, systems=["crm"]).waiting == {"contradiction": 1}
    assert weak.chance_wrong == pytest.approx(1 - weak.probability)

    _do(desk.decide, "crm.contacts:c5", "shop.customers:5", answer="different")
    _do(desk.decide, ONE, TWO, answer="same")
    identity.resolve()
    assert _asked() == []
    assert identity.customer_of("crm.contacts:c5") != identity.customer_of("shop.customers:5"), "a decision beats a declared link"

    # birth dates that contradict keep apart what names and city would join
    sources.publish("shop.customers", [_shop(7, first_name="Carla", last_name="Weber", birth_date="1970-05-05", email="c@x.de")])
    sources.publish("crm.contacts", [{"id": "c7", "first_name": "Carla", "last_name": "Weber", "birth_date": "1991-11-30"}])
    sources.publish("crm.leads", [{"id": "l7", "first_name": "Carla", "last_name": "Weber"}])
    identity.resolve()
    assert "cut" in {kind for kind, *_ in _asked()}


def test_a_second_opinion_must_say_so(two_annas: Any) -> None:
    first = _do(desk.decide, ONE, TWO, answer="same")
    assert _do(desk.decide, ONE, TWO, answer="same", by="Kim").decision_id == first.decision_id
    with pytest.raises(AlreadyDecided, match=r"Sam decided .* same"):
        _do(desk.decide, ONE, TWO, answer="different", by="Kim")
    second = _do(desk.decide, ONE, TWO, answer="different", by="Kim", overrule=True)
    with connect(role=Role.STEWARD) as connection:
        case = desk.case(connection, ONE, TWO)
    assert [(one.answer, one.decided_by, one.withdrawn_at is None) for one in case.decisions] == [
        ("different", "Kim", True),
        ("same", "Sam", False),
    ]
    assert case.decisions[0].decision_id == second.decision_id


def test_decisions_that_contradict_each_other_are_refused(sources: Any, identity: Any) -> None:
    sources.publish("shop.customers", [_shop(number, **ANNA) for number in (1, 2, 3)])
    identity.resolve()
    _do(desk.decide, ONE, TWO, answer="same")
    _do(desk.decide, TWO, THREE, answer="same")
    with pytest.raises(DecisionError, match=r"by way of shop\.customers:2"):
        _do(desk.decide, ONE, THREE, answer="different")
    _do(desk.undo, ONE, TWO)
    _do(desk.decide, ONE, THREE, answer="different")
    with pytest.raises(DecisionError, match="a standing decision says they are different"):
        _do(desk.decide, ONE, TWO, answer="same")


def test_decisions_need_what_they_are_about(two_annas: Any) -> None:
    for args, message in (
        ((ONE, ONE), "two different records"),
        ((ONE, "shop.customers:99"), "no record shop.customers:99"),
    ):
        with pytest.raises(DecisionError, match=message):
            _do(desk.decide, *args, answer="same")
    with pytest.raises(DecisionError, match="who decides and why"):
        _do(desk.decide, ONE, TWO, answer="same", reason=" ")
    _add_record(two_annas, "shop.customers:9", "organisation")
    with pytest.raises(DecisionError, match="never one customer"):
        _do(desk.decide, "shop.customers:9", ONE, answer="same")


def test_a_decision_on_what_has_changed_since_it_was_looked_at_is_refused(sources: Any, two_annas: Any) -> None:
    with connect(role=Role.STEWARD) as connection:
        seen = desk.case(connection, ONE, TWO).seen
    sources.publish("shop.customers", [_shop(2, **ANNA, phone="+4922812345678")])
    two_annas.resolve()
    with pytest.raises(StaleEvidence, match="changed since you looked"):
        _do(desk.decide, ONE, TWO, answer="same", seen=seen)
    with connect(role=Role.STEWARD) as connection:
        seen = desk.case(connection, ONE, TWO).seen
    assert _do(desk.decide, ONE, TWO, answer="same", seen=seen).answer == "same"


def test_of_stewards_who_decide_at_once_one_wins_and_the_others_are_told(two_annas: Any) -> None:
    outcomes: list[Any] = []
    start = threading.Barrier(6)

    def steward(number: int) -> None:
        with connect(role=Role.STEWARD) as connection:
            start.wait()
            try:
                found = desk.decide(
                    connection, ONE, TWO, answer="same" if number % 2 else "different", by=f"steward {number}", reason="sure"
                )
                outcomes.append(found.decision_id)
            except AlreadyDecided as told:
                outcomes.append(told)

    threads = [threading.Thread(target=steward, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(outcomes) == 6
    assert len({one for one in outcomes if not isinstance(one, AlreadyDecided)}) == 1
    assert sum(isinstance(one, AlreadyDecided) for one in outcomes) == 3
    assert two_annas.fetch("select count(*), count(*) filter (where withdrawn_at is null) from identity.decision") == [(1, 1)]


def test_a_decision_taken_during_a_run_is_kept_for_the_next(sources: Any, two_annas: Any) -> None:
    """A run reads a snapshot; what a steward changes meanwhile must neither break it nor get lost."""
    _do(desk.decide, ONE, TWO, answer="different")
    two_annas.resolve()
    sources.publish("shop.customers", [_shop(2, **ANNA, phone="+4922812345678")])

    decided_in_run = threading.Event()

    def meanwhile(step: str) -> None:
        if step == "review" and not decided_in_run.is_set():
            _do(desk.decide, ONE, TWO, answer="same", overrule=True)
            decided_in_run.set()

    from customer360.pipeline.resolve import resolve

    assert resolve(rules=two_annas.rules, progress=meanwhile).state == "resolved"
    assert decided_in_run.is_set()
    assert len(two_annas.customers()) == 2
    two_annas.resolve()
    assert len(two_annas.customers()) == 1
    assert _asked() == []


def test_who_did_what_is_kept_and_cannot_be_changed(two_annas: Any, warehouse: Any) -> None:
    _do(desk.decide, ONE, TWO, answer="same")
    _do(desk.decide, ONE, TWO, answer="different", by="Kim", reason="two cards", overrule=True)
    _do(desk.undo, ONE, TWO, by="Lee", reason="no idea")
    with connect(role=Role.STEWARD) as connection:
        actions = desk.history(connection, TWO, ONE)
    assert [(one.action, one.answer, one.actor, one.reason) for one in actions] == [
        ("decided", "same", "Sam", "phoned"),
        ("decided", "different", "Kim", "two cards"),
        ("withdrawn", "different", "Lee", "no idea"),
    ]
    assert {one.login for one in actions} == {"c360"}
    for statement in (
        "update identity.steward_action set actor = 'nobody'",
        "delete from identity.steward_action",
        "truncate identity.steward_action",
    ):
        for role in (None, Role.STEWARD, Role.TRANSFORMER, Role.PRIVACY):
            with connect(role=role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with connect(role=Role.PRIVACY) as connection:
        assert connection.execute("update identity.steward_action set reason = null").rowcount == 3


def test_an_analyst_neither_sees_the_queue_nor_decides(two_annas: Any) -> None:
    with connect(role=Role.ANALYST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.queue(connection)
    with connect(role=Role.SERVICE) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.decide(connection, ONE, TWO, answer="same", by="service", reason="x")
