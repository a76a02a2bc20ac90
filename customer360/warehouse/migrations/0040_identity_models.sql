-- Trained models and what people decided about them, and what identity looked like after each summarised run.
-- Written by customer360.identity.models and customer360.identity.drift.

-- grain: one row per trained candidate
create table identity.model (
    version       text primary key,           -- digest of what decides a score: training again on the same records gives the same
    document      text        not null,       -- the model file, byte for byte; its term frequencies name values that several people have
    trained_at    timestamptz not null default now(),
    compared_with text,                       -- version of the model in use when it was compared last
    compared_at   timestamptz,
    comparison    jsonb       not null default '{}'
);
comment on table identity.model is
    'Candidates trained by `customer360 model train` or the weekly DAG. One is in use when the last approval names it; see identity.model_decision.';
comment on column identity.model.comparison is 'Figures on labels, customers that would change id, limits broken; never a value of a record.';

-- grain: one row per decision about a model
create table identity.model_decision (
    decision_id      bigint generated always as identity primary key,
    version          text        not null,    -- a candidate, or the reviewed file itself: to go back to it
    verdict          text        not null check (verdict in ('approved', 'rejected', 'refused')),
    decided_by       text        not null,    -- a person, or 'model_gate' (refused), or 'timeout'
    decided_at       timestamptz not null default now(),
    note             text,
    reviewed_version text        not null     -- version of identity/models/person.json then: a newer file outweighs an older approval
);
comment on table identity.model_decision is 'Appended to, never changed: who let which model be used, or did not, and when.';
create index model_decision_approved on identity.model_decision (decision_id desc) where verdict = 'approved';
