"""Declared, exact and decided edges: from what records hold to the edges that should stand, in a temporary table.

An incremental run asks for the values that changed records hold or held; a full run for every value that two records share.
The same functions answer both, value by value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, LiteralString

from psycopg import Connection

from customer360.identity.evidence.agreement import Person
from customer360.identity.evidence.identifiers import Holder, Refusal, join
from customer360.identity.evidence.keyed_hash import keyed_hash
from customer360.identity.settings import Settings

_FETCHED = 10_000
LINK = "link"  # first part of a link value's hash, so that it never equals an identifier's


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One row of identity.edge."""

    record_id_l: str
    record_id_r: str
    kind: str
    rule: str
    identifier: bytes
    probability: float
    evidence: str  # JSON; never a value
    model_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedValue:
    """One row of identity.identifier_refusal."""

    attribute: str
    value_hash: bytes
    refusal: Refusal


def touched_tables(
    connection: Connection[Any],
    *,
    identifiers: Iterable[tuple[str, str]] | None,
    links: Iterable[tuple[str, str]] | None,
    settings: Settings,
) -> None:
    """Make the temporary tables of values to decide on; None: every value that more than one record holds."""
    connection.execute("create temporary table touched_identifier (attribute text, value text, records bigint) on commit drop")
    connection.execute("create temporary table touched_link (target text, value text, records bigint) on commit drop")
    if identifiers is None or links is None:
        connection.execute(
            """insert into touched_identifier
               select attribute, value, count(distinct record_id) from identity.record_attribute
                where attribute in ('email', 'phone', 'external_id', 'national_id') and value is not null and attribute = any(%s)
                group by attribute, value having count(distinct record_id) > 1""",
            [list(settings.identifiers)],
        )
        connection.execute(
            """insert into touched_link
               select target, value, count(distinct record_id) filter (where not is_anchor) from identity.record_link
                group by target, value having bool_or(is_anchor) and bool_or(not is_anchor)"""
        )
    else:
        _copy(connection, "touched_identifier (attribute, value)", sorted(identifiers))
        _copy(connection, "touched_link (target, value)", sorted(links))
        connection.execute(
            """update touched_identifier t set records = (
                   select count(distinct a.record_id) from identity.record_attribute a
                    where a.attribute in ('email', 'phone', 'external_id', 'national_id') and a.value is not null
                      and a.attribute = t.attribute and a.value = t.value)"""
        )
        connection.execute(
            """update touched_link t set records = (
                   select count(distinct l.record_id) from identity.record_link l
                    where l.target = t.target and l.value = t.value and not l.is_anchor)"""
        )
    connection.execute("analyze touched_identifier, touched_link")


def exact_edges(connection: Connection[Any], *, settings: Settings, secret: bytes) -> Iterator[Edge | RefusedValue]:
    """Edges and refusals of the values in `touched_identifier`."""
    for attribute, rule in settings.identifiers.items():
        most = max(rule.records, rule.verified_records)
        yield from _crowded(connection, attribute, most, secret)
        rows = stream(
            connection,
            """select t.value, h.record_id, h.is_verified, h.flags, r.standard,
                      exists (select from identity.record_attribute n
                               where n.record_id = h.record_id and n.attribute in ('first_name', 'last_name', 'full_name')
                                 and n.raw_value ~ '[\u3400-\u9fff]') as is_in_characters
                 from touched_identifier t
                 join lateral (
                     select a.record_id, bool_or(coalesce(a.is_verified, false)) as is_verified, min(a.flags) as flags
                       from identity.record_attribute a
                      where a.attribute in ('email', 'phone', 'external_id', 'national_id') and a.value is not null
                        and a.attribute = t.attribute and a.value = t.value
                      group by a.record_id) h on true
                 join identity.record r on r.record_id = h.record_id
                where t.attribute = %s and t.records between 2 and %s
                order by t.value, h.record_id""",
            [attribute, most],
        )
        for value, group in groupby(rows, key=lambda row: row[0]):
            identifier = keyed_hash(secret, attribute, value)
            holders = [
                Holder(
                    record_id=record_id,
                    person=Person.of(standard, is_in_characters=is_in_characters),
                    is_verified=is_verified,
                    flags=frozenset(flags),
                )
                for _, record_id, is_verified, flags, standard, is_in_characters in group
            ]
            found = join(holders, rule=rule, refused_flags=settings.refused_flags)
            if isinstance(found, Refusal):
                yield RefusedValue(attribute=attribute, value_hash=identifier, refusal=found)
                continue
            for pair in found:
                yield Edge(
                    record_id_l=pair.record_id_l,
                    record_id_r=pair.record_id_r,
                    kind="exact",
                    rule=attribute,
                    identifier=identifier,
                    probability=pair.probability,
                    evidence=json.dumps({"agreement": pair.agreement, "verified": pair.is_verified, "records": len(holders)}),
                )


