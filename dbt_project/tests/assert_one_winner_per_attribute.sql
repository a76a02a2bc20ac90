-- A customer has at most one winning value of an attribute, and a winner is valid and of rank 1.
select
    customer_id,
    attribute
from {{ ref('dim_customer_attribute') }}
where is_winner
group by customer_id, attribute
having count(*) > 1 or bool_or(not is_valid) or max(rank) > 1
