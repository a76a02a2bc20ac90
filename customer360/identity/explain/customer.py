"""A customer: its records, what holds them together, what happened to it, what is decided and asked about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from customer360.identity.clusters.weak_links import Link, strongest_tree, weak_links
from customer360.identity.evidence.keyed_hash import keyed_hash
from customer360.identity.explain import reading
from customer360.identity.explain.asked import unanswered
from customer360.identity.explain.basis import Basis, ExplainError, broken_down, scored
from customer360.identity.explain.explanation import (
    CustomerExplanation,
    Evidence,
    Neighbour,
    Record,
    RefusedIdentifier,
    SharedIdentifier,
    TreeLink,
)
from customer360.identity.stewardship import desk
from customer360.identity.stewardship.desk import Decision


def explain_customer(connection: Connection[Any], asked: UUID, *, basis: Basis, values: bool = False) -> CustomerExplanation:
    """Explain a customer; a retired id is followed to whom it means. `values`: also what the records say, for whoever may see it.

    Reads by index, in the caller's transaction. Raises ExplainError for an id that was never given out.
    """
    reading.by_index(connection)
    customer_id, alias_since, born_at, retired_at, confidence = _customer(connection, asked)
    named = reading.members(connection, [customer_id])
    records = reading.records(connection, named)
    edges = reading.evidence_at(connection, named, threshold=basis.model.match_threshold)
    inside = [one for one in edges if one.record_id_l in records and one.record_id_r in records]
    pairs = {(one.record_id_l, one.record_id_r) for one in inside if one.kind == "probabilistic"}
    inside = broken_down(basis, inside, scored(basis, reading.standards(connection, named), pairs) if pairs else {})
    decisions = desk.standing_at(connection, named)
    others = _customers_of(connection, edges, records, decisions)
    return CustomerExplanation(
        asked=asked,
        customer_id=customer_id,
        alias_since=alias_since,
        born_at=born_at,
        retired_at=retired_at,
        confidence=None if retired_at else confidence,
        verdict=_verdict(customer_id, list(records.values()), confidence, retired_at),
        records=list(records.values()),
        tree=_tree(named, inside, basis),
        evidence=inside,
        identifiers=_shared(inside),
        refused=_refused(connection, named, basis),
        neighbours=_neighbours(edges, others, customer_id),
        aliases=[
            alias for (alias,) in connection.execute("select alias_id from identity.alias where customer_id = %s order by 1", [customer_id])
        ],
        events=reading.events(connection, customer_id),
        decisions=decisions,
        questions=unanswered(reading.questions(connection, named), decisions, others),
        ground=basis.ground,
        notes=basis.notes,
        values=reading.values(connection, named) if values else None,
    )


def customer_of(connection: Connection[Any], record_id: str) -> UUID:
    """The customer that a record belongs to. Raises ExplainError for a record that is not known, or deleted."""
    found = reading.records(connection, [record_id]).get(record_id)
    if found is None:
        raise ExplainError(f"there is no record {record_id}; record ids look like shop.customers:123")
    if found.customer_id is None:
        raise ExplainError(f"{record_id} was deleted in its source ({found.changed_at:%Y-%m-%d}); it belongs to no customer")
    return found.customer_id


def _customer(connection: Connection[Any], asked: UUID) -> tuple[UUID, datetime | None, datetime, datetime | None, float | None]:
    """The customer that the id means (itself, where it retired and nobody stands for it), and its own dates."""
    row = connection.execute(
        """select meant.customer_id, case when asked.customer_id <> meant.customer_id then alias.since end,
                  meant.born_at, meant.retired_at, meant.confidence
             from identity.customer asked
             left join identity.alias on alias.alias_id = asked.customer_id and asked.retired_at is not null
             join identity.customer meant on meant.customer_id = coalesce(alias.customer_id, asked.customer_id)
            where asked.customer_id = %s""",
        [asked],
    ).fetchone()
    if row is None:
        raise ExplainError(f"there is no customer {asked}; `customer360 sql` finds ids in marts.dim_customer, or give a record")
    customer_id, alias_since, born_at, retired_at, confidence = row
    return customer_id, alias_since, born_at, retired_at, confidence


def _tree(records: Sequence[str], inside: Iterable[Evidence], basis: Basis) -> list[TreeLink]:
    links = [Link(record_id_l=one.record_id_l, record_id_r=one.record_id_r, probability=one.probability) for one in inside if one.holds]
    weak = {
        (one.link.record_id_l, one.link.record_id_r): one.smaller_side
        for one in weak_links(records, links, below=basis.settings.review.weak_link_below)
    }
    return [
        TreeLink(
            record_id_l=link.record_id_l,
            record_id_r=link.record_id_r,
            probability=link.probability,
            smaller_side=weak.get((link.record_id_l, link.record_id_r)),
        )
        for link in strongest_tree(records, links)
    ]


def _shared(inside: Iterable[Evidence]) -> list[SharedIdentifier]:
    groups: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for one in inside:
        if one.kind == "exact":
            groups[one.rule, one.identifier].append(one)
    return [
        SharedIdentifier(
            attribute=attribute,
            record_ids=sorted({record for one in found for record in (one.record_id_l, one.record_id_r)}),
            is_verified=any(one.details.get("verified") for one in found),
        )
        for (attribute, _), found in sorted(groups.items())
    ]


def _refused(connection: Connection[Any], records: Sequence[str], basis: Basis) -> list[RefusedIdentifier]:
    holders: dict[bytes, list[str]] = defaultdict(list)
    for record, held in reading.identifiers(connection, records, basis.settings.identifiers).items():
        for value in held:
            holders[keyed_hash(basis.secret, *value)].append(record)
    return sorted(
        (
            RefusedIdentifier(attribute=attribute, record_ids=sorted(holders[hashed]), holders=count, limit=limit, reason=reason)
            for hashed, (attribute, count, limit, reason) in reading.refusals(connection, holders).items()
        ),
        key=lambda one: (one.attribute, one.record_ids),
    )


def _customers_of(
    connection: Connection[Any], edges: Iterable[Evidence], ours: Collection[str], decisions: Iterable[Decision]
) -> dict[str, UUID]:
    """Record → customer, of the customer's own records and of those that evidence or a decision leads to."""
    ends = {record for one in edges for record in (one.record_id_l, one.record_id_r)} | set(ours)
    ends |= {record for one in decisions for record in (one.record_id_l, one.record_id_r)}
    return {name: record.customer_id for name, record in reading.records(connection, ends).items() if record.customer_id is not None}


