-- Grain: one row per parcel.
-- Preference: raw holds the newest version of a parcel; a parcel that is gone at the source leaves.
select
    shipment_id,
    order_id,
    carrier,
    tracking_code,
    status,
    shipped_at,
    delivered_at,
    updated_at
from {{ source('shop', 'shipments') }}
where not _is_deleted
