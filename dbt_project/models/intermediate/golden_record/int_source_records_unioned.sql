-- Grain: one row per live source record that says something besides identity: consent, bounces, how old it is.
{{ config(
    unique_key='record_id',
    indexes=[{'columns': ['record_id'], 'unique': true}],
    meta={'scope': 'source_records_in_batch', 'touches': {'record': 'record_id'}}
) }}

with shop_accounts as (
    select
        record_id,
        is_marketing_consented as is_email_consented,
        false as is_bounced,
        created_at,
        updated_at
    from {{ ref('stg_shop__customers') }}
    {% if is_live() %}where account_id in ({{ keys_loaded('shop', 'customers', 'customer_id') }}){% endif %}
),

crm_contacts as (
    -- The CRM records refusals alone: that nobody refused is not consent.
    select
        record_id,
        case when has_opted_out_of_email then false end as is_email_consented,
        false as is_bounced,
        created_at,
        updated_at
    from {{ ref('stg_crm__contacts') }}
    {% if is_live() %}where contact_id in ({{ keys_loaded('crm', 'contacts', 'id') }}){% endif %}
),

crm_leads as (
    select
        record_id,
        null::boolean as is_email_consented,
        false as is_bounced,
        created_at,
        updated_at
    from {{ ref('stg_crm__leads') }}
    {% if is_live() %}where lead_id in ({{ keys_loaded('crm', 'leads', 'id') }}){% endif %}
),

subscribers as (
    select *
    from {{ ref('stg_email__subscribers') }}
    {% if is_live() %}where subscriber_id in ({{ subscriber_ids_in_batch() }}){% endif %}
),

mail_events as (
    select
        customer_record_id,
        max(occurred_at) filter (where event_type = 'unsubscribed') as last_unsubscribed_at,
        max(occurred_at) filter (where event_type = 'bounced' and bounce_type = 'hard') as last_hard_bounced_at,
        max(occurred_at) filter (where event_type in ('delivered', 'opened', 'clicked')) as last_delivered_at
    from {{ ref('int_email_events_keyed') }}
    {% if is_live() %}where customer_record_id in (select subscribers.record_id from subscribers){% endif %}
    group by customer_record_id
),

email_subscribers as (
    select
        subscribers.record_id,
        case
            when subscribers.status in ('unsubscribed', 'complained') then false
            when mail_events.last_unsubscribed_at >= coalesce(subscribers.subscribed_at, '-infinity') then false
            when subscribers.status = 'subscribed' then true
        end as is_email_consented,
        -- A hard bounce stands until a later mail arrives.
        subscribers.status = 'bounced'
        or coalesce(
            mail_events.last_hard_bounced_at > coalesce(mail_events.last_delivered_at, '-infinity'), false
        ) as is_bounced,
        subscribers.subscribed_at as created_at,
        subscribers.updated_at
    from subscribers
    left join mail_events on subscribers.record_id = mail_events.customer_record_id
),

final as (
    select * from shop_accounts
    union all
    select * from crm_contacts
    union all
    select * from crm_leads
    union all
    select * from email_subscribers
)

select * from final
