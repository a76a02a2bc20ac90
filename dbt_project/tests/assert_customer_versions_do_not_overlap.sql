-- A moment has one version of a customer, and a living customer has a current one.
with versions as (
    select
        customer_id,
        valid_from_at,
        valid_until_at,
        lead(valid_from_at) over (partition by customer_id order by valid_from_at) as next_from_at
    from {{ ref('dim_customer_history') }}
)

select customer_id
from versions
where valid_until_at > next_from_at or valid_until_at < valid_from_at
union all
select customers.customer_id
from {{ ref('dim_customer') }} as customers
left join {{ ref('dim_customer_history') }} as history
    on customers.customer_id = history.customer_id and history.is_current
where history.customer_id is null
