-- Grain: one row per review that was not withdrawn.
select
    facts.review_id,
    bridged.customer_id,
    facts.customer_record_id,
    products.product_id,
    facts.sku,
    orders.order_id,
    facts.order_number,
    marts.mask(facts.rating) as rating,
    marts.mask(facts.title) as title,
    marts.mask(facts.text) as text,
    facts.reviewed_at,
    facts.reviewed_at::date as reviewed_on,
    facts.changed_at
from {{ ref('int_reviews_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
-- of doubled article numbers the catalogue has said which one stands
left join {{ ref('int_products_conformed') }} as products
    on facts.sku = products.sku and products.product_id = products.canonical_product_id
left join {{ ref('int_orders_keyed') }} as orders on facts.order_number = orders.order_number
