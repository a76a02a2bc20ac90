-- Grain: one row per product line of an order that is in fct_orders.
select
    facts.order_id,
    facts.line_number,
    bridged.customer_id,
    facts.customer_record_id,
    facts.product_id,
    facts.quantity,
    facts.unit_price,
    facts.discount_amount,
    facts.line_amount,
    facts.currency,
    facts.line_amount_reference,
    facts.is_sale,
    facts.ordered_at,
    facts.ordered_at::date as ordered_on,
    facts.updated_at
from {{ ref('int_order_lines_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
-- without its order a line has no record
where facts.customer_record_id is not null
