-- Grain: one row per ticket, keyed on the requester's record.
{{ config(
    unique_key='ticket_id',
    indexes=[{'columns': ['ticket_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'support_tickets_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

select
    ticket_id,
    customer_record_id,
    agent_id,
    order_number,
    status,
    is_open,
    priority,
    ticket_type,
    channel,
    topic,
    satisfaction,
    opened_at,
    updated_at
from {{ ref('stg_support__tickets') }}
{% if is_live() %}where ticket_id in ({{ keys_loaded('support', 'tickets', 'id') }}){% endif %}
