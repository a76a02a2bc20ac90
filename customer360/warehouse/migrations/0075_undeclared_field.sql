-- Fields that sources send and no contract declares: names and kinds, no value.
create table ops.undeclared_field (
    system        text        not null,
    object        text        not null,
    field         text        not null,
    kinds         text[]      not null,       -- JSON's kinds of value seen: string, number, boolean, object, array, null
    first_load_id bigint      not null,
    first_seen_at timestamptz not null default now(),
    last_seen_at  timestamptz not null default now(),
    primary key (system, object, field)
);
comment on table ops.undeclared_field is 'Undeclared fields, each once. Written by customer360.load in the gate''s transaction; `customer360 contracts drift` proposes them.';
