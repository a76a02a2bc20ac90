-- Streams: change data capture, message bus, webhooks.

-- grain: one row per source object that is a stream and has been read
create table ops.stream (
    system          text        not null,
    object          text        not null,
    consumer        text        not null,     -- which warehouse reads it: a copy of this database is another one
    position        jsonb       not null,     -- where the next read begins: an lsn, or an offset per partition
    load_id         bigint      references ops.load,  -- the load that landed up to here; null when the rows wait behind a held one
    behind_bytes    bigint,                   -- what the source had beyond the position when it was last measured
    behind_messages bigint,
    behind_seconds  double precision,         -- age of the newest landed change while more was waiting; 0 when caught up
    retained_bytes  bigint,                   -- log that the source keeps for us
    moved_at        timestamptz not null default clock_timestamp(),
    measured_at     timestamptz not null default clock_timestamp(),
    primary key (system, object)
);
comment on table ops.stream is
    'How far each stream is landed, and its lag. Written by customer360.load.stream in the landing transaction: a message is in landing if and
     only if the position has passed it.';

-- grain: one row per delivery that names itself
create table ops.stream_message (
    system      text        not null,
    object      text        not null,
    message_id  text        not null,         -- as the sender names the delivery, or a hash of its content
    received_at timestamptz not null default clock_timestamp(),
    primary key (system, object, message_id)
);
comment on table ops.stream_message is 'Deliveries landed, so that one sent again is recognised. Written by customer360.load.stream in the landing transaction.';
create index stream_message_by_age on ops.stream_message (received_at);

-- Rows that wait in landing for a load carry _load_id 0 and a number of this sequence.
create sequence ops.arrival;
grant usage on sequence ops.arrival to c360_loader;

-- A held load is settled by a person.
alter table ops.load add column settled_by text, add column settled_why text;

-- The kinds of incident are listed once, in customer360.observe.incidents.
alter table ops.incident drop constraint if exists incident_kind_check;
alter table ops.incident add constraint incident_kind_check check (kind ~ '^[a-z]+(_[a-z]+)*$');
