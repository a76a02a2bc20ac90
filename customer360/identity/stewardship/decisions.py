"""What stewards decide about two records: they are one customer, or they never are. Decisions outlive runs and models.

A decision is bound to its evidence: keyed hashes of what both records said when it was taken. A run that finds other
evidence reopens it; it stands until it is taken again. Only this module writes decisions, their reopening and the record of actions.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from customer360.errors import UserError
from customer360.identity.clusters.forest import Forest
from customer360.identity.evidence.keyed_hash import key, keyed_hash
from customer360.identity.records.attributes import SPLIT

Verdict = Literal["must_link", "cannot_link"]
Action = Literal["decided", "withdrawn", "postponed", "resumed", "reopened", "closed_again"]
RUN = "identity"  # the actor of what a run does by itself

_LOCK = 360_002  # decisions are taken one after the other: what a new one contradicts is then certain


class DecisionError(UserError):
    """The decision cannot be taken or withdrawn."""


def lock(connection: Connection[Any]) -> None:
    """Wait until no other decision is being taken; held until the caller's transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def decide(connection: Connection[Any], left: str, right: str, *, verdict: Verdict, decided_by: str, note: str | None = None) -> UUID:
    """Record a decision on two records, in either order; the next run acts on it. Returns its id; the caller commits.

    A standing decision on the same pair is withdrawn: the last word counts. Raises DecisionError when a record is unknown or
    both are the same.
    """
    left, right = ordered(left, right)
    lock(connection)
    known = {
        record_id for (record_id,) in connection.execute("select record_id from identity.record where record_id in (%s, %s)", [left, right])
    }
    check_known(known, left, right)
    standing = connection.execute(
        "select decision_id from identity.decision where record_id_l = %s and record_id_r = %s and withdrawn_at is null",
        [left, right],
    ).fetchone()
    if standing is not None:
        _end(connection, standing[0])
    evidence = evidence_hashes(connection, [left, right], secret=key())
    row = connection.execute(
        """insert into identity.decision (record_id_l, record_id_r, verdict, decided_by, note, evidence_l, evidence_r)
           values (%s, %s, %s, %s, %s, %s, %s) returning decision_id""",
        [left, right, verdict, decided_by, note, evidence[left], evidence[right]],
    ).fetchone()
    if row is None:
        raise RuntimeError("the decision was not written")
    decision_id: UUID = row[0]
    note_action(connection, "decided", left, right, actor=decided_by, reason=note, decision_id=decision_id, verdict=verdict)
    connection.execute("delete from identity.postponement where record_id_l = %s and record_id_r = %s", [left, right])
    _reexamine(connection, left, right, f"{verdict} decided")
    return decision_id


def withdraw(connection: Connection[Any], decision_id: UUID, *, withdrawn_by: str, reason: str | None = None) -> bool:
    """Withdraw a decision; the next run sees the records as if it had never been. False if it was withdrawn before. The caller commits.

    Raises DecisionError when there is no such decision.
    """
    lock(connection)
    row = connection.execute(
        "select record_id_l, record_id_r, verdict, withdrawn_at from identity.decision where decision_id = %s", [decision_id]
    ).fetchone()
    if row is None:
        raise DecisionError(f"there is no decision {decision_id}")
    left, right, verdict, withdrawn_at = row
    if withdrawn_at is not None:
        return False
    _end(connection, decision_id)
    note_action(connection, "withdrawn", left, right, actor=withdrawn_by, reason=reason, decision_id=decision_id, verdict=verdict)
    _reexamine(connection, left, right, "decision withdrawn")
    return True


def reopen(connection: Connection[Any], *, record_ids: Collection[str] | None, secret: bytes) -> int:
    """Reopen the standing decisions whose evidence is no longer what it was, and close again those whose evidence is back.

    Looks at the decisions on these records (None: on all). A deleted record says nothing new, so it reopens nothing. Returns how many
    were reopened or closed. Part of a run; the caller commits.
    """
    rows = connection.execute(
        """select d.decision_id, d.record_id_l, d.record_id_r, d.verdict, d.evidence_l, d.evidence_r, o.decision_id is not null
             from identity.decision d
             join identity.record l on l.record_id = d.record_id_l and not l.is_deleted
             join identity.record r on r.record_id = d.record_id_r and not r.is_deleted
             left join identity.decision_reopening o using (decision_id)
            where d.withdrawn_at is null and d.evidence_l is not null
              and (%(ids)s::text[] is null or d.record_id_l = any(%(ids)s) or d.record_id_r = any(%(ids)s))
            order by d.decision_id""",
        {"ids": None if record_ids is None else list(record_ids)},
    ).fetchall()
    evidence = evidence_hashes(connection, {one for row in rows for one in row[1:3]}, secret=secret)
    turned = 0
    for decision_id, left, right, verdict, evidence_l, evidence_r, is_open in rows:
        has_changed = (evidence[left], evidence[right]) != (evidence_l, evidence_r)
        if has_changed == is_open:
            continue
        turned += 1
        if has_changed:
            connection.execute("insert into identity.decision_reopening (decision_id) values (%s)", [decision_id])
        else:
            connection.execute("delete from identity.decision_reopening where decision_id = %s", [decision_id])
        changed = [one for one, now, then in ((left, evidence[left], evidence_l), (right, evidence[right], evidence_r)) if now != then]
        reason = f"identity fields changed: {', '.join(changed)}" if has_changed else "identity fields are again what they were"
        note_action(
            connection,
            "reopened" if has_changed else "closed_again",
            left,
            right,
            actor=RUN,
            reason=reason,
            decision_id=decision_id,
            verdict=verdict,
        )
    return turned


