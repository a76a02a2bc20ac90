"""What an explanation reads of the schema `identity`: always by index, so its cost follows the records asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from customer360.identity.explain.explanation import Event, Evidence, OpenQuestion, Record, Value, ValueRow

Standard = Mapping[str, Sequence[str]]  # see identity.record.standard; personal
Refusal = tuple[str, int, int, str]  # attribute (of a link: its target), records, limit, reason


def by_index(connection: Connection[Any]) -> None:
    """For the rest of the transaction, a plan that reads a table whole is taken only where no index serves."""
    connection.execute("set local enable_seqscan = off")


def records(connection: Connection[Any], record_ids: Collection[str]) -> dict[str, Record]:
    """The records that there are, by id, each with its customer."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """select r.record_id, r.system || '.' || r.object as source, r.kind, r.is_deleted, r.first_seen_at, r.changed_at,
                      m.customer_id, m.valid_from as since
                 from identity.record r left join identity.membership m on m.record_id = r.record_id and m.valid_to is null
                where r.record_id = any(%s) order by r.record_id""",
            [sorted(record_ids)],
        ).fetchall()
    return {row["record_id"]: Record(**row) for row in rows}


def standards(connection: Connection[Any], record_ids: Collection[str]) -> dict[str, Standard]:
    """Standard values of living records. Personal: for scoring and comparing, never shown."""
    rows = connection.execute(
        "select record_id, standard from identity.record where record_id = any(%s) and not is_deleted order by 1", [sorted(record_ids)]
    )
    return dict(rows.fetchall())


def members(connection: Connection[Any], customer_ids: Collection[UUID]) -> list[str]:
    """Records of these customers now, sorted."""
    rows = connection.execute(
        "select record_id from identity.membership where customer_id = any(%s) and valid_to is null order by 1", [list(customer_ids)]
    )
    return [record_id for (record_id,) in rows]


def evidence_at(connection: Connection[Any], record_ids: Collection[str], *, threshold: float) -> list[Evidence]:
    """Every edge with an end among these records, strongest first. `threshold`: from which a probabilistic one holds."""
    rows = connection.execute(
        """select record_id_l, record_id_r, kind, rule, probability, identifier, evidence, model_version
             from identity.edge where record_id_l = any(%(ids)s)
           union all
           select record_id_l, record_id_r, kind, rule, probability, identifier, evidence, model_version
             from identity.edge where record_id_r = any(%(ids)s) and record_id_l <> all(%(ids)s)""",
        {"ids": sorted(record_ids)},
    )
    found = [
        Evidence(
            record_id_l=left,
            record_id_r=right,
            kind=kind,
            rule=rule,
            probability=probability,
            holds=kind != "probabilistic" or probability >= threshold,
            identifier=identifier.hex(),
            details=details,
            model_version=model_version,
        )
        for left, right, kind, rule, probability, identifier, details, model_version in rows
    ]
    return sorted(found, key=lambda one: (-one.probability, one.record_id_l, one.record_id_r, one.kind, one.rule, one.identifier))


def identifiers(connection: Connection[Any], record_ids: Collection[str], attributes: Collection[str]) -> dict[str, set[tuple[str, str]]]:
    """Record → (attribute, standard value) of its identifiers. Personal."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    rows = connection.execute(
        """select record_id, attribute, value from identity.record_attribute
            where record_id = any(%s) and attribute = any(%s) and value is not null""",
        [sorted(record_ids), sorted(attributes)],
    )
    for record_id, attribute, value in rows:
        found[record_id].add((attribute, value))
    return found


def links(connection: Connection[Any], record_ids: Collection[str]) -> dict[str, set[tuple[str, str, bool]]]:
    """Record → (target, value, whether the record is the one that the value names), of declared links. Personal."""
    found: dict[str, set[tuple[str, str, bool]]] = defaultdict(set)
    rows = connection.execute(
        "select record_id, target, value, is_anchor from identity.record_link where record_id = any(%s)", [sorted(record_ids)]
    )
    for record_id, target, value, is_anchor in rows:
        found[record_id].add((target, value, is_anchor))
    return found


def refusals(connection: Connection[Any], hashes: Collection[bytes]) -> dict[bytes, Refusal]:
    """Refused values among these keyed hashes."""
    rows = connection.execute(
        "select value_hash, attribute, records, record_limit, reason from identity.identifier_refusal where value_hash = any(%s)",
        [sorted(hashes)],
    )
    return {bytes(value): (attribute, count, limit, reason) for value, attribute, count, limit, reason in rows}


def questions(connection: Connection[Any], record_ids: Collection[str]) -> list[OpenQuestion]:
    """What the review queue holds about pairs with one of these records, whatever was decided about them since."""
    rows = connection.execute(
        """with asked as (
               select * from identity.review_item where record_id_l = any(%(ids)s)
               union select * from identity.review_item where record_id_r = any(%(ids)s)
           )
           select a.kind, a.record_id_l, a.record_id_r, a.probability, a.since, p.until
             from asked a left join identity.postponement p using (record_id_l, record_id_r)
            order by a.record_id_l, a.record_id_r, a.kind""",
        {"ids": sorted(record_ids)},
    )
    return [
        OpenQuestion(kind=kind, record_id_l=left, record_id_r=right, probability=probability, since=since, postponed_until=until)
        for kind, left, right, probability, since, until in rows
    ]


def events(connection: Connection[Any], customer_id: UUID) -> list[Event]:
    """What happened to the customer, oldest first; with the splits that it came from, which are told of the customer it left."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """with left_for_it as (
                   select distinct before.customer_id
                     from identity.membership came
                     join identity.membership before on before.record_id = came.record_id and before.valid_to = came.valid_from
                    where came.customer_id = %(id)s and before.customer_id <> %(id)s
               )
               select at, kind, customer_id, other_id, record_ids, reason, run_id, event_id from identity.event where customer_id = %(id)s
               union
               select e.at, e.kind, e.customer_id, e.other_id, e.record_ids, e.reason, e.run_id, e.event_id
                 from left_for_it b join identity.event e on e.customer_id = b.customer_id and e.other_id = %(id)s
                order by event_id""",
            {"id": customer_id},
        ).fetchall()
    return [Event(**{name: value for name, value in row.items() if name != "event_id"}) for row in rows]


def values(connection: Connection[Any], record_ids: Collection[str]) -> list[ValueRow]:
    """What the records say, attribute by attribute. Personal: for those who may see it alone."""
    found: dict[str, dict[str, list[Value]]] = {}
    rows = connection.execute(
        """select attribute, record_id, raw_value, value, is_verified from identity.record_attribute
            where record_id = any(%s) order by attribute, record_id, ordinal""",
        [sorted(record_ids)],
    )
    for attribute, record_id, raw, standard, is_verified in rows:
        one = Value(raw=raw, standard=standard, is_verified=is_verified)
        found.setdefault(attribute, {}).setdefault(record_id, []).append(one)
    return [ValueRow(attribute=attribute, values=cast(Mapping[str, Sequence[Value]], by_record)) for attribute, by_record in found.items()]
