-- Grain: one row per ticket that was not deleted.
select
    facts.ticket_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.agent_id,
    facts.order_number,
    facts.status,
    facts.is_open,
    facts.priority,
    facts.ticket_type,
    facts.channel,
    facts.topic,
    marts.mask(facts.satisfaction) as satisfaction,
    facts.opened_at,
    facts.opened_at::date as opened_on,
    facts.updated_at
from {{ ref('int_support_tickets_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
