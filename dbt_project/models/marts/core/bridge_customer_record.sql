-- Grain: one row per source record that belongs to a customer (the crosswalk).
select
    record_id,
    customer_id,
    system,
    object,
    record_kind,
    is_deleted,
    first_seen_at,
    linked_at
from {{ ref('int_customer_records_bridged') }}
