-- Grain: one row per movement.
-- Preference: raw keeps what was recorded last of a movement; one that was withdrawn never was.
select
    movement_id,
    sku,
    warehouse,
    kind,
    quantity,
    unit_cost,
    reason,
    order_number,
    order_line as line_number,
    transfer_id,
    occurred_at,
    recorded_at
from {{ source('inventory', 'movements') }}
where not _is_deleted
