-- Grain: one row per order number.
-- An order sent again under a new id is one order. Preference: not deleted, then newest update, then greatest id.
-- Written as an anti-join, not as a window, so that a live run reads single orders through the index on order_number.
-- The source is named twice for the same reason: a shared step would be computed whole.
select
    orders.order_id,
    orders.order_number,
    'shop.customers:' || orders.customer_id as customer_record_id,
    orders.cart_id,
    orders.status,
    orders.channel,
    upper(orders.currency) as currency,
    orders.subtotal_amount,
    orders.shipping_amount,
    orders.discount_amount,
    orders.total_amount,
    orders.shipping_address_id,
    orders.ordered_at,
    orders.updated_at
from {{ source('shop', 'orders') }} as orders
where
    not orders._is_deleted
    and not exists (
        select 1
        from {{ source('shop', 'orders') }} as preferred
        where
            not preferred._is_deleted
            and preferred.order_number = orders.order_number
            and (preferred.updated_at, preferred.order_id) > (orders.updated_at, orders.order_id)
    )
