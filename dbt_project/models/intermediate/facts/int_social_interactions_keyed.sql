-- Grain: one row per interaction of a social profile, keyed on the profile and the lead's record it belongs to.
{{ config(
    unique_key='interaction_id',
    indexes=[
        {'columns': ['interaction_id'], 'unique': true}, {'columns': ['profile_id']}, {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'social_interactions_in_batch'}
) }}

select
    interactions.interaction_id,
    interactions.profile_id,
    profiles.network,
    profiles.customer_record_id,
    interactions.interaction_type,
    interactions.post_id,
    interactions.interaction_text,
    interactions.occurred_at
from {{ ref('stg_marketing__social_interactions') }} as interactions
left join {{ ref('stg_marketing__social_profiles') }} as profiles on interactions.profile_id = profiles.profile_id
{% if is_live() %}where interactions.interaction_id in ({{ social_interaction_ids_in_batch() }}){% endif %}
