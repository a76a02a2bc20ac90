-- What incremental resolution needs to keep, so that its cost follows the change and not the population.
-- Written by customer360.identity; foreign keys that a bulk run would check millions of times are left out, a test checks them instead.

alter table identity.run add column rules_version text not null default '';
comment on table identity.run is
    'Runs that changed something (a run that finds nothing to change leaves no row). rules_version: hash of identity/settings.yaml
     and of the standardiser''s version; when it or the model changes, the next run is a full one.';

-- grain: one row per source record
alter table identity.record add column standard jsonb not null default '{}';
comment on column identity.record.standard is
    '{"attribute": ["standardised value", …]} of record_attribute, so that scoring and the name guard read one row per record. Personal.';
alter table identity.record add column block_keys bigint[] not null default '{}';
comment on column identity.record.block_keys is
    'Hashes of the frozen model''s blocking rules: an incremental run fetches the blocks of changed records, never the population.';
create index record_by_block_key on identity.record using gin (block_keys) with (fastupdate = on, gin_pending_list_limit = 512);
create index record_by_object on identity.record (system, object);

-- grain: one row per source record, attribute and value
alter table identity.record_attribute drop constraint record_attribute_record_id_fkey;
-- two sources' identifiers are counted and fetched by value, without a look at the table
drop index identity.record_attribute_by_value;
create index record_attribute_by_value on identity.record_attribute (attribute, value) include (record_id)
    where attribute in ('email', 'phone', 'external_id', 'national_id') and value is not null;
alter table identity.record_attribute add column flags text[] not null default '{}';
comment on column identity.record_attribute.flags is 'What the standardiser warns about: role_mailbox, disposable, placeholder, partial …';

-- grain: one row per source record, link field and value; is_anchor marks the records the others point to
create table identity.record_link (
    record_id text    not null,
    target    text    not null,               -- '<system>.<object>.<field>' whose value is kept
    field     text    not null,               -- '<system>.<object>.<field>' that keeps it; the target itself for an anchor
    value     text    not null,
    is_anchor boolean not null,
    primary key (record_id, field, value, is_anchor)
);
comment on table identity.record_link is 'Ids that one system keeps of another (sameCustomer relationships), both ends.';
create index record_link_by_value on identity.record_link (target, value);

-- grain: one row per pair of records, kind, rule and shared identifier: each piece of evidence is explained and withdrawn on its own
alter table identity.edge
    add column identifier bytea not null default '\x',
    drop constraint edge_pkey,
    add primary key (record_id_l, record_id_r, kind, rule, identifier),
    drop constraint edge_record_id_l_fkey,
    drop constraint edge_record_id_r_fkey,
    drop constraint edge_run_id_fkey,
    drop constraint edge_kind_check,
    add constraint edge_kind_check check (kind in ('declared', 'exact', 'probabilistic', 'decided'));
comment on column identity.edge.identifier is 'Keyed hash of the shared identifier or link value; empty for the other kinds.';
create index edge_by_identifier on identity.edge (identifier) where identifier <> '\x';

alter table identity.identifier_refusal
    add column reason text not null default 'too_many_records'
    check (reason in ('too_many_records', 'too_many_people', 'role_mailbox', 'disposable', 'placeholder'));

alter table identity.event drop constraint event_kind_check;
alter table identity.event add constraint event_kind_check
    check (kind in ('birth', 'merge', 'split', 'move', 'join', 'leave', 'retire', 'revive'));
comment on table identity.event is
    'What happened to customers and why. join and leave: records that came new or went away; move: records that changed between
     customers that both live on; split: a new id taken out of another; merge: other_id went into customer_id. reason never holds a value.';

create index alias_by_customer on identity.alias (customer_id);

-- grain: one request to look at a record again
create table identity.reexamine (
    request_id bigint generated always as identity primary key,
    record_id  text        not null,
    reason     text        not null,
    at         timestamptz not null default now()
);
comment on table identity.reexamine is
    'Records the next run examines though their source did not change (a decision was made or withdrawn). The run deletes what it has seen.';

-- A bulk run gathers fresh statistics itself, or the next incremental one is planned for empty tables.
grant maintain on all tables in schema identity to c360_transformer;
alter default privileges in schema identity grant maintain on tables to c360_transformer;
