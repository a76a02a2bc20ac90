-- Grain: one row per retired customer id, with the customer it means now.
select
    alias_id as retired_customer_id,
    customer_id,
    since as retired_at
from {{ source('identity', 'alias') }}
