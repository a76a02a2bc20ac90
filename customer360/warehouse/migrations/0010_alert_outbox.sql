-- The alert dispatcher waits longer after each failure, and stops owing a notice that no longer helps anyone.

alter table ops.notification
    add column next_attempt_at timestamptz not null default now(),
    add column dropped_at      timestamptz;   -- the incident was over before its channel was ever configured
create index notification_to_send on ops.notification (channel, next_attempt_at) where sent_at is null and dropped_at is null;
