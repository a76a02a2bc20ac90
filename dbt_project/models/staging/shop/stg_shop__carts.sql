-- Grain: one row per cart.
-- Preference: raw holds the newest version of a cart; a cart that is gone at the source leaves.
select
    cart_id,
    'shop.customers:' || customer_id as customer_record_id,
    anonymous_id,
    status,
    item_count,
    total_amount,
    upper(currency) as currency,
    created_at,
    updated_at
from {{ source('shop', 'carts') }}
where not _is_deleted
