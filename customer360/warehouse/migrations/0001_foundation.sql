-- Schemas and the tables the platform itself writes. One module owns each table's writes (named in its comment).
-- Tables per source object (landing, raw, raw_history) are made from the contracts, not here.

create schema landing;
create schema quarantine;
create schema raw;
create schema raw_history;
create schema identity;
create schema staging;
create schema intermediate;
create schema marts;
create schema activation;
create schema privacy;
create schema ops;

-- ---------------------------------------------------------------------------------------------------- ops
create table ops.load (
    load_id          bigint generated always as identity primary key,
    system           text        not null,
    object           text        not null,
    kind             text        not null check (kind in ('incremental', 'full', 'sweep', 'replay')),
    state            text        not null default 'extracting'
                     check (state in ('extracting', 'landed', 'gated', 'published', 'rejected', 'held', 'abandoned')),
    watermark_from   text,                    -- greatest cursor published before this load; null on a first load
    watermark_to     text,                    -- greatest cursor landed by this load
    since            text,                    -- lower bound a user asked for; never lowers the watermark
    extracted        bigint      not null default 0,
    published        bigint      not null default 0,
    inserted         bigint      not null default 0,   -- inserted + updated + deleted = published
    updated          bigint      not null default 0,
    deleted          bigint      not null default 0,
    unchanged        bigint      not null default 0,
    superseded       bigint      not null default 0,
    stale            bigint      not null default 0,
    quarantined      bigint      not null default 0,
    refusal          jsonb,                   -- why a load was refused: expectation, observed, allowed; never a value
    error            text,                    -- what stopped the last attempt; never a value
    attempts         integer     not null default 1,
    run_url          text,                    -- the Airflow run, for alerts
    started_at       timestamptz not null default now(),
    landed_at        timestamptz,
    gated_at         timestamptz,
    finished_at      timestamptz,
    constraint load_adds_up check (
        state <> 'published' or extracted = published + unchanged + superseded + stale + quarantined),
    constraint published_adds_up check (published = inserted + updated + deleted)
);
comment on table ops.load is 'Ledger: one row per load. Written by customer360.load.';
create unique index load_one_open on ops.load (system, object) where state in ('extracting', 'landed', 'gated');
create index load_by_object on ops.load (system, object, load_id desc);

create table ops.watermark (
    system       text not null,
    object       text not null,
    cursor_value text not null,
    load_id      bigint not null references ops.load,
    moved_at     timestamptz not null default now(),
    primary key (system, object)
);
comment on table ops.watermark is 'Greatest cursor value published per object. Written by customer360.load in the publishing transaction.';

create table ops.source_file (
    system       text not null,
    object       text not null,
    content_hash bytea not null,              -- sha256 of the bytes: a renamed or re-sent file is the same file
    path         text not null,
    bytes        bigint not null,
    rows         bigint not null,
    load_id      bigint not null references ops.load,
    read_at      timestamptz not null default now(),
    primary key (system, object, content_hash)
);
comment on table ops.source_file is 'Files taken in, each once by content. Written by customer360.load in the landing transaction.';

create table ops.change (
    seq          bigint generated always as identity primary key,
    load_id      bigint not null references ops.load,
    system       text   not null,
    object       text   not null,
    rows         bigint not null,
    at           timestamptz not null default now()
);
comment on table ops.change is
    'Change log of raw: one row per publish. Its rows are raw.<table> where _load_id = load_id (indexed). Appended as the last
     statement of the publishing transaction under LOCK TABLE … IN SHARE ROW EXCLUSIVE MODE, so seq follows commit order and
     a reader may keep "greatest seq seen" as its offset.';

create table ops.consumer_offset (
    log      text   not null check (log in ('ops.change', 'identity.change')),
    consumer text   not null,
    seq      bigint not null default 0,
    moved_at timestamptz not null default now(),
    primary key (log, consumer)
);
comment on table ops.consumer_offset is 'How far each reader of a change log has come. Moved in the reader''s own commit.';

