-- What people say about the golden record: pinned values, and mail addresses or numbers that turned out not to work.
-- Written by customer360.golden. Rows are never rewritten: taking one back fills its removed_* or withdrawn_* columns once.

-- grain: one pin
create table identity.pin (
    pin_id          uuid        primary key default uuidv7(),
    customer_id     uuid        not null,               -- the living customer it was set on
    attribute_group text        not null,               -- what is pinned as a unit: name, address, email, …
    record_id       text,                               -- the record whose value it is; null for a value that the steward gave
    pinned_values   jsonb       not null check (jsonb_typeof(pinned_values) = 'array'),
    pinned_by       text        not null check (pinned_by <> ''),
    reason          text        not null check (reason <> ''),
    pinned_at       timestamptz not null default clock_timestamp(),
    removed_at      timestamptz,
    removed_by      text,
    removed_because text,
    check ((removed_at is null) = (removed_by is null))
);
comment on table identity.pin is
    'Values that a steward pinned for a customer. pinned_values: [{"attribute", "raw", "standard"}, …], empty: the customer is to have no
     value. Personal. Removed pins stay as the record of who decided what.';
create index pin_by_customer on identity.pin (customer_id);
create index pin_standing on identity.pin (pin_id) where removed_at is null;

-- A pin whose value came from a record goes where the record goes; any other stays with the customer, or with whom its id means now.
-- Nothing is rewritten by a merge or a split, so that undoing one brings each pin back to where it was.
create view identity.standing_pin as
select
    pin.pin_id,
    coalesce(held.customer_id, living.customer_id, alias.customer_id) as customer_id,  -- null: waits for its customer to come back
    pin.customer_id as set_on_customer_id,
    pin.attribute_group,
    pin.record_id,
    pin.pinned_values,
    pin.pinned_by,
    pin.reason,
    pin.pinned_at
from identity.pin
left join identity.membership as held on held.record_id = pin.record_id and held.valid_to is null
left join identity.customer as living on living.customer_id = pin.customer_id and living.retired_at is null
left join identity.alias on alias.alias_id = pin.customer_id
where pin.removed_at is null;
comment on view identity.standing_pin is 'Pins that nobody removed, each with the customer it holds for now.';

-- grain: one report
create table identity.contact_report (
    report_id    uuid        primary key default uuidv7(),
    attribute    text        not null check (attribute in ('email', 'phone')),
    value        text        not null,                  -- in standard form; personal
    state        text        not null check (state in ('bounced', 'disconnected', 'wrong person')),
    reported_by  text        not null check (reported_by <> ''),
    reason       text,
    reported_at  timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    check ((withdrawn_at is null) = (withdrawn_by is null))
);
comment on table identity.contact_report is
    'Mail addresses and phone numbers that somebody found not to work. A standing report makes the value invalid for everyone who gives it.';
create unique index contact_report_one_standing on identity.contact_report (attribute, value) where withdrawn_at is null;

grant insert on identity.pin, identity.contact_report to c360_steward;
grant update (removed_at, removed_by, removed_because) on identity.pin to c360_steward;
grant update (withdrawn_at, withdrawn_by) on identity.contact_report to c360_steward;
grant update, delete on identity.pin, identity.contact_report to c360_privacy;

-- grain: one pin or report, and a customer whose golden record it took part in
create table ops.dbt_placed (
    kind        text not null check (kind in ('pin', 'contact_report')),
    id          uuid not null,
    customer_id uuid not null,
    primary key (kind, id, customer_id)
);
comment on table ops.dbt_placed is
    'Where dbt''s batches have placed pins and contact reports. What differs from now (set, removed, moved by a merge, a split or another
     alias) names the customers to rebuild. Written by customer360.pipeline.batch.';
grant select, insert, delete on ops.dbt_placed to c360_transformer;

-- The history of a warehouse that is already built gets the source of each value. What is golden now stays the same version: its sources
-- are known. Older versions keep null. (dbt makes the table itself where there is none; its history is never made anew.)
do $$
declare
    sources constant text[] := array['name', 'email', 'phone', 'address', 'birth_date', 'gender', 'loyalty_id'];
    grp text;
begin
    if to_regclass('intermediate.int_customer_versions_tracked') is null then
        return;
    end if;
    foreach grp in array sources loop
        execute format('alter table intermediate.int_customer_versions_tracked add column %I text', grp || '_source');
    end loop;
    if to_regclass('intermediate.int_customers_pivoted') is not null then
        execute (
            select format(
                'update intermediate.int_customer_versions_tracked as version set (%s) = row (%s)
                   from intermediate.int_customers_pivoted as golden
                  where golden.customer_id = version.customer_id and version.valid_until is null',
                string_agg(format('%I', each || '_source'), ', '), string_agg(format('golden.%I', each || '_source'), ', ')
            )
            from unnest(sources) as each
        );
    end if;
end
$$;
