-- Grain: one row per order.
select
    facts.order_id,
    facts.order_number,
    bridged.customer_id,
    facts.customer_record_id,
    facts.cart_id,
    facts.channel,
    facts.status,
    facts.is_sale,
    facts.currency,
    facts.subtotal_amount,
    facts.shipping_amount,
    facts.discount_amount,
    facts.total_amount,
    facts.reference_rate,
    facts.total_amount_reference,
    facts.ordered_at,
    facts.ordered_at::date as ordered_on,
    facts.updated_at
from {{ ref('int_orders_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