create table ops.gate_result (
    load_id         bigint not null references ops.load,
    expectation     text   not null,          -- stable id: <expectation_type>(<column or columns>)
    severity        text   not null check (severity in ('critical', 'warning', 'info')),
    level           text   not null check (level in ('row', 'load', 'type')),
    success         boolean not null,
    observed        text,                     -- a number, a share or a name; never a personal value
    allowed         text,
    failed_rows     bigint,
    checked_rows    bigint,
    reason          text,                     -- why the expectation exists, from the suite's meta
    at              timestamptz not null default now(),
    primary key (load_id, expectation)
);
comment on table ops.gate_result is 'Each expectation of each load, evaluated once. Written by customer360.load.';

create table ops.incident (
    incident_id  uuid primary key default uuidv7(),
    kind         text not null check (kind in ('load_refused', 'source_down', 'stale', 'dbt_test_failed', 'task_failed', 'identity_gate_failed', 'row_warnings')),
    subject      text not null,               -- what it is about: shop.customers, a DAG's task, a dbt test
    severity     text not null check (severity in ('critical', 'warning')),
    title        text not null,
    details      jsonb not null default '{}', -- load_id, expectation, observed, allowed, rows refused; never a personal value
    run_url      text,
    opened_at    timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    occurrences  integer not null default 1,
    closed_at    timestamptz,
    close_reason text
);
comment on table ops.incident is 'Incidents. Opened and closed by customer360.observe, in the transaction that changed the state.';
create unique index incident_one_open on ops.incident (kind, subject) where closed_at is null;

create table ops.notification (
    incident_id uuid not null references ops.incident on delete cascade,
    event       text not null check (event in ('opened', 'closed')),
    channel     text not null,                -- slack, mail
    sent_at     timestamptz,                  -- null: still to send
    attempts    integer not null default 0,
    last_error  text,
    primary key (incident_id, event, channel)
);
comment on table ops.notification is 'Outbox of the alert dispatcher (customer360.observe.dispatch).';

