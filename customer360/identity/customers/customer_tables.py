"""Writes identity.customer, membership, alias, event and change: what a run found against what stands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from customer360.identity.clusters.components import Scope, ScopeEdge, confidence
from customer360.identity.customers.continuity import Holding, Retired
from customer360.identity.customers.transitions import Transition, changed_clusters, transition
from customer360.identity.evidence.certain import stream
from customer360.identity.evidence.edges import EdgeDifference

_IDS_AT_ONCE = 1_000


@dataclass(slots=True)
class CustomerPlan:
    """What is to be written, and what the gate judges."""

    transition: Transition
    confidences: dict[UUID, float] = field(default_factory=dict)  # of customers whose confidence is new or another
    touched: set[UUID] = field(default_factory=set)  # customers with a record whose attributes changed
    largest: int = 0

    @property
    def born(self) -> list[UUID]:
        """Customers that did not exist before."""
        return self.transition.of_origin("born")

    @property
    def revived(self) -> list[UUID]:
        """Customers that were retired before."""
        return self.transition.of_origin("revived")

    @property
    def changed(self) -> set[UUID]:
        """Living customers that changed in members, attributes or confidence, the new ones left out."""
        new = set(self.born) | set(self.revived)
        members = {one.customer_id for one in self.transition.assignments}
        return (members | self.touched | set(self.confidences) | self.transition.losers) - new - self.transition.retired

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written but the change log."""
        return not (self.transition.assignments or self.transition.left or self.confidences)


@dataclass(slots=True)
class CustomerChanges:
    """What a run did to the customers, over all its parts."""

    examined: int = 0  # records
    largest: int = 0  # records of a cluster
    disturbed: int = 0  # customers retired, or living on with records taken from them
    kinds: dict[UUID, str] = field(default_factory=dict)  # for the change log: born, changed, retired
    events: Counter[str] = field(default_factory=Counter)
    gained: int = 0  # customers born or revived, less those retired

    def add(self, planned: CustomerPlan, *, examined: int) -> None:
        """Count what one part did."""
        found = planned.transition
        self.examined += examined
        self.largest = max(self.largest, planned.largest)
        self.disturbed += len(found.retired | found.losers)
        self.gained += len(planned.born) + len(planned.revived) - len(found.retired)
        self.events.update(event.kind for event in found.events)
        self.kinds |= dict.fromkeys(planned.changed, "changed")
        self.kinds |= dict.fromkeys(planned.born, "born") | dict.fromkeys(planned.revived, "born")
        self.kinds |= dict.fromkeys(found.retired, "retired")

    @property
    def changed(self) -> int:
        """Living customers that changed, the new ones left out."""
        return sum(kind == "changed" for kind in self.kinds.values())


def plan(
    connection: Connection[Any],
    *,
    scope: Scope,
    clusters: Sequence[frozenset[str]],
    changed_records: Collection[str],
    differences: Sequence[EdgeDifference],
) -> CustomerPlan:
    """Compare the clusters of the temporary table `scope` with the customers there are. Writes nothing."""
    held = {
        record_id: Holding(customer_id=customer_id, since=since)
        for record_id, customer_id, since in stream(
            connection,
            """select m.record_id, m.customer_id, m.valid_from
                 from scope s join identity.membership m on m.record_id = s.record_id and m.valid_to is null""",
            [],
        )
    }
    living = set(scope.records)
    deleted = sorted(record for record in held if record not in living)
    changed = changed_clusters(clusters, held)
    in_play = {record for records in changed for record in records}
    held_in_play = {record: holding for record, holding in held.items() if record in in_play or record not in living}
    found = transition(
        changed,
        held=held_in_play,
        deleted=deleted,
        born_at=_born_at(connection, {holding.customer_id for holding in held_in_play.values()}),
        retired=_revivable(connection, in_play),
        new_id=_new_ids(connection).__next__,
        edges=(edge for edge in scope.edges if edge.record_id_l in in_play) if held_in_play else (),
        differences=differences,
    )
    customer_of = {record: holding.customer_id for record, holding in held.items() if record in living} | found.joined
    return CustomerPlan(
        transition=found,
        confidences=_confidences(connection, scope, clusters, customer_of),
        touched={customer for record, customer in customer_of.items() if record in changed_records},
        largest=max((len(records) for records in clusters), default=0),
    )


def write(connection: Connection[Any], planned: CustomerPlan, *, run_id: int) -> None:
    """Write the plan, all of it dated with the transaction's time. `log` follows when all is written."""
    found = planned.transition
    at = _now(connection)
    with connection.cursor() as cursor:
        with cursor.copy("copy identity.customer (customer_id, born_at, born_run_id, confidence) from stdin") as copy:
            for customer_id in planned.born:
                copy.write_row((customer_id, at, run_id, planned.confidences.get(customer_id)))
        connection.execute("update identity.customer set retired_at = null where customer_id = any(%s)", [planned.revived])
        connection.execute("update identity.customer set retired_at = now() where customer_id = any(%s)", [sorted(found.retired)])
        fresh = set(planned.born)
        connection.execute("create temporary table new_confidence (customer_id uuid, confidence float8) on commit drop")
        with cursor.copy("copy new_confidence from stdin") as copy:
            for customer_id, value in sorted(planned.confidences.items()):
                if customer_id not in fresh:
                    copy.write_row((customer_id, value))
        connection.execute("analyze new_confidence")
        connection.execute(
            "update identity.customer c set confidence = n.confidence from new_confidence n where n.customer_id = c.customer_id"
        )
        connection.execute(
            "update identity.membership set valid_to = now() where valid_to is null and record_id = any(%s)", [sorted(found.left)]
        )
        with cursor.copy("copy identity.membership (record_id, customer_id, valid_from, run_id) from stdin") as copy:
            for record_id, customer_id in sorted(found.joined.items()):
                copy.write_row((record_id, customer_id, at, run_id))
        with cursor.copy("copy identity.event (run_id, kind, customer_id, other_id, record_ids, reason) from stdin") as copy:
            copy.set_types(["int8", "text", "uuid", "uuid", "text[]", "text"])
            for event in found.events:
                copy.write_row(
                    (run_id, event.kind, event.customer_id, event.other_id, list(event.record_ids), json.dumps(dict(event.reason)))
                )
        connection.execute("drop table new_confidence")
    _refresh_aliases(connection, sorted(set(found.left) | set(found.joined)), run_id)


