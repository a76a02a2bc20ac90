-- Incidents of one cause are told together: same kind, same system.

alter table ops.incident
    add column cause text generated always as (kind || ' ' || coalesce(details ->> 'system', split_part(subject, '.', 1))) stored;
create index incident_by_cause on ops.incident (cause, opened_at desc);
comment on column ops.incident.cause is 'Kind and system (or the subject''s first part): incidents that share it are told together.';

alter table ops.notification
    add column reminded_at timestamptz,        -- the last time an open incident was told again
    add column reminders   integer not null default 0;
