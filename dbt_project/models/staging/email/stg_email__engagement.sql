-- Grain: one row per thing that happened to a mail.
-- Preference: an event exported again has the same event id, and raw keeps its newest version.
select
    event_id,
    subscriber_id,
    'email.subscribers:' || subscriber_id as customer_record_id,
    campaign_id,
    campaign_name,
    lower(event_type) as event_type,
    url,
    lower(bounce_type) as bounce_type,
    occurred_at
from {{ source('email', 'engagement') }}
where not _is_deleted
