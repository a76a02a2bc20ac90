-- Grain: one row per mail event, keyed on the subscriber's record.
{{ config(
    unique_key='event_id',
    indexes=[{'columns': ['event_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'email_events_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

select
    event_id,
    customer_record_id,
    campaign_id,
    campaign_name,
    event_type,
    url,
    bounce_type,
    occurred_at
from {{ ref('stg_email__engagement') }}
{% if is_live() %}where event_id in ({{ keys_loaded('email', 'engagement', 'event_id') }}){% endif %}