def declared_edges(connection: Connection[Any], *, settings: Settings, secret: bytes) -> Iterator[Edge | RefusedValue]:
    """Edges and refusals of the link values in `touched_link`: each record that keeps the value, with the record it belongs to."""
    limit = settings.links.records
    for target, value, records in connection.execute(
        "select target, value, records from touched_link where records > %s", [limit]
    ).fetchall():
        yield RefusedValue(
            attribute=target,
            value_hash=keyed_hash(secret, LINK, target, value),
            refusal=Refusal(records=records, limit=limit, reason="too_many_records"),
        )
    rows = stream(
        connection,
        """select t.target, t.value, pointer.field, pointer.record_id, anchor.record_id
             from touched_link t
             join identity.record_link pointer on pointer.target = t.target and pointer.value = t.value and not pointer.is_anchor
             join identity.record_link anchor on anchor.target = t.target and anchor.value = t.value and anchor.is_anchor
            where t.records between 1 and %s and pointer.record_id <> anchor.record_id""",
        [limit],
    )
    for target, value, field, pointer, anchor in rows:
        yield Edge(
            record_id_l=min(pointer, anchor),
            record_id_r=max(pointer, anchor),
            kind="declared",
            rule=field,
            identifier=keyed_hash(secret, LINK, target, value),
            probability=settings.links.probability,
            evidence="{}",
        )


def decided_edges(connection: Connection[Any], *, record_ids: Sequence[str] | None) -> Iterator[Edge]:
    """Edges of the standing must-link decisions between living records; of these records, or all."""
    standing: LiteralString = "select * from identity.decision where withdrawn_at is null"
    if record_ids is not None:  # one index for each side
        standing = f"{standing} and record_id_l = any(%(ids)s) union {standing} and record_id_r = any(%(ids)s)"
    rows = connection.execute(
        f"""select d.record_id_l, d.record_id_r, d.decision_id
             from ({standing}) d
             join identity.record l on l.record_id = d.record_id_l and not l.is_deleted
             join identity.record r on r.record_id = d.record_id_r and not r.is_deleted
            where d.verdict = 'must_link'""",
        {"ids": record_ids},
    )
    for left, right, decision_id in rows:
        yield Edge(
            record_id_l=left,
            record_id_r=right,
            kind="decided",
            rule="must_link",
            identifier=b"",
            probability=1.0,
            evidence=json.dumps({"decision_id": str(decision_id)}),
        )


def stream(connection: Connection[Any], query: LiteralString, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, fetched a few thousand at a time. Other statements may run between two rows, COPY included once it has ended."""
    with connection.cursor(name="identity_stream") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(query, parameters)
        yield from cursor


def _crowded(connection: Connection[Any], attribute: str, most: int, secret: bytes) -> Iterator[RefusedValue]:
    rows = connection.execute("select value, records from touched_identifier where attribute = %s and records > %s", [attribute, most])
    for value, records in rows.fetchall():
        yield RefusedValue(
            attribute=attribute,
            value_hash=keyed_hash(secret, attribute, value),
            refusal=Refusal(records=records, limit=most, reason="too_many_records"),
        )


def _copy(connection: Connection[Any], table: str, rows: Iterable[tuple[str, str]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
        for row in rows:
            copy.write_row(row)
