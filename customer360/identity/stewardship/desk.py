"""What a steward does: look at the queue, decide, postpone, undo; and who did what when. For the command, the service and pages alike.

Every function takes an open connection (role `c360_steward`, or another that may) and leaves the commit to its caller. What is
decided is acted on by the next identity run. Records are named `<system>.<object>:<key>`, pairs in either order.

The queue is ordered by **value**: what a decision is worth, in records.

    value = chance × (records + order value ÷ mean order value of a customer who ordered)

`chance`: how probable it is that the present state is wrong. For a pair that is apart (grey zone) its match probability; for one
held together by a weak link 1 − that; 0.5 where evidence speaks both ways (cut, contradiction, reopened). `records` and `order value`
are what would move: of two customers the smaller's; inside one customer the smaller side's records, and its orders by their share of
records. A contradiction and a reopened decision inside one customer count one record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from customer360.identity.evidence.keyed_hash import key
from customer360.identity.stewardship import decisions, review_questions
from customer360.identity.stewardship.decisions import DecisionError, Verdict, ordered

Kind = Literal["grey_zone", "cut", "weak_link", "contradiction", "reopened"]
Answer = Literal["same", "different"]

KINDS: Mapping[Kind, str] = {
    "grey_zone": "apart; scored between the two thresholds",
    "cut": "apart, though evidence between them reaches the match threshold",
    "weak_link": "one customer that hangs together by weak evidence alone",
    "contradiction": "one customer because a source says so, with birth dates or national ids that contradict",
    "reopened": "decided, and identity fields changed since",
}
_VERDICTS: Mapping[Answer, Verdict] = {"same": "must_link", "different": "cannot_link"}
_ANSWERS: Mapping[str, Answer] = {"must_link": "same", "cannot_link": "different"}


class StaleEvidence(DecisionError):
    """The records changed between being looked at and being decided on."""


class AlreadyDecided(DecisionError):
    """Another decision stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision; times in UTC."""

    decision_id: UUID
    record_id_l: str
    record_id_r: str
    answer: Answer
    decided_by: str
    reason: str | None
    decided_at: datetime
    reopened_at: datetime | None
    withdrawn_at: datetime | None
    is_applied: bool  # whether the identity run since has acted on it (or on its withdrawal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One entry of the queue. `pairs` pairs of records ask the same; this one has the strongest evidence (`probability`)."""

    record_id_l: str
    record_id_r: str
    kind: Kind
    customer_id_l: UUID
    customer_id_r: UUID
    probability: float
    chance_wrong: float
    pairs: int
    records_at_stake: int
    records_concerned: int
    order_value_at_stake: float  # in the reference currency; 0 before the marts are built
    value: float
    since: datetime
    postponed_until: datetime | None
    decision: Decision | None  # of a reopened one


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The first questions, and how many there are of each kind. `postponed` counts those put off, which are in no other figure."""

    questions: Sequence[Question]
    waiting: Mapping[Kind, int]
    postponed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing done to a pair, by a person or (`identity`) by a run."""

    at: datetime
    action: decisions.Action
    answer: Answer | None
    actor: str
    login: str
    reason: str | None
    until: datetime | None
    decision_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All there is to a pair besides its evidence. `seen` names the state of both records: give it back to `decide`."""

    record_id_l: str
    record_id_r: str
    customer_id_l: UUID | None
    customer_id_r: UUID | None
    questions: Sequence[Question]
    decisions: Sequence[Decision]  # newest first, withdrawn ones too
    actions: Sequence[Action] = field(default_factory=tuple)
    seen: str = ""


# --------------------------------------------------------------------------------------------------- the queue
def queue(
    connection: Connection[Any],
    *,
    kinds: Collection[Kind] | None = None,
    systems: Collection[str] | None = None,
    limit: int = 50,
    postponed: bool = False,
    now: datetime | None = None,
) -> Queue:
    """The questions most worth a decision first. `kinds`, `systems`: only these (a question is of both its records' systems).

    `postponed`: those put off instead of those that wait. What a standing decision between the same two customers answers is left out.
    """
    asked = {
        "kinds": None if kinds is None else list(kinds),
        "systems": None if systems is None else list(systems),
        "now": now or datetime.now(UTC),
    }
    open_questions = review_questions.open_questions(connection)
    counted = connection.execute(
        sql.SQL("{} select kind, coalesce(postponed_until > %(now)s, false), count(*) from question where {} group by 1, 2").format(
            open_questions, sql.SQL(review_questions.CHOSEN)
        ),
        asked,
    ).fetchall()
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            sql.SQL(
                """{} select * from question where {} and coalesce(postponed_until > %(now)s, false) = %(postponed)s
                   order by value desc, record_id_l, record_id_r, kind limit %(limit)s"""
            ).format(open_questions, sql.SQL(review_questions.CHOSEN)),
            {**asked, "postponed": postponed, "limit": limit},
        ).fetchall()
    return Queue(
        questions=_questions(connection, rows),
        waiting={kind: count for kind, is_postponed, count in counted if not is_postponed},
        postponed=sum(count for _, is_postponed, count in counted if is_postponed),
    )


def case(connection: Connection[Any], left: str, right: str) -> Case:
    """What is open, decided and done about two records. Raises DecisionError for an unknown record, or one given twice."""
    left, right = ordered(left, right)
    known = dict(
        connection.execute(
            """select r.record_id, m.customer_id from identity.record r
                 left join identity.membership m on m.record_id = r.record_id and m.valid_to is null
                where r.record_id in (%s, %s)""",
            [left, right],
        ).fetchall()
    )
    decisions.check_known(known, left, right)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            sql.SQL("{} select * from question where (record_id_l, record_id_r) = (%(left)s, %(right)s) order by kind").format(
                review_questions.open_questions(connection)
            ),
            {"left": left, "right": right},
        ).fetchall()
    return Case(
        record_id_l=left,
        record_id_r=right,
        customer_id_l=known[left],
        customer_id_r=known[right],
        questions=_questions(connection, rows),
        decisions=decisions_of(connection, [(left, right)]),
        actions=history(connection, left, right),
        seen=_seen(connection, left, right),
    )


def history(connection: Connection[Any], left: str, right: str) -> list[Action]:
    """Everything done to the pair, oldest first."""
    rows = connection.execute(
        """select at, action, verdict, actor, login, reason, until, decision_id from identity.steward_action
            where (record_id_l, record_id_r) = (%s, %s) order by action_id""",
        list(ordered(left, right)),
    )
    return [
        Action(
            at=at,
            action=action,
            answer=_ANSWERS.get(verdict),
            actor=actor,
            login=login,
            reason=reason,
            until=until,
            decision_id=decision_id,
        )
        for at, action, verdict, actor, login, reason, until, decision_id in rows
    ]


def decisions_of(
    connection: Connection[Any], pairs: Collection[tuple[str, str]] | None = None, *, records: Collection[str] | None = None
) -> list[Decision]:
    """Decisions on these pairs, or on pairs of which a record is in `records`; withdrawn ones too, newest first."""
    return _decisions(
        connection,
        """select * from identity.decision
            where (record_id_l, record_id_r) in (select * from unnest(%(lefts)s::text[], %(rights)s::text[]))
               or record_id_l = any(%(records)s) or record_id_r = any(%(records)s)""",
        {"lefts": [left for left, _ in pairs or ()], "rights": [right for _, right in pairs or ()], "records": sorted(records or ())},
    )


def standing_at(connection: Connection[Any], records: Collection[str]) -> list[Decision]:
    """Standing decisions on pairs of which a record is among these, newest first; read by index, however many were ever taken."""
    return _decisions(
        connection,
        """select * from identity.decision where withdrawn_at is null and record_id_l = any(%(records)s)
           union select * from identity.decision where withdrawn_at is null and record_id_r = any(%(records)s)""",
        {"records": sorted(records)},
    )


def _decisions(connection: Connection[Any], chosen: LiteralString, parameters: Mapping[str, Any]) -> list[Decision]:
    rows = connection.execute(
        f"""select d.decision_id, d.record_id_l, d.record_id_r, d.verdict, d.decided_by, d.note, d.decided_at, o.reopened_at,
                   d.withdrawn_at,
                   not exists (select from identity.reexamine x
                                where x.record_id = d.record_id_l and x.at >= coalesce(d.withdrawn_at, d.decided_at))
              from ({chosen}) d left join identity.decision_reopening o using (decision_id)
             order by d.decided_at desc, d.decision_id desc""",
        parameters,
    )
    return [
        Decision(
            decision_id=decision_id,
            record_id_l=left,
            record_id_r=right,
            answer=_ANSWERS[verdict],
            decided_by=decided_by,
            reason=note,
            decided_at=decided_at,
            reopened_at=reopened_at,
            withdrawn_at=withdrawn_at,
            is_applied=is_applied,
        )
        for decision_id, left, right, verdict, decided_by, note, decided_at, reopened_at, withdrawn_at, is_applied in rows
    ]


# ------------------------------------------------------------------------------------------------- what one does
def decide(
    connection: Connection[Any],
    left: str,
    right: str,
    *,
    answer: Answer,
    by: str,
    reason: str,
    overrule: bool = False,
    seen: str | None = None,
) -> Decision:
    """Decide that two records are the `same` customer or `different` ones. The next identity run acts on it.

    `seen` (of `case`): refuse with StaleEvidence if a record says something else by now. Deciding again what stands already changes
    nothing and returns what stands. Another standing decision on the pair raises AlreadyDecided, unless `overrule` or it was reopened.
    Raises DecisionError when a record is unknown, deleted, of another kind than the other, or when the answer contradicts standing
    decisions on other records: three records cannot be the same by two decisions and different by a third.
    """
    left, right = ordered(left, right)
    _check_told(by, reason)
    decisions.lock(connection)
    _check_fit(connection, left, right, answer)
    if seen is not None and seen != _seen(connection, left, right):
        raise StaleEvidence(f"{left} or {right} changed since you looked at them; look again, then decide")
    standing = _standing(connection, left, right)
    if standing is not None and standing.reopened_at is None:
        if standing.answer == answer:
            return standing
        if not overrule:
            raise AlreadyDecided(
                f"{standing.decided_by} decided on {standing.decided_at:%Y-%m-%d} that they are {standing.answer} "
                f"({standing.reason or 'no reason given'}); overrule that decision if you know better"
            )
    decisions.check_consistent(connection, left, right, _VERDICTS[answer])
    decision_id = decisions.decide(connection, left, right, verdict=_VERDICTS[answer], decided_by=by, note=reason)
    return next(one for one in decisions_of(connection, [(left, right)]) if one.decision_id == decision_id)


def undo(connection: Connection[Any], left: str, right: str, *, by: str, reason: str) -> Decision:
    """Withdraw the standing decision on the pair; the next run sees the records as if nobody had decided. Returns what was withdrawn.

    A decision that it had overruled does not come back. Raises DecisionError when no decision stands.
    """
    left, right = ordered(left, right)
    _check_told(by, reason)
    decisions.lock(connection)
    standing = _standing(connection, left, right)
    if standing is None:
        raise DecisionError(f"no decision stands on {left} and {right}")
    decisions.withdraw(connection, standing.decision_id, withdrawn_by=by, reason=reason)
    return standing


def postpone(
    connection: Connection[Any], left: str, right: str, *, until: datetime, by: str, reason: str, now: datetime | None = None
) -> None:
    """Take the question about two records (and the customers they stand for) out of the queue until then. Postponing again moves the date.

    Raises DecisionError when `until` has no time zone or is past, or when nothing is asked about the pair.
    """
    left, right = ordered(left, right)
    _check_told(by, reason)
    if until.tzinfo is None or until <= (now or datetime.now(UTC)):
        raise DecisionError(f"{until:%Y-%m-%d %H:%M} is not in the future; give a later date")
    decisions.lock(connection)
    if not case(connection, left, right).questions:
        raise DecisionError(f"nothing is asked about {left} and {right}; see the queue")
    connection.execute(
        """insert into identity.postponement as p (record_id_l, record_id_r, until, postponed_by, reason) values (%s, %s, %s, %s, %s)
           on conflict (record_id_l, record_id_r) do update
              set until = excluded.until, postponed_by = excluded.postponed_by, reason = excluded.reason, postponed_at = now()""",
        [left, right, until, by, reason],
    )
    decisions.note_action(connection, "postponed", left, right, actor=by, reason=reason, until=until)


def resume(connection: Connection[Any], left: str, right: str, *, by: str, reason: str) -> bool:
    """Put a postponed question back into the queue. False if it was not postponed."""
    left, right = ordered(left, right)
    _check_told(by, reason)
    decisions.lock(connection)
    gone = connection.execute("delete from identity.postponement where record_id_l = %s and record_id_r = %s", [left, right])
    if gone.rowcount == 0:
        return False
    decisions.note_action(connection, "resumed", left, right, actor=by, reason=reason)
    return True


# ------------------------------------------------------------------------------------------------------ inside
def _questions(connection: Connection[Any], rows: Sequence[dict[str, Any]]) -> list[Question]:
    reopened = [(row["record_id_l"], row["record_id_r"]) for row in rows if row["kind"] == "reopened"]
    decided = {(one.record_id_l, one.record_id_r): one for one in decisions_of(connection, reopened) if one.withdrawn_at is None}
    return [
        Question(**{**row, "value": round(row["value"], 4)}, decision=decided.get((row["record_id_l"], row["record_id_r"]))) for row in rows
    ]


def _standing(connection: Connection[Any], left: str, right: str) -> Decision | None:
    return next((one for one in decisions_of(connection, [(left, right)]) if one.withdrawn_at is None), None)


def _seen(connection: Connection[Any], left: str, right: str) -> str:
    evidence = decisions.evidence_hashes(connection, [left, right], secret=key())
    return (evidence[left] + evidence[right]).hex()


def _check_told(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise DecisionError("say who decides and why: both are kept with the decision")


def _check_fit(connection: Connection[Any], left: str, right: str, answer: Answer) -> None:
    rows = connection.execute(
        "select record_id, kind, is_deleted from identity.record where record_id in (%s, %s)", [left, right]
    ).fetchall()
    known = {record_id: (kind, is_deleted) for record_id, kind, is_deleted in rows}
    decisions.check_known(known, left, right)
    gone = [one for one in (left, right) if known[one][1]]
    if gone:
        raise DecisionError(f"{gone[0]} was deleted in its source; there is nothing left to decide on")
    if answer == "same" and known[left][0] != known[right][0]:
        raise DecisionError(f"{left} is of kind {known[left][0]}, {right} of kind {known[right][0]}: they are never one customer")
