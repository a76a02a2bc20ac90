-- Grain: one row per shop account that is not deleted.
-- Preference: raw holds the newest version of an account; a soft-deleted account leaves.
select
    customer_id as account_id,
    'shop.customers:' || customer_id as record_id,
    email,
    email_verified as is_email_verified,
    first_name,
    last_name,
    birth_date,
    gender,
    phone,
    loyalty_id,
    crm_contact_id,
    locale,
    marketing_consent as is_marketing_consented,
    created_at,
    updated_at
from {{ source('shop', 'customers') }}
where not _is_deleted
