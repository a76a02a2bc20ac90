"""Which questions of the review queue are still open about some records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from customer360.identity.explain.explanation import OpenQuestion
from customer360.identity.stewardship.desk import Decision


def unanswered(questions: Iterable[OpenQuestion], decisions: Iterable[Decision], customers: Mapping[str, UUID]) -> list[OpenQuestion]:
    """Without what a standing decision on the pair, or between the same two customers, answers (the rule of `stewardship.queue`).

    `customers`: record → customer, of every record that is asked about or decided on.
    """
    pairs = {frozenset((one.record_id_l, one.record_id_r)) for one in decisions}
    between = {
        frozenset(ends)
        for one in decisions
        if one.reopened_at is None and len(ends := {customers.get(one.record_id_l), customers.get(one.record_id_r)}) > 1
    }
    return [
        one
        for one in questions
        if frozenset((one.record_id_l, one.record_id_r)) not in pairs
        and frozenset((customers.get(one.record_id_l), customers.get(one.record_id_r))) not in between
    ]
