-- What one dbt run works on, frozen before it starts, so that a run repeated after a failure does the same.

create table ops.dbt_batch (
    batch_id          bigint generated always as identity primary key,
    state             text        not null default 'open' check (state in ('open', 'done')),
    needs_full        boolean     not null default false,
    change_seq        bigint      not null,
    identity_seq      bigint      not null,
    frozen_at         timestamptz not null default clock_timestamp(),
    finished_at       timestamptz
);
comment on table ops.dbt_batch is
    'Batches of dbt runs; written by customer360.pipeline.batch. change_seq and identity_seq: ops.change and identity.change are taken up to
     here; the offsets move when the batch is done. needs_full: tables were being rebuilt from nothing, so that live work is not enough.';
create unique index dbt_batch_one_open on ops.dbt_batch ((true)) where state = 'open';

-- Only the open batch has rows in these, so that a model names no batch and its compiled SQL stays the same.
create table ops.dbt_batch_load (
    load_id bigint primary key,
    system  text not null,
    object  text not null
);
comment on table ops.dbt_batch_load is 'Loads that the open batch brings in.';

create table ops.dbt_batch_customer (
    customer_id uuid primary key
);
comment on table ops.dbt_batch_customer is 'Customers that identity.change names for the open batch.';

create table ops.dbt_batch_touched (
    kind text not null,
    id   text not null,
    primary key (kind, id)
);
comment on table ops.dbt_batch_touched is
    'Ids whose rows a model of the open batch has changed (order, visitor, record), for the models behind it. Kept when a run fails: the
     next one finds those rows right already, and would not know what still follows from them. Written by the dbt strategy `reconcile`.';

grant select, insert, update, delete on ops.dbt_batch, ops.dbt_batch_load, ops.dbt_batch_customer, ops.dbt_batch_touched to c360_transformer;
grant truncate on ops.dbt_batch_load, ops.dbt_batch_customer, ops.dbt_batch_touched to c360_transformer;
