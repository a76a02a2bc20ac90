-- Grain: one row per currency and span of days with one rate.
{{ config(materialized='view') }}

select
    currency,
    rate,
    valid_from,
    lead(valid_from, 1, 'infinity'::date) over (partition by currency order by valid_from) as valid_until
from {{ ref('reference_rates') }}
