-- Grain: one row per agent.
select
    id as agent_id,
    name as agent_name,
    role = 'admin' as is_admin,
    is_active,
    created_at
from {{ source('support', 'users') }}
where not _is_deleted and role <> 'end-user'
