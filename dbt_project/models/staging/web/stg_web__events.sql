-- Grain: one row per event (message id).
-- Preference: an event sent again has the same message id, and raw keeps its newest version.
select
    message_id as event_id,
    type as event_type,
    event as event_name,
    anonymous_id,
    user_id,
    'web.events:' || user_id as user_record_id,
    page_path,
    page_referrer,
    product_id,
    order_id,
    revenue,
    campaign_source,
    campaign_medium,
    campaign_name,
    user_agent,
    ip as ip_address,
    occurred_at,
    received_at
from {{ source('web', 'events') }}
where not _is_deleted
