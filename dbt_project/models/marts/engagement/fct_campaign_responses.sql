-- Grain: one row per response to a campaign.
select
    facts.response_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.campaign_id,
    facts.response_type,
    facts.response_value,
    facts.responded_at,
    facts.responded_at::date as responded_on
from {{ ref('int_campaign_responses_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
