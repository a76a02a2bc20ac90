-- Grain: one row per address an account has saved and not deleted.
-- Preference: raw holds the newest version of an address; a soft-deleted address leaves.
select
    address_id,
    customer_id as account_id,
    'shop.customers:' || customer_id as customer_record_id,
    kind as address_kind,
    street,
    house_number,
    postal_code,
    city,
    region,
    upper(country) as country,
    created_at,
    updated_at
from {{ source('shop', 'addresses') }}
where not _is_deleted
