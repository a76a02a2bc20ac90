-- Grain: one row per lead that is not deleted, converted ones included.
-- Preference: raw holds the newest version of a lead; a soft-deleted lead leaves. Lead and contact are joined by identity resolution.
select
    id as lead_id,
    'crm.leads:' || id as record_id,
    first_name,
    last_name,
    company,
    email,
    phone,
    city,
    postal_code,
    country,
    status,
    lead_source,
    converted_contact_id,
    converted_contact_id is not null as is_converted,
    created_date as created_at,
    system_modstamp as updated_at
from {{ source('crm', 'leads') }}
where not _is_deleted
