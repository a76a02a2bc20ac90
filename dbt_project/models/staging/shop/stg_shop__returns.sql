-- Grain: one row per returned order line.
-- Preference: raw holds the newest version of a return; a return that is gone at the source leaves.
select
    return_id,
    order_id,
    line_number,
    quantity,
    reason,
    refund_amount,
    returned_at,
    updated_at
from {{ source('shop', 'returns') }}
where not _is_deleted
