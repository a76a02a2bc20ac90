-- Grain: one row per source record that belongs to a customer (the crosswalk).
{{ config(
    unique_key='record_id',
    indexes=[{'columns': ['record_id'], 'unique': true}, {'columns': ['customer_id']}],
    meta={'scope': 'customers_in_batch'}
) }}
-- depends_on: {{ ref('int_customers_changed') }}

with membership as (
    select *
    from {{ source('identity', 'membership') }}
    where
        valid_to is null
        and {{ if_live('customer_id in (' ~ customers_changed() ~ ')') }}
),

records as (
    select * from {{ source('identity', 'record') }}
)

select
    membership.record_id,
    membership.customer_id,
    records.system,
    records.object,
    records.kind as record_kind,
    records.is_deleted,
    records.first_seen_at,
    membership.valid_from as linked_at
from membership
inner join records on membership.record_id = records.record_id
