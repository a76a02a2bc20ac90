-- Source against raw, counted.
create table ops.reconciliation (
    system      text        not null,
    object      text        not null,
    at          timestamptz not null default now(),
    source_rows bigint      not null,          -- living rows the source holds
    in_flight   bigint      not null,          -- of them: changed after the last load, so raw may not hold them yet
    raw_rows    bigint      not null,          -- living rows of raw
    set_aside   bigint      not null,          -- records that quarantine holds and raw does not
    missing     bigint      not null,          -- rows that should be in raw and are not
    surplus     bigint      not null,          -- rows of raw that the source does not hold
    primary key (system, object, at)
);
comment on table ops.reconciliation is 'What a count of the source found beside raw. Counts. Written by customer360.load.';
