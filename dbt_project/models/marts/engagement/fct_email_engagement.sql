-- Grain: one row per thing that happened to a mail.
select
    facts.event_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.campaign_id,
    facts.campaign_name,
    facts.event_type,
    facts.url,
    facts.bounce_type,
    facts.occurred_at,
    facts.occurred_at::date as occurred_on
from {{ ref('int_email_events_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
