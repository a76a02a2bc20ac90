"""The questions to stewards as SQL: what runs found, with what stewards did laid over it, and valued.

The rule of the value is told in `customer360.identity.stewardship.desk`.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection, sql

_ORDER_VALUE = "intermediate.int_customer_activity_summed"  # dbt's; a warehouse without it orders by records alone

CHOSEN: LiteralString = """(%(kinds)s::text[] is null or kind = any(%(kinds)s))
    and (%(systems)s::text[] is null
         or split_part(record_id_l, '.', 1) = any(%(systems)s) or split_part(record_id_r, '.', 1) = any(%(systems)s))"""

# A decision or postponement speaks for the customers that its records belong to, whichever records ask.
_QUESTIONS: LiteralString = """standing as (
    select d.record_id_l, d.record_id_r, o.reopened_at, l.customer_id as customer_l, r.customer_id as customer_r
      from identity.decision d
      left join identity.decision_reopening o using (decision_id)
      left join identity.membership l on l.record_id = d.record_id_l and l.valid_to is null
      left join identity.membership r on r.record_id = d.record_id_r and r.valid_to is null
     where d.withdrawn_at is null
),
put_off as (
    select p.record_id_l, p.record_id_r, p.until, least(l.customer_id, r.customer_id) as first_customer,
           greatest(l.customer_id, r.customer_id) as second_customer
      from identity.postponement p
      left join identity.membership l on l.record_id = p.record_id_l and l.valid_to is null
      left join identity.membership r on r.record_id = p.record_id_r and r.valid_to is null
),
put_off_customers as (
    select first_customer, second_customer, max(until) as until from put_off
     where first_customer <> second_customer group by first_customer, second_customer
),
asked as (
    select record_id_l, record_id_r, kind, customer_id_l, customer_id_r, probability, pairs, records_at_stake, records_concerned, since
      from identity.review_item i
     where not exists (select from standing s where (s.record_id_l, s.record_id_r) = (i.record_id_l, i.record_id_r))
       and not exists (select from standing s
                        where s.reopened_at is null and s.customer_l <> s.customer_r
                          and least(s.customer_l, s.customer_r) = least(i.customer_id_l, i.customer_id_r)
                          and greatest(s.customer_l, s.customer_r) = greatest(i.customer_id_l, i.customer_id_r))
    union all
    select s.record_id_l, s.record_id_r, 'reopened', s.customer_l, s.customer_r, coalesce(e.probability, 0), 1,
           case when s.customer_l = s.customer_r then 1 else least(l.records, r.records) end,
           case when s.customer_l = s.customer_r then l.records else l.records + r.records end,
           s.reopened_at
      from standing s
      cross join lateral (select count(*) as records from identity.membership m where m.customer_id = s.customer_l and m.valid_to is null) l
      cross join lateral (select count(*) as records from identity.membership m where m.customer_id = s.customer_r and m.valid_to is null) r
      left join lateral (select max(probability) as probability from identity.edge e
                          where (e.record_id_l, e.record_id_r) = (s.record_id_l, s.record_id_r) and e.kind <> 'decided') e on true
     where s.reopened_at is not null and s.customer_l is not null and s.customer_r is not null
),
valued as (
    select a.*, greatest(p.until, c.until) as postponed_until,
           case a.kind when 'grey_zone' then a.probability when 'weak_link' then 1 - a.probability else 0.5 end as chance_wrong,
           case when a.customer_id_l <> a.customer_id_r then least(coalesce(l.orders, 0), coalesce(r.orders, 0))
                else coalesce(l.orders, 0) * a.records_at_stake / a.records_concerned end as order_value_at_stake
      from asked a
      left join order_value l on l.customer_id = a.customer_id_l
      left join order_value r on r.customer_id = a.customer_id_r
      left join put_off p on (p.record_id_l, p.record_id_r) = (a.record_id_l, a.record_id_r)
      left join put_off_customers c
             on c.first_customer = least(a.customer_id_l, a.customer_id_r)
            and c.second_customer = greatest(a.customer_id_l, a.customer_id_r)
),
question as (
    select v.*, chance_wrong * (records_at_stake + order_value_at_stake / coalesce(nullif(t.mean, 0), 1)) as value
      from valued v cross join (select avg(orders) filter (where orders > 0) as mean from order_value) t
)"""
_WITH_ORDERS: LiteralString = """order_value as (
    select customer_id, revenue_reference::float8 as orders from intermediate.int_customer_activity_summed)"""
_WITHOUT_ORDERS: LiteralString = "order_value as (select null::uuid as customer_id, 0::float8 as orders where false)"


def open_questions(connection: Connection[Any]) -> sql.Composed:
    """The `with` clause that ends in `question`: one row per question, valued, with the time it is put off to."""
    row = connection.execute(
        """select to_regclass(%(name)s) is not null
              and has_table_privilege(to_regclass(%(name)s), 'select')
              and has_schema_privilege('intermediate', 'usage')""",
        {"name": _ORDER_VALUE},
    ).fetchone()
    orders = _WITH_ORDERS if row is not None and row[0] else _WITHOUT_ORDERS
    return sql.SQL("with {}, {}").format(sql.SQL(orders), sql.SQL(_QUESTIONS))
