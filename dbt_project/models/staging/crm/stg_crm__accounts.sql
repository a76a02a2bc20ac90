-- Grain: one row per CRM account (household or company) that is not deleted.
-- Preference: raw holds the newest version of an account; a soft-deleted account leaves.
select
    id as account_id,
    name as account_name,
    type as account_type,
    industry,
    created_date as created_at,
    system_modstamp as updated_at
from {{ source('crm', 'accounts') }}
where not _is_deleted
