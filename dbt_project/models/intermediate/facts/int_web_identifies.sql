-- Grain: one row per identify event that names a user and a visitor (anonymous id).
{{ config(
    unique_key='event_id',
    indexes=[{'columns': ['event_id'], 'unique': true}, {'columns': ['anonymous_id']}],
    meta={'scope': 'web_events_loaded', 'touches': {'visitor': 'anonymous_id'}}
) }}

select
    event_id,
    anonymous_id,
    user_record_id,
    occurred_at
from {{ ref('stg_web__events') }}
where
    event_type = 'identify'
    and user_record_id is not null
    and anonymous_id is not null
    and {{ if_live('event_id in (' ~ keys_loaded('web', 'events', 'message_id') ~ ')') }}
