-- A retired id must lead to a living customer: following aliases never comes back to where it began.
with recursive walked as (
    select
        retired_customer_id as started_from,
        customer_id as reached,
        1 as steps
    from {{ ref('bridge_customer_alias') }}
    union all
    select
        walked.started_from,
        alias.customer_id,
        walked.steps + 1 as steps
    from walked
    inner join {{ ref('bridge_customer_alias') }} as alias on walked.reached = alias.retired_customer_id
    where walked.reached <> walked.started_from and walked.steps < 100
)

select
    started_from,
    reached
from walked
where reached = started_from or steps = 100
