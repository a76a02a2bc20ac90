-- A candidate says why it was trained; an answer is told from its repetition; people are told that an answer is awaited.
-- Written by customer360.identity.models and customer360.pipeline.approval.

alter table identity.model add column note text;
comment on column identity.model.note is 'Why it was trained, in the words of whoever started it.';

alter table identity.model_decision add column request text unique;
comment on column identity.model_decision.request is
    'What it answers, when it was asked for: one answer to one question, however often the task that writes it runs again.';

alter table ops.incident drop constraint incident_kind_check;
alter table ops.incident add constraint incident_kind_check check (kind in (
    'load_refused', 'source_down', 'stale', 'dbt_test_failed', 'task_failed', 'identity_gate_failed', 'row_warnings',
    'identity_drift', 'model_refused', 'approval_awaited'
));
