-- Grain: one row per agent of support, those who left included, because old tickets name them.
select
    agent_id,
    agent_name,
    is_admin,
    is_active,
    created_at
from {{ ref('stg_support__agents') }}
