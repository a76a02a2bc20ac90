-- Grain: one row per response to a campaign.
-- Preference: a response exported again has the same id, and raw keeps its newest version.
select
    response_id,
    'marketing.leads:' || lead_id as customer_record_id,
    campaign_id,
    response_type,
    value::numeric(14, 2) as response_value,
    responded_at
from {{ source('marketing', 'responses') }}
where not _is_deleted
