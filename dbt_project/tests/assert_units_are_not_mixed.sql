-- The winning attributes of a group come from one record: an address is an address that stood somewhere.
select
    customer_id,
    attribute_group
from {{ ref('dim_customer_attribute') }}
where is_winner
group by customer_id, attribute_group
having count(distinct record_id) > 1
