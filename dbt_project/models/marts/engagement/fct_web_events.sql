-- Grain: one row per web event; anonymous ones belong to whoever identified on that visitor id, by time.
select
    facts.event_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.attributed_by,
    facts.event_type,
    facts.event_name,
    marts.mask(facts.anonymous_id) as anonymous_id,
    facts.page_path,
    facts.page_referrer,
    facts.product_id,
    facts.order_id,
    facts.revenue,
    facts.campaign_source,
    facts.campaign_medium,
    facts.campaign_name,
    marts.mask(facts.user_agent) as user_agent,
    marts.mask(facts.ip_address) as ip_address,
    facts.occurred_at,
    facts.occurred_at::date as occurred_on,
    facts.received_at
from {{ ref('int_web_events_attributed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
