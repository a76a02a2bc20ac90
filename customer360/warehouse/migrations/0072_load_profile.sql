-- What loads looked like, to compare later ones with (customer360.gate.history).
create table ops.load_profile (
    load_id bigint      primary key references ops.load on delete cascade,
    system  text        not null,
    object  text        not null,
    series  text        not null check (series in ('first', 'whole', 'incremental')),
    rows    bigint      not null,               -- of a whole load those read, of an incremental one those new
    gap     double precision,                   -- seconds since the load before was started; null for the first
    figures jsonb       not null,               -- nulls per field, values and quantiles of fields that are not personal
    at      timestamptz not null default now()
);
comment on table ops.load_profile is
    'Profile of each judged load: counts and shares, no personal value. Written by customer360.load in the gate''s transaction; compared with when its load was published.';
create index load_profile_by_object on ops.load_profile (system, object, series, load_id desc);
