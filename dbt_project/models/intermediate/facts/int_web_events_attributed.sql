-- Grain: one row per web event, with the record of the user it belongs to.
-- An anonymous event belongs to whoever identified last before it on that visitor id, or else to the first who did after it.
{{ config(
    unique_key='event_id',
    indexes=[
        {'columns': ['event_id'], 'unique': true},
        {'columns': ['anonymous_id']},
        {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'web_events_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with events as (
    select *
    from {{ ref('stg_web__events') }}
    {% if is_live() %}where event_id in ({{ web_event_ids_in_batch() }}){% endif %}
),

identifies as (
    select *
    from {{ ref('int_web_identifies') }}
    {% if is_live() %}where anonymous_id in (select events.anonymous_id from events){% endif %}
),

spans as (
    {{ visitor_spans('identifies') }}
)

select
    events.event_id,
    events.event_type,
    events.event_name,
    coalesce(events.user_record_id, spans.user_record_id) as customer_record_id,
    case
        when events.user_record_id is not null then 'user_id'
        when spans.user_record_id is not null then 'identify'
        else 'none'
    end as attributed_by,
    events.anonymous_id,
    events.page_path,
    events.page_referrer,
    events.product_id,
    events.order_id,
    events.revenue,
    events.campaign_source,
    events.campaign_medium,
    events.campaign_name,
    events.user_agent,
    events.ip_address,
    events.occurred_at,
    events.received_at
from events
left join spans
    on
        events.user_record_id is null
        and events.anonymous_id = spans.anonymous_id
        and events.occurred_at >= spans.valid_from
        and events.occurred_at < spans.valid_until
