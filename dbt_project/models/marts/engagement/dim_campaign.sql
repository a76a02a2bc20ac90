-- Grain: one row per campaign of the marketing tool or mailing of the mail tool.
with mailings as (
    select
        campaign_id,
        max(campaign_name) as campaign_name,
        min(occurred_at)::date as started_on
    from {{ ref('int_email_events_keyed') }}
    group by campaign_id
)

select
    campaign_id,
    campaign_name,
    channel,
    objective,
    budget_amount,
    currency,
    started_on,
    ended_on
from {{ ref('stg_marketing__campaigns') }}
union all
select
    campaign_id,
    campaign_name,
    'email' as channel,
    null as objective,
    null as budget_amount,
    null as currency,
    started_on,
    null as ended_on
from mailings
