-- Grain: one row per cart.
select
    facts.cart_id,
    bridged.customer_id,
    facts.customer_record_id,
    marts.mask(facts.anonymous_id) as anonymous_id,
    facts.status,
    facts.item_count,
    facts.total_amount,
    facts.currency,
    facts.total_amount_reference,
    facts.created_at,
    facts.created_at::date as created_on,
    facts.updated_at
from {{ ref('int_carts_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
