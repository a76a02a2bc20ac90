-- Grain: one row per campaign of the marketing tool.
select
    campaign_id,
    name as campaign_name,
    channel,
    objective,
    budget as budget_amount,
    currency,
    started_on,
    ended_on
from {{ source('marketing', 'campaigns') }}
where not _is_deleted
