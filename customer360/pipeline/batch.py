"""The batch a dbt run works on: what the change logs hold beyond dbt's offsets, frozen before dbt starts.

At most one batch is open. A run that fails leaves it open; the next one freezes again, which lets the same batch reach further:
what the failed run had already written, and what still follows from it, stays on record in `ops.dbt_batch_touched`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

CONSUMER = "dbt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """An open batch. `objects` are the source objects with loads in it (`shop.orders`); `frozen_at` is UTC."""

    batch_id: int
    is_resumed: bool  # left open by a run that failed
    needs_full: bool  # that run was making tables from nothing: live work is not enough
    frozen_at: datetime
    objects: tuple[str, ...]
    loads: int
    customers: int
    touched: int  # ids that an earlier, unfinished run has changed rows of

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do that a run before has not done."""
        return not (self.is_resumed or self.needs_full or self.loads or self.customers or self.touched)


def freeze(connection: Connection[Any], *, needs_full: bool = False) -> Batch:
    """Opens a batch over everything published since the last finished one, or lets the open one reach that far.

    One transaction; run as transformer, while holding the build lease. With `needs_full`, a live run after a failure of this one
    computes everything.
    """
    with connection.transaction():
        connection.execute("lock table ops.dbt_batch in share row exclusive mode")
        resumed = connection.execute("select batch_id from ops.dbt_batch where state = 'open'").fetchone()
        row = connection.execute(
            """
            merge into ops.dbt_batch as batch
            using (
                select coalesce((select max(seq) from ops.change), 0) as change_seq,
                       coalesce((select max(seq) from identity.change), 0) as identity_seq
            ) as logs
            on batch.state = 'open'
            when matched then update set change_seq = logs.change_seq, identity_seq = logs.identity_seq,
                needs_full = batch.needs_full or %(needs_full)s, frozen_at = clock_timestamp()
            when not matched then insert (change_seq, identity_seq, needs_full) values (logs.change_seq, logs.identity_seq, %(needs_full)s)
            returning batch.batch_id, batch.needs_full, batch.frozen_at
            """,
            {"needs_full": needs_full},
        ).fetchone()
        if row is None:  # a merge that matches or inserts returns its row
            raise RuntimeError("no dbt batch was opened")
        batch_id, full, frozen_at = row
        _fill(connection)
        objects = connection.execute("select distinct system || '.' || object from ops.dbt_batch_load order by 1").fetchall()
        counts = connection.execute(
            "select (select count(*) from ops.dbt_batch_load), (select count(*) from ops.dbt_batch_customer),"
            " (select count(*) from ops.dbt_batch_touched)"
        ).fetchone()
    loads, customers, touched = counts or (0, 0, 0)
    return Batch(
        batch_id=batch_id,
        is_resumed=resumed is not None,
        needs_full=full,
        frozen_at=frozen_at,
        objects=tuple(name for (name,) in objects),
        loads=loads,
        customers=customers,
        touched=touched,
    )


def _fill(connection: Connection[Any]) -> None:
    """Loads and customers between the offsets and the open batch's ends, and customers whose pins or contact reports are others now.

    Those of a failed run are there already.
    """
    connection.execute(
        """
        insert into ops.dbt_batch_load (load_id, system, object)
        select change.load_id, change.system, change.object
        from ops.change as change, ops.dbt_batch as batch
        where batch.state = 'open' and change.seq <= batch.change_seq
          and change.seq > coalesce((select seq from ops.consumer_offset where log = 'ops.change' and consumer = %s), 0)
        on conflict do nothing
        """,
        [CONSUMER],
    )
    connection.execute(
        """
        insert into ops.dbt_batch_customer (customer_id)
        select distinct change.customer_id
        from identity.change as change, ops.dbt_batch as batch
        where batch.state = 'open' and change.seq <= batch.identity_seq
          and change.seq > coalesce((select seq from ops.consumer_offset where log = 'identity.change' and consumer = %s), 0)
        on conflict do nothing
        """,
        [CONSUMER],
    )
    # What people said has no place in a log: a pin also moves when an alias changes, which no change of its new or old customer tells.
    connection.execute(
        """
        with wanted as materialized (
            select 'pin' as kind, pin_id as id, customer_id from identity.standing_pin where customer_id is not null
            union
            select 'contact_report', report.report_id, membership.customer_id
            from identity.contact_report as report
            join identity.record_attribute as attribute
              on attribute.attribute in ('email', 'phone') and attribute.attribute = report.attribute and attribute.value = report.value
            join identity.membership as membership on membership.record_id = attribute.record_id and membership.valid_to is null
            where report.withdrawn_at is null
        ),
        gone as (
            delete from ops.dbt_placed as placed
            where not exists (
                select from wanted where (wanted.kind, wanted.id, wanted.customer_id) = (placed.kind, placed.id, placed.customer_id)
            )
            returning customer_id
        ),
        come as (
            insert into ops.dbt_placed (kind, id, customer_id) select kind, id, customer_id from wanted
            on conflict do nothing
            returning customer_id
        )
        insert into ops.dbt_batch_customer (customer_id)
        select customer_id from gone union select customer_id from come
        on conflict do nothing
        """
    )


def finish(connection: Connection[Any]) -> int | None:
    """Closes the open batch and moves dbt's offsets to its ends, in one transaction; its id, or None when none was open.

    Call when every model of the run has succeeded.
    """
    with connection.transaction():
        row = connection.execute(
            "update ops.dbt_batch set state = 'done', finished_at = clock_timestamp() where state = 'open'"
            " returning batch_id, change_seq, identity_seq"
        ).fetchone()
        if row is None:
            return None
        batch_id, change_seq, identity_seq = row
        for log, seq in (("ops.change", change_seq), ("identity.change", identity_seq)):
            connection.execute(
                """
                insert into ops.consumer_offset (log, consumer, seq) values (%s, %s, %s)
                on conflict (log, consumer) do update
                    set seq = greatest(consumer_offset.seq, excluded.seq), moved_at = clock_timestamp()
                """,
                [log, CONSUMER, seq],
            )
        # truncated, not deleted: the planner must not take the next, small batch for this one
        connection.execute("truncate ops.dbt_batch_load, ops.dbt_batch_customer, ops.dbt_batch_touched")
    return int(batch_id)