def evidence_hashes(connection: Connection[Any], record_ids: Collection[str], *, secret: bytes) -> dict[str, bytes]:
    """Record id → keyed hash of what the record's source says of its person: the raw values, folded.

    Raw and not standardised, so that a better standardiser reopens nothing; folded (compatibility forms, case, spaces), so that
    another spelling of the same value does not either. Parts that the standardiser made of a value are left out.
    """
    said: dict[str, dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    rows = connection.execute(
        "select record_id, field, attribute, raw_value from identity.record_attribute where record_id = any(%s)", [sorted(record_ids)]
    )
    for record_id, field, attribute, raw_value in rows:
        said[record_id][field].add((attribute, _folded(raw_value)))
    return {record_id: keyed_hash(secret, "decision", *_parts(said.get(record_id, {}))) for record_id in record_ids}


def ordered(left: str, right: str) -> tuple[str, str]:
    """The pair as it is kept, smaller id first. Raises DecisionError when both are the same."""
    if left == right:
        raise DecisionError("a decision needs two different records")
    return (left, right) if left < right else (right, left)


def note_action(
    connection: Connection[Any],
    action: Action,
    left: str,
    right: str,
    *,
    actor: str,
    reason: str | None,
    decision_id: UUID | None = None,
    verdict: Verdict | None = None,
    until: datetime | None = None,
) -> None:
    """Add to the record of who did what when. The caller commits."""
    connection.execute(
        """insert into identity.steward_action (action, record_id_l, record_id_r, decision_id, verdict, until, actor, reason)
           values (%s, %s, %s, %s, %s, %s, %s, %s)""",
        [action, left, right, decision_id, verdict, until, actor, reason],
    )


def _end(connection: Connection[Any], decision_id: UUID) -> None:
    connection.execute("update identity.decision set withdrawn_at = now() where decision_id = %s", [decision_id])


def _folded(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _parts(fields: Mapping[str, set[tuple[str, str]]]) -> list[str]:
    kept: set[tuple[str, str]] = set()
    for values in fields.values():
        whole = {one for one in values if one[0] in SPLIT}
        kept |= whole or values
    return [part for pair in sorted(kept) for part in pair]


def _reexamine(connection: Connection[Any], left: str, right: str, reason: str) -> None:
    connection.execute(
        "insert into identity.reexamine (record_id, reason) values (%(left)s, %(reason)s), (%(right)s, %(reason)s)",
        {"left": left, "right": right, "reason": reason},
    )


def check_known(known: Collection[str], left: str, right: str) -> None:
    """Raises DecisionError for the first of the two that is not among the records there are."""
    missing = [one for one in (left, right) if one not in known]
    if missing:
        raise DecisionError(f"there is no record {missing[0]}; record ids look like shop.customers:123")


def check_consistent(connection: Connection[Any], left: str, right: str, verdict: Verdict) -> None:
    """Raises DecisionError when the verdict and the standing decisions on other pairs cannot all be true."""
    rows = connection.execute(
        """select record_id_l, record_id_r, verdict from identity.decision
            where withdrawn_at is null and (record_id_l, record_id_r) <> (%s, %s)""",
        [left, right],
    ).fetchall()
    forest = Forest({left, right, *(record for one, other, _ in rows for record in (one, other))})
    for one, other, standing in rows:
        if standing == "must_link":
            forest.join(one, other)
    ours = forest.members[forest.root(left)]
    if verdict == "cannot_link":
        if right in ours:
            between = ", ".join(sorted({*ours} - {left, right}))
            raise DecisionError(
                f"standing decisions say that {left} and {right} are the same, by way of {between}. "
                "Undo the one that is wrong first (`customer360 review undo`)"
            )
        return
    joined = {*ours, *forest.members[forest.root(right)]}
    for one, other, standing in rows:
        if standing == "cannot_link" and {one, other} <= joined:
            raise DecisionError(
                f"then {one} and {other} would be the same too, and a standing decision says they are different. "
                "Undo the one that is wrong first (`customer360 review undo`)"
            )
