-- Grain: one row per ticket.
-- Preference: raw keeps the newest version of a ticket; one that was deleted (spam, merged into another) is none.
select
    id as ticket_id,
    'support.users:' || requester_id as customer_record_id,
    assignee_id as agent_id,
    order_number,
    status,
    status in ('new', 'open', 'pending', 'hold') as is_open,
    priority,
    type as ticket_type,
    channel,
    tags ->> 0 as topic,
    case when satisfaction_score in ('good', 'bad') then satisfaction_score end as satisfaction,
    created_at as opened_at,
    updated_at
from {{ source('support', 'tickets') }}
where not _is_deleted and status <> 'deleted'