def log(connection: Connection[Any], changes: CustomerChanges, *, run_id: int) -> None:
    """Tell the change log. Last: readers keep the greatest sequence number they have seen, so numbers must follow commit order."""
    connection.execute("lock table identity.change in share row exclusive mode")
    with connection.cursor() as cursor, cursor.copy("copy identity.change (customer_id, run_id, kind) from stdin") as copy:
        for customer_id, kind in sorted(changes.kinds.items()):
            copy.write_row((customer_id, run_id, kind))


def _confidences(
    connection: Connection[Any], scope: Scope, clusters: Sequence[frozenset[str]], customer_of: Mapping[str, UUID]
) -> dict[UUID, float]:
    """New confidence of each customer of the scope where it differs from what is written."""
    written = dict(
        stream(
            connection,
            """select distinct c.customer_id, c.confidence
                 from scope s join identity.membership m on m.record_id = s.record_id and m.valid_to is null
                 join identity.customer c using (customer_id)""",
            [],
        )
    )
    label = {record: index for index, records in enumerate(clusters) for record in records}
    edges: dict[int, list[ScopeEdge]] = {}
    for edge in scope.edges:
        index = label.get(edge.record_id_l)
        if index is not None and label.get(edge.record_id_r) == index:
            edges.setdefault(index, []).append(edge)
    found = {}
    for index, records in enumerate(clusters):
        customer_id = customer_of[next(iter(records))]
        value = confidence(records, edges.get(index, ())) if len(records) > 1 else 1.0
        if written.get(customer_id) != value:
            found[customer_id] = value
    return found


def _born_at(connection: Connection[Any], customer_ids: set[UUID]) -> dict[UUID, datetime]:
    rows = connection.execute("select customer_id, born_at from identity.customer where customer_id = any(%s)", [list(customer_ids)])
    return dict(rows.fetchall())


def _revivable(connection: Connection[Any], records: Collection[str]) -> list[Retired]:
    """Retired ids that held one of these records at their end."""
    rows = connection.execute(
        """select c.customer_id, c.born_at, array_agg(last.record_id)
             from identity.customer c
             join identity.membership last on last.customer_id = c.customer_id and last.valid_to = c.retired_at
            where c.retired_at is not null
              and c.customer_id in (select m.customer_id from identity.membership m
                                     where m.record_id = any(%s) and m.valid_to is not null)
            group by c.customer_id, c.born_at order by c.customer_id""",
        [sorted(records)],
    )
    return [Retired(customer_id=customer_id, born_at=born_at, last_members=frozenset(members)) for customer_id, born_at, members in rows]


def _refresh_aliases(connection: Connection[Any], records: Sequence[str], run_id: int) -> None:
    """A retired id means the living customer that holds most of its last members (oldest, then smallest, of equals).
    Only ids that a moved record once belonged to can mean another customer now."""
    connection.execute(
        """create temporary table alias_candidate on commit drop as
           select distinct c.customer_id, c.retired_at
             from identity.membership m join identity.customer c using (customer_id)
            where m.record_id = any(%s) and m.valid_to is not null""",
        [list(records)],
    )
    connection.execute("analyze alias_candidate")
    connection.execute(
        """create temporary table alias_target on commit drop as
           with counted as materialized (
               select c.customer_id as alias_id, current.customer_id, count(*) as records
                 from alias_candidate c
                 join identity.membership last on last.customer_id = c.customer_id and last.valid_to = c.retired_at
                 join identity.membership current on current.record_id = last.record_id and current.valid_to is null
                where c.retired_at is not null
                group by c.customer_id, current.customer_id
           )
           select distinct on (alias_id) alias_id, counted.customer_id
             from counted join identity.customer using (customer_id)
            order by alias_id, records desc, born_at, counted.customer_id"""
    )
    connection.execute("analyze alias_target")
    connection.execute(
        """delete from identity.alias a using alias_candidate c
            where a.alias_id = c.customer_id and not exists (select from alias_target t where t.alias_id = a.alias_id)"""
    )
    connection.execute(
        """insert into identity.alias as a (alias_id, customer_id, since, run_id)
           select alias_id, customer_id, now(), %s from alias_target
           on conflict (alias_id) do update set customer_id = excluded.customer_id, since = excluded.since, run_id = excluded.run_id
            where a.customer_id <> excluded.customer_id""",
        [run_id],
    )
    connection.execute("drop table alias_candidate, alias_target")


def _new_ids(connection: Connection[Any]) -> Iterator[UUID]:
    """UUIDv7, made by the database: in order of time, one function for all ids."""
    while True:
        rows = connection.execute("select uuidv7() from generate_series(1, %s)", [_IDS_AT_ONCE]).fetchall()
        for (fresh,) in rows:
            yield fresh


def _now(connection: Connection[Any]) -> datetime:
    row = connection.execute("select now()").fetchone()
    if row is None:
        raise RuntimeError("the database has no clock")
    at: datetime = row[0]
    return at
