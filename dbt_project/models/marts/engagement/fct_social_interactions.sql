-- Grain: one row per interaction of a social profile with one of our posts.
select
    facts.interaction_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.profile_id,
    facts.network,
    facts.interaction_type,
    facts.post_id,
    marts.mask(facts.interaction_text) as interaction_text,
    facts.occurred_at,
    facts.occurred_at::date as occurred_on
from {{ ref('int_social_interactions_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
