"""Writes identity.review_item: what the evidence leaves open, for the records that a run examined.

Kept by runs rather than derived when asked. Weak links and contradictions need a look at whole customers, so deriving them costs as
much as the population is large; a run has the touched customers at hand, and every change of an edge, a member or a
confidence lies within them. What stewards did is not in the table, so deciding needs no run to leave the queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any, Literal, LiteralString
from uuid import UUID

from psycopg import Connection, sql

from customer360.identity.clusters.components import LARGEST_COMPARED, Identifying, contradicts, identifying_values
from customer360.identity.clusters.weak_links import Link, weak_links
from customer360.identity.evidence.certain import stream

Kind = Literal["grey_zone", "cut", "weak_link", "contradiction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanges:
    """How many questions came or changed, and how many went."""

    written: int
    removed: int


def refresh(connection: Connection[Any], *, records: Collection[str] | None, threshold: float, weak_below: float) -> QueueChanges:
    """Make the questions that touch these records (None: all) what edges and customers now say; only differences are written.

    `records` holds whole customers, and every record that left one. `threshold`: the model's match threshold; `weak_below`: an
    edge of lower probability does not hold a customer together unasked. Part of a run, after its customers are written.
    """
    _scope(connection, records)
    connection.execute("create temporary table wanted_review (like identity.review_item including defaults) on commit drop")
    _apart(connection, everything=records is None, threshold=threshold)
    _write(connection, _weak(connection, threshold=threshold, below=weak_below))
    _write(connection, _contradicting(connection))
    connection.execute("analyze wanted_review")
    removed = 0
    for side in ("record_id_l", "record_id_r") if records is not None else ("record_id_l",):
        removed += connection.execute(
            sql.SQL(
                """delete from identity.review_item i using review_scope s
                    where i.{side} = s.record_id
                      and not exists (select from wanted_review w
                                       where (w.record_id_l, w.record_id_r, w.kind) = (i.record_id_l, i.record_id_r, i.kind))"""
            ).format(side=sql.Identifier(side))
        ).rowcount
    written = connection.execute(
        """insert into identity.review_item as i
               (record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability, pairs, records_at_stake, records_concerned)
           select record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability, pairs, records_at_stake, records_concerned
             from wanted_review
           on conflict (record_id_l, record_id_r, kind) do update
              set customer_id_l = excluded.customer_id_l, customer_id_r = excluded.customer_id_r, probability = excluded.probability,
                  pairs = excluded.pairs, records_at_stake = excluded.records_at_stake, records_concerned = excluded.records_concerned
            where (i.customer_id_l, i.customer_id_r, i.probability, i.pairs, i.records_at_stake, i.records_concerned)
               is distinct from (excluded.customer_id_l, excluded.customer_id_r, excluded.probability, excluded.pairs,
                                 excluded.records_at_stake, excluded.records_concerned)"""
    ).rowcount
    connection.execute("drop table review_scope, wanted_review")
    return QueueChanges(written=written, removed=removed)


def _scope(connection: Connection[Any], records: Collection[str] | None) -> None:
    connection.execute("create temporary table review_scope (record_id text primary key) on commit drop")
    if records is None:
        connection.execute("insert into review_scope select record_id from identity.record")
    else:
        with connection.cursor() as cursor, cursor.copy("copy review_scope from stdin") as copy:
            for record_id in sorted(records):
                copy.write_row((record_id,))
    connection.execute("analyze review_scope")


_ALL_EDGES: LiteralString = "select record_id_l, record_id_r, kind, probability from identity.edge"
_EDGES_IN_SCOPE: LiteralString = """
    select e.record_id_l, e.record_id_r, e.kind, e.probability from review_scope s join identity.edge e on e.record_id_l = s.record_id
    union all
    select e.record_id_l, e.record_id_r, e.kind, e.probability
      from review_scope s join identity.edge e on e.record_id_r = s.record_id
     where not exists (select from review_scope other where other.record_id = e.record_id_l)"""


def _apart(connection: Connection[Any], *, everything: bool, threshold: float) -> None:
    """Two customers with evidence between them: one question, asked about the pair of records with the strongest."""
    connection.execute(
        sql.SQL(
            """with strongest as (
                   select record_id_l, record_id_r, max(probability) as probability,
                          bool_or(kind <> 'probabilistic' or probability >= %(threshold)s) as holds
                     from ({edges}) e where kind <> 'decided'
                    group by record_id_l, record_id_r
               ),
               asked as (
                   select distinct on (least(l.customer_id, r.customer_id), greatest(l.customer_id, r.customer_id))
                          e.record_id_l, e.record_id_r, l.customer_id as customer_id_l, r.customer_id as customer_id_r,
                          e.probability, e.holds,
                          count(*) over (partition by least(l.customer_id, r.customer_id), greatest(l.customer_id, r.customer_id)) as pairs
                     from strongest e
                     join identity.membership l on l.record_id = e.record_id_l and l.valid_to is null
                     join identity.membership r on r.record_id = e.record_id_r and r.valid_to is null
                    where l.customer_id <> r.customer_id
                    order by least(l.customer_id, r.customer_id), greatest(l.customer_id, r.customer_id),
                             e.probability desc, e.record_id_l, e.record_id_r
               ),
               sizes as (
                   select customer_id, count(*) as records from identity.membership
                    where valid_to is null and customer_id in (select customer_id_l from asked union select customer_id_r from asked)
                    group by customer_id
               )
               insert into wanted_review (record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability,
                                          pairs, records_at_stake, records_concerned)
               select record_id_l, record_id_r, case when holds then 'cut' else 'grey_zone' end, customer_id_l, customer_id_r, probability,
                      pairs, least(l.records, r.records), l.records + r.records
                 from asked
                 join sizes l on l.customer_id = customer_id_l
                 join sizes r on r.customer_id = customer_id_r"""
        ).format(edges=sql.SQL(_ALL_EDGES if everything else _EDGES_IN_SCOPE)),
        {"threshold": threshold},
    )


_Row = tuple[str, str, Kind, UUID, UUID, float, int, int, int]


def _weak(connection: Connection[Any], *, threshold: float, below: float) -> Iterator[_Row]:
    """Customers whose confidence, the weakest link of their strongest tree, says that there is a weak link."""
    rows = stream(
        connection,
        """with unsure as (
               select distinct c.customer_id from review_scope s
                 join identity.membership m on m.record_id = s.record_id and m.valid_to is null
                 join identity.customer c on c.customer_id = m.customer_id and c.confidence < %s
           )
           select u.customer_id, l.record_id, e.record_id_r, e.probability
             from unsure u
             join identity.membership l on l.customer_id = u.customer_id and l.valid_to is null
             left join lateral (
                 select edge.record_id_r, edge.probability from identity.edge
                   join identity.membership r on r.record_id = edge.record_id_r and r.valid_to is null
                  where edge.record_id_l = l.record_id and r.customer_id = u.customer_id
                    and (edge.kind <> 'probabilistic' or edge.probability >= %s)) e on true
            order by u.customer_id""",
        [below, threshold],
    )
    for customer_id, group in groupby(rows, key=lambda row: row[0]):
        found = list(group)
        records = {left for _, left, _, _ in found}
        links = [Link(record_id_l=left, record_id_r=right, probability=p) for _, left, right, p in found if right is not None]
        for weak in weak_links(records, links, below=below):
            pair = (weak.link.record_id_l, weak.link.record_id_r)
            yield (*pair, "weak_link", customer_id, customer_id, weak.link.probability, 1, weak.smaller_side, len(records))


def _contradicting(connection: Connection[Any]) -> Iterator[_Row]:
    """Customers whose records contradict each other and are one all the same, because a source or a steward says so."""
    rows = stream(
        connection,
        """with said as (
               select distinct m.customer_id from review_scope s
                 join identity.edge e on e.record_id_l = s.record_id and e.kind in ('declared', 'decided')
                 join identity.membership m on m.record_id = s.record_id and m.valid_to is null
           ),
           told as (
               select s.customer_id, r.record_id, r.standard -> 'birth_date' as birth_dates, r.standard -> 'national_id' as national_ids,
                      count(*) over customer as records,
                      min(r.standard ->> 'birth_date') over customer <> max(r.standard ->> 'birth_date') over customer as other_births,
                      min(r.standard ->> 'national_id') over customer <> max(r.standard ->> 'national_id') over customer as other_ids
                 from said s
                 join identity.membership m on m.customer_id = s.customer_id and m.valid_to is null
                 join identity.record r on r.record_id = m.record_id
               window customer as (partition by s.customer_id)
           )
           select customer_id, record_id, birth_dates, national_ids, records from told
            where (other_births or other_ids) and records <= %s order by customer_id, record_id""",
        [LARGEST_COMPARED],
    )
    for customer_id, group in groupby(rows, key=lambda row: row[0]):
        identifying: dict[str, Identifying] = {}
        records = 0
        for _, record_id, births, nationals, records in group:  # noqa: B007 - the same in every row of the customer
            identifying[record_id] = identifying_values(births, nationals)
        against: dict[str, list[str]] = defaultdict(list)
        for left, right in combinations(sorted(identifying), 2):
            if contradicts(identifying[left], identifying[right]):
                against[left].append(right)
        if against:
            left = min(against)
            pairs = sum(map(len, against.values()))
            yield (left, against[left][0], "contradiction", customer_id, customer_id, 0.5, pairs, 1, records)


def _write(connection: Connection[Any], rows: Iterator[_Row]) -> None:
    found: Sequence[_Row] = list(rows)  # the stream ends before another COPY begins
    with (
        connection.cursor() as cursor,
        cursor.copy(
            """copy wanted_review
                   (record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability, pairs, records_at_stake, records_concerned)
               from stdin"""
        ) as copy,
    ):
        for row in found:
            copy.write_row(row)
