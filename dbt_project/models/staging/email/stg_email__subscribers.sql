-- Grain: one row per address on the mail tool's list.
-- Preference: raw holds the newest export of a subscriber; one that is missing from the newest export leaves.
select
    subscriber_id,
    'email.subscribers:' || subscriber_id as record_id,
    email,
    first_name,
    last_name,
    city,
    country,
    lower(status) as status,
    double_opt_in as is_double_opted_in,
    subscribed_at,
    updated_at
from {{ source('email', 'subscribers') }}
where not _is_deleted
