-- Drift: what identity looked like after a nightly run, to be compared with the nights before.

-- grain: one row per summary
create table identity.run_summary (
    summary_id    bigint generated always as identity primary key,
    at            timestamptz not null default now(),
    run_id        bigint,                     -- the newest run that this summary has seen
    model_version text        not null,
    rules_version text        not null,
    figures       jsonb       not null,       -- counts, distributions and rates; never a value of a record
    drift         jsonb       not null default '{}' -- how far from the summaries before, and the limits passed
);
comment on table identity.run_summary is
    'Counts, cluster sizes, edges by kind, match weights, refusals, completeness and agreement of fields. Taken by the nightly run and
     `customer360 resolve drift`, never by a live run: it reads everything.';

alter table ops.incident drop constraint if exists incident_kind_check;
alter table ops.incident add constraint incident_kind_check check (kind in (
    'load_refused', 'source_down', 'stale', 'dbt_test_failed', 'task_failed', 'identity_gate_failed', 'row_warnings',
    'identity_drift', 'model_refused'
));
