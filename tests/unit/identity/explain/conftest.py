"""Explanations made by hand, with names that would break a careless page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from customer360.identity.explain.explanation import (
    CustomerExplanation,
    Event,
    Evidence,
    Ground,
    Obstacle,
    PairExplanation,
    Record,
    Step,
    TreeLink,
    Value,
    ValueRow,
)
from customer360.identity.match.breakdown import Breakdown, FieldWeight
from customer360.identity.stewardship.desk import Decision

AT = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
OURS, THEIRS = UUID(int=1), UUID(int=2)
HOSTILE = 'shop.customers:<script>alert("x")</script>&\'$body'
GROUND = Ground(run_id=7, run_at=AT, model_version="abc123", match_threshold=0.7, review_threshold=0.2, weak_link_below=0.9)


def record(record_id: str, customer: UUID | None = OURS, **how: Any) -> Record:
    return Record(
        record_id=record_id,
        source=record_id.split(":")[0],
        kind="person",
        is_deleted=customer is None,
        first_seen_at=AT,
        changed_at=AT,
        customer_id=customer,
        since=AT if customer else None,
        **how,
    )


def breakdown(left: str, right: str) -> Breakdown:
    fields = [
        FieldWeight(field="first_name", level="nickname <b>", weight=6.25, rarity=0.0),
        FieldWeight(field="birth_date", level="exact", weight=12.5, rarity=5.5),
        FieldWeight(field="city", level="different", weight=-3.75, rarity=0.0),
        FieldWeight(field="phone", level=None, weight=0.0, rarity=0.0),
    ]
    return Breakdown(
        record_id_l=left,
        record_id_r=right,
        prior=-10.0,
        fields=fields,
        match_weight=5.0,
        probability=32 / 33,
        blocking_rule="l.last_key = r.last_key and l.birth_date = r.birth_date",
    )


def scored(left: str, right: str) -> Evidence:
    return Evidence(
        record_id_l=left,
        record_id_r=right,
        kind="probabilistic",
        rule="model",
        probability=32 / 33,
        holds=True,
        model_version="abc123",
        breakdown=breakdown(left, right),
    )


def exact(left: str, right: str, probability: float = 0.99) -> Evidence:
    return Evidence(
        record_id_l=left,
        record_id_r=right,
        kind="exact",
        rule="email",
        probability=probability,
        holds=True,
        identifier="00ff",
        details={"agreement": "full_name", "records": 3, "verified": True},
    )


DECISION = Decision(
    decision_id=UUID(int=9),
    record_id_l=HOSTILE,
    record_id_r="shop.customers:2",
    answer="different",
    decided_by="Sam <sam@example.com>",
    reason='two "cards" & more',
    decided_at=AT,
    reopened_at=AT,
    withdrawn_at=None,
    is_applied=True,
)
VALUES = [ValueRow(attribute="first_name", values={HOSTILE: [Value(raw="<img src=x onerror=alert(1)>", standard=None, is_verified=True)]})]


@pytest.fixture
def joined() -> PairExplanation:
    """One customer, by way of a third record."""
    names = [HOSTILE, "shop.customers:2", "crm.contacts:3"]
    first, second = exact(HOSTILE, names[2]), scored(names[2], names[1])
    return PairExplanation(
        record_l=record(HOSTILE),
        record_r=record(names[1]),
        is_one=True,
        verdict=f"{HOSTILE} and {names[1]} are one customer",
        path=[
            Step(record_id_from=HOSTILE, record_id_to=names[2], probability=0.99, evidence=[first]),
            Step(record_id_from=names[2], record_id_to=names[1], probability=32 / 33, evidence=[second]),
        ],
        direct=[],
        score=breakdown(HOSTILE, names[1]),
        obstacles=[],
        decisions=[],
        actions=[],
        questions=[],
        records=[record(name) for name in names],
        evidence=[first, second],
        ground=GROUND,
        values=VALUES,
    )


@pytest.fixture
def apart() -> PairExplanation:
    """Two customers, with nothing between them but a decision."""
    return PairExplanation(
        record_l=record(HOSTILE),
        record_r=record("shop.customers:2", THEIRS),
        is_one=False,
        verdict="two customers",
        path=[],
        direct=[],
        score=breakdown(HOSTILE, "shop.customers:2"),
        obstacles=[Obstacle(kind="cannot_link", text="Sam decided <that>", details={"decision_id": "9"})],
        decisions=[DECISION],
        actions=[],
        questions=[],
        records=[record(HOSTILE), record("shop.customers:2", THEIRS)],
        evidence=[],
        ground=GROUND,
        notes=["a note & more"],
    )


@pytest.fixture
def customer_of() -> Callable[..., CustomerExplanation]:
    """A customer of so many records, each joined with the next; the first link is weak."""

    def build(count: int) -> CustomerExplanation:
        names = [HOSTILE, *(f"shop.customers:{number:03}" for number in range(1, count))][:count]
        chain = [scored(*sorted(pair)) for pair in zip(names[1:], names, strict=False)]
        return CustomerExplanation(
            asked=THEIRS,
            customer_id=OURS,
            alias_since=AT,
            born_at=AT,
            retired_at=None,
            confidence=0.97,
            verdict=f"customer {OURS}: {count} records",
            records=[record(name) for name in names],
            tree=[
                TreeLink(
                    record_id_l=one.record_id_l, record_id_r=one.record_id_r, probability=one.probability, smaller_side=None if n else 1
                )
                for n, one in enumerate(chain)
            ],
            evidence=[*chain, *(exact(names[0], other, 0.8) for other in names[2:])],
            identifiers=[],
            refused=[],
            neighbours=[],
            aliases=[THEIRS],
            events=[
                Event(at=AT, kind="birth", customer_id=OURS, other_id=None, record_ids=names, reason={"records": count}, run_id=1),
                Event(
                    at=AT,
                    kind="merge",
                    customer_id=OURS,
                    other_id=THEIRS,
                    record_ids=names[:1],
                    reason={
                        "because": "evidence",
                        "edges": [{"record_id_l": "a", "record_id_r": "b", "kind": "exact", "rule": "email", "probability": 0.99}],
                    },
                    run_id=2,
                ),
            ],
            decisions=[DECISION],
            questions=[],
            ground=GROUND,
            values=VALUES,
        )

    return build
