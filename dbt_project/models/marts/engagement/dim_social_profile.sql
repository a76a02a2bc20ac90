-- Grain: one row per profile in a social network.
select
    profiles.profile_id,
    bridged.customer_id,
    profiles.customer_record_id,
    profiles.network,
    marts.mask(profiles.handle) as handle,
    profiles.follower_count,
    profiles.following_count,
    profiles.seen_at
from {{ ref('stg_marketing__social_profiles') }} as profiles
left join {{ ref('int_customer_records_bridged') }} as bridged on profiles.customer_record_id = bridged.record_id
