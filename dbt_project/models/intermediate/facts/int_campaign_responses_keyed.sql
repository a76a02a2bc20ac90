-- Grain: one row per response to a campaign, keyed on the lead's record.
{{ config(
    unique_key='response_id',
    indexes=[{'columns': ['response_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'campaign_responses_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

select
    response_id,
    customer_record_id,
    campaign_id,
    response_type,
    response_value,
    responded_at
from {{ ref('stg_marketing__responses') }}
{% if is_live() %}where response_id in ({{ keys_loaded('marketing', 'responses', 'response_id') }}){% endif %}
