-- Grain: one row per stay of a source record with a customer; the stay of a moment has valid_from <= moment < valid_until.
select
    record_id,
    customer_id,
    valid_from as valid_from_at,
    coalesce(valid_to, 'infinity'::timestamptz) as valid_until_at,
    valid_to is null as is_current
from {{ source('identity', 'membership') }}
