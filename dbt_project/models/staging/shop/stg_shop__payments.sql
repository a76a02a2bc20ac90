-- Grain: one row per attempt to pay an order.
-- Preference: raw holds the newest version of a payment; a payment that is gone at the source leaves.
select
    payment_id,
    order_id,
    method,
    status,
    amount,
    upper(currency) as currency,
    paid_at,
    updated_at
from {{ source('shop', 'payments') }}
where not _is_deleted
