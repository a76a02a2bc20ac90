-- Grain: one row per interaction of a profile with a post.
-- Preference: an interaction exported again has the same id, and raw keeps its newest version.
select
    interaction_id,
    profile_id,
    kind as interaction_type,
    post_id,
    text as interaction_text,
    occurred_at
from {{ source('marketing', 'social_interactions') }}
where not _is_deleted