def _neighbours(edges: Sequence[Evidence], others: Mapping[str, UUID], own: UUID) -> list[Neighbour]:
    """Other customers with evidence towards this one, those with the strongest first."""
    found: dict[UUID, list[Evidence]] = defaultdict(list)
    for one in edges:  # strongest first
        ends = {others.get(one.record_id_l), others.get(one.record_id_r)} - {own}
        other = ends.pop() if ends else None
        if other is not None:
            found[other].append(one)
    return [
        Neighbour(
            customer_id=customer,
            pairs=len({(one.record_id_l, one.record_id_r) for one in evidence}),
            evidence=evidence[0],
            is_cut=any(one.holds for one in evidence),
        )
        for customer, evidence in found.items()
    ]


def _verdict(customer_id: UUID, records: Sequence[Record], confidence: float | None, retired_at: datetime | None) -> str:
    if retired_at is not None:
        return f"customer {customer_id} retired on {retired_at:%Y-%m-%d} and left no record: nobody stands for it"
    sources = len({record.source for record in records})
    count = "one record" if len(records) == 1 else f"{len(records)} records of {sources} source object{'s' if sources > 1 else ''}"
    sure = "" if confidence is None or len(records) == 1 else f", held together by links of {confidence:.3f} or more"
    return f"customer {customer_id}: {count}{sure}"
