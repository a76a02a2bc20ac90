-- Grain: one row per returned line of an order that is in fct_orders.
select
    facts.return_id,
    facts.order_id,
    facts.line_number,
    bridged.customer_id,
    facts.customer_record_id,
    facts.quantity,
    facts.reason,
    facts.refund_amount,
    facts.currency,
    facts.refund_amount_reference,
    facts.returned_at,
    facts.returned_at::date as returned_on,
    facts.updated_at
from {{ ref('int_returns_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
-- without its order it has no record
where facts.customer_record_id is not null