create table ops.lease (
    name       text primary key,
    holder     text not null,
    taken_at   timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table ops.lease is 'Who may build the shared relations now (nightly or live). Written by customer360.pipeline.lease.';

-- --------------------------------------------------------------------------------------------- quarantine
create table quarantine.row (
    quarantine_id bigint generated always as identity primary key,
    load_id       bigint not null references ops.load,
    system        text   not null,
    object        text   not null,
    record_key    text,                       -- key columns joined with ':'; null where the key itself is missing
    row_hash      bytea  not null,            -- over the landed text of all fields: the same bad row again is the same row
    payload       jsonb  not null,            -- the row as landed; personal
    reasons       jsonb  not null,            -- [{"expectation": …, "column": …, "reason": …}, …]: every reason, no value
    state         text   not null default 'open' check (state in ('open', 'replayed', 'waived')),
    opened_at     timestamptz not null default now(),
    settled_at    timestamptz,
    settled_by    text,
    note          text
);
comment on table quarantine.row is 'Rows the gate refused. Written by customer360.load.quarantine.';
create unique index quarantine_one_open on quarantine.row (system, object, row_hash) where state = 'open';
create index quarantine_by_key on quarantine.row (system, object, record_key) where state = 'open';

-- ----------------------------------------------------------------------------------------------- identity
-- record_id is '<system>.<object>:<key>' (key columns joined with ':'), e.g. 'shop.customers:123'.
create table identity.run (
    run_id        bigint generated always as identity primary key,
    mode          text not null check (mode in ('full', 'incremental')),
    model_version text not null,
    change_seq    bigint,                     -- ops.change read up to here
    started_at    timestamptz not null default now(),
    finished_at   timestamptz,
    figures       jsonb not null default '{}' -- counts and seconds per step
);

create table identity.record (
    record_id      text primary key,
    system         text not null,
    object         text not null,
    kind           text not null check (kind in ('person', 'organisation')),
    is_deleted     boolean not null default false,
    first_seen_at  timestamptz not null,      -- when raw first published it
    changed_at     timestamptz not null,      -- when its standardised attributes last changed
    attribute_hash bytea not null
);

create table identity.record_attribute (
    record_id      text not null references identity.record,
    attribute      text not null,             -- semantic type
    ordinal        smallint not null,         -- several values of one type: phone 0, phone 1
    unit           text not null default '',  -- values that belong together: the address row they came from
    field          text not null,             -- '<system>.<object>.<field>'
    raw_value      text not null,
    value          text,                      -- standardised; null where the raw value has no valid form
    is_verified    boolean,
    observed_since timestamptz not null,      -- when this value last changed in its source
    primary key (record_id, attribute, ordinal)
);
create index record_attribute_by_value on identity.record_attribute (attribute, value) where attribute in ('email', 'phone', 'external_id', 'national_id');

create table identity.edge (
    record_id_l   text not null references identity.record,
    record_id_r   text not null references identity.record,
    kind          text not null check (kind in ('declared', 'exact', 'probabilistic')),
    rule          text not null,              -- which link, identifier or model made it
    probability   double precision not null check (probability between 0 and 1),
    evidence      jsonb not null default '{}',-- comparison levels and weights; never a value
    model_version text,
    run_id        bigint not null references identity.run,
    primary key (record_id_l, record_id_r, kind, rule),
    check (record_id_l < record_id_r)
);
create index edge_by_right on identity.edge (record_id_r);

create table identity.identifier_refusal (
    attribute    text   not null,
    value_hash   bytea  not null,             -- keyed hash of the identifier that too many records share
    records      bigint not null,
    record_limit bigint not null,
    run_id       bigint not null references identity.run,
    primary key (attribute, value_hash)
);

create table identity.customer (
    customer_id uuid primary key,
    born_at     timestamptz not null,
    born_run_id bigint not null references identity.run,
    retired_at  timestamptz,                  -- set when merged away or left without a record
    confidence  double precision              -- weakest link that holds the customer together
);

create table identity.membership (
    record_id   text not null references identity.record,
    customer_id uuid not null references identity.customer,
    valid_from  timestamptz not null,
    valid_to    timestamptz,
    run_id      bigint not null references identity.run,
    primary key (record_id, valid_from)
);
create unique index membership_current on identity.membership (record_id) where valid_to is null;
create index membership_by_customer on identity.membership (customer_id);

create table identity.alias (
    alias_id    uuid primary key references identity.customer,     -- a retired id
    customer_id uuid not null references identity.customer,        -- the customer it now means
    since       timestamptz not null,
    run_id      bigint not null references identity.run
);

create table identity.event (
    event_id    bigint generated always as identity primary key,
    run_id      bigint not null references identity.run,
    at          timestamptz not null default now(),
    kind        text not null check (kind in ('birth', 'merge', 'split', 'move', 'retire', 'revive')),
    customer_id uuid not null,
    other_id    uuid,
    record_ids  text[] not null default '{}',
    reason      jsonb not null default '{}'
);
create index event_by_customer on identity.event (customer_id);

create table identity.decision (
    decision_id   uuid primary key default uuidv7(),
    record_id_l   text not null,
    record_id_r   text not null,
    verdict       text not null check (verdict in ('must_link', 'cannot_link')),
    decided_by    text not null,
    note          text,
    decided_at    timestamptz not null default now(),
    evidence_hash bytea,                      -- of both records' identity attributes when it was taken
    reopened_at   timestamptz,
    withdrawn_at  timestamptz,
    check (record_id_l < record_id_r)
);
create unique index decision_one_standing on identity.decision (record_id_l, record_id_r) where withdrawn_at is null;

create table identity.change (
    seq         bigint generated always as identity primary key,
    customer_id uuid not null,
    run_id      bigint not null references identity.run,
    kind        text not null check (kind in ('born', 'changed', 'retired')),
    at          timestamptz not null default now()
);
comment on table identity.change is
    'Customers whose records or attributes changed, for dbt and activation. Appended under LOCK TABLE … IN SHARE ROW EXCLUSIVE MODE, like ops.change.';
