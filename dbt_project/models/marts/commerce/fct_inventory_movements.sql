-- Grain: one row per movement of stock that was not withdrawn. What lies in a warehouse is the sum of its quantities.
select
    facts.movement_id,
    products.product_id,
    facts.sku,
    facts.warehouse,
    facts.kind,
    facts.quantity,
    facts.unit_cost,
    facts.reason,
    orders.order_id,
    facts.order_number,
    facts.line_number,
    facts.transfer_id,
    facts.occurred_at,
    facts.occurred_at::date as occurred_on,
    facts.recorded_at
from {{ ref('int_inventory_movements_keyed') }} as facts
-- of doubled article numbers the catalogue has said which one stands
left join {{ ref('int_products_conformed') }} as products
    on facts.sku = products.sku and products.product_id = products.canonical_product_id
left join {{ ref('int_orders_keyed') }} as orders on facts.order_number = orders.order_number
