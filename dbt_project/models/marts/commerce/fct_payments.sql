-- Grain: one row per attempt to pay an order that is in fct_orders.
select
    facts.payment_id,
    facts.order_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.method,
    facts.status,
    facts.amount,
    facts.currency,
    facts.amount_reference,
    facts.paid_at,
    facts.paid_at::date as paid_on,
    facts.updated_at
from {{ ref('int_payments_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
-- without its order it has no record
where facts.customer_record_id is not null
