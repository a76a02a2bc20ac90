-- Grain: one row per profile in a social network.
-- Preference: a profile exported again has the same id, and raw keeps its newest version.
select
    profile_id,
    network,
    handle,
    'marketing.leads:' || lead_id as customer_record_id,
    follower_count,
    following_count,
    seen_at
from {{ source('marketing', 'social_profiles') }}
where not _is_deleted
