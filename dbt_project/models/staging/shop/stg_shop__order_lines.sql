-- Grain: one row per product line of an order.
-- Preference: raw holds the newest version of a line; a line that is gone at the source leaves.
select
    order_id,
    line_number,
    product_id,
    quantity,
    unit_price,
    discount_amount,
    line_amount,
    updated_at
from {{ source('shop', 'order_lines') }}
where not _is_deleted
