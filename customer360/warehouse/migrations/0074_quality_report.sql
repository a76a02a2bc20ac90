-- The daily quality report's figures, for its trends.
create table ops.quality_report (
    day     date        primary key,           -- UTC; a second report of a day replaces the first
    at      timestamptz not null default now(),
    state   text        not null check (state in ('good', 'amber', 'red')),
    figures jsonb       not null               -- subject → measure → {value, state}; agreement → share
);
comment on table ops.quality_report is 'One row per day: the measures of the quality report. Counts and shares. Written by customer360.pipeline.quality.';
grant insert, update on ops.quality_report to c360_transformer;

-- Counts of quarantine for those who may not see its rows: those hold personal values. Read with the owner's rights.
create view ops.quarantine_count as
select system, object, state, count(*) as rows, min(opened_at) as oldest_at from quarantine.row group by system, object, state;
comment on view ops.quarantine_count is 'Rows in quarantine by object and state, and when the oldest was set aside.';
