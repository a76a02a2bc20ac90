-- A merge brought two pins on one thing together: the newer holds, a steward should remove one (`customer360 pin list --conflicts`).
{{ config(severity='warn') }}

select
    customer_id,
    attribute_group,
    record_id
from {{ ref('dim_customer_attribute') }}
where is_pinned and rank > 1 and ranked_by = 'pinned'
