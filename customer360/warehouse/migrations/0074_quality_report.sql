-- The daily quality report's figures, for its trends.
create table ops.quality_report (
    day     date        primary key,           -- UTC; a second report of a day replaces the first
    at      timestamptz not null default now(),
    state   text        not null check (state in ('good', 'amber', 'red')),
    figures jsonb       not null               -- subject → measure → {value, state}; agreement → share
);
comment on table ops.quality_report is 'One row per day: the measures of the quality report. Counts and shares. Written by customer360.pipeline.quality.';
grant insert, update on ops.quality_report to c360_transformer;

-- Counts of quarantine, not its rows: those hold personal values.
grant usage on schema quarantine to c360_transformer;
grant select (system, object, state, opened_at, settled_at) on quarantine.row to c360_transformer;
