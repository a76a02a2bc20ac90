-- The crosswalk and the golden record name the same customers.
select
    customers.customer_id,
    bridged.customer_id as bridged_customer_id
from (select distinct customer_id from {{ ref('bridge_customer_record') }}) as bridged
full outer join {{ ref('dim_customer') }} as customers on bridged.customer_id = customers.customer_id
where customers.customer_id is null or bridged.customer_id is null
