"""What stewards decide about two records: they are one customer, or they never are. Decisions outlive runs and models."""

from __future__ import annotations

import hashlib
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from customer360.errors import UserError

Verdict = Literal["must_link", "cannot_link"]


class DecisionError(UserError):
    """The decision cannot be taken or withdrawn."""


def decide(connection: Connection[Any], left: str, right: str, *, verdict: Verdict, decided_by: str, note: str | None = None) -> UUID:
    """Record a decision on two records, in either order; the next run acts on it. Returns its id; the caller commits.

    A standing decision on the same pair is withdrawn: the last word counts. Raises DecisionError when a record is unknown or
    both are the same.
    """
    if left == right:
        raise DecisionError("a decision needs two different records")
    left, right = sorted((left, right))
    known = connection.execute(
        "select record_id, attribute_hash from identity.record where record_id in (%s, %s) order by record_id", [left, right]
    ).fetchall()
    missing = sorted({left, right} - {record_id for record_id, _ in known})
    if missing:
        raise DecisionError(f"there is no record {missing[0]}; record ids look like shop.customers:123")
    standing = connection.execute(
        "select decision_id from identity.decision where record_id_l = %s and record_id_r = %s and withdrawn_at is null for update",
        [left, right],
    ).fetchone()
    if standing is not None:
        connection.execute("update identity.decision set withdrawn_at = now() where decision_id = %s", [standing[0]])
    evidence = hashlib.sha256(b"".join(digest for _, digest in known)).digest()
    row = connection.execute(
        """insert into identity.decision (record_id_l, record_id_r, verdict, decided_by, note, evidence_hash)
           values (%s, %s, %s, %s, %s, %s) returning decision_id""",
        [left, right, verdict, decided_by, note, evidence],
    ).fetchone()
    if row is None:
        raise RuntimeError("the decision was not written")
    _reexamine(connection, left, right, f"{verdict} decided")
    decision_id: UUID = row[0]
    return decision_id


def withdraw(connection: Connection[Any], decision_id: UUID, *, withdrawn_by: str) -> bool:
    """Withdraw a decision; the next run sees the records as if it had never been. False if it was withdrawn before. The caller commits.

    Raises DecisionError when there is no such decision.
    """
    row = connection.execute(
        "select record_id_l, record_id_r, withdrawn_at from identity.decision where decision_id = %s for update", [decision_id]
    ).fetchone()
    if row is None:
        raise DecisionError(f"there is no decision {decision_id}")
    left, right, withdrawn_at = row
    if withdrawn_at is not None:
        return False
    connection.execute(
        "update identity.decision set withdrawn_at = now(), note = concat_ws('; ', note, %s::text) where decision_id = %s",
        [f"withdrawn by {withdrawn_by}", decision_id],
    )
    _reexamine(connection, left, right, "decision withdrawn")
    return True


def _reexamine(connection: Connection[Any], left: str, right: str, reason: str) -> None:
    connection.execute(
        "insert into identity.reexamine (record_id, reason) values (%(left)s, %(reason)s), (%(right)s, %(reason)s)",
        {"left": left, "right": right, "reason": reason},
    )
