-- Grain: one row per CRM contact that is not deleted.
-- Preference: raw holds the newest version of a contact; a soft-deleted contact leaves. Doubled people are left to identity resolution.
select
    id as contact_id,
    'crm.contacts:' || id as record_id,
    account_id,
    salutation,
    first_name,
    middle_name,
    last_name,
    email,
    phone,
    mobile_phone,
    birth_date,
    mailing_street,
    mailing_city,
    mailing_state as mailing_region,
    mailing_postal_code,
    mailing_country,
    loyalty_id,
    has_opted_out_of_email,
    lead_source,
    created_date as created_at,
    system_modstamp as updated_at
from {{ source('crm', 'contacts') }}
where not _is_deleted
