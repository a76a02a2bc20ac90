-- Grain: one row per customer that a live run rebuilds; empty after a nightly run, which rebuilds everyone.
{{ config(
    unique_key='customer_id',
    indexes=[{'columns': ['customer_id'], 'unique': true}],
    post_hook='analyze {{ this }}'
) }}
-- Everything that can touch a record comes first:
-- depends_on: {{ ref('int_carts_keyed') }}, {{ ref('int_email_events_keyed') }}, {{ ref('int_order_lines_keyed') }}
-- depends_on: {{ ref('int_orders_keyed') }}, {{ ref('int_payments_keyed') }}, {{ ref('int_returns_keyed') }}
-- depends_on: {{ ref('int_shipments_keyed') }}, {{ ref('int_source_records_unioned') }}, {{ ref('int_web_events_attributed') }}
-- depends_on: {{ ref('int_invoices_keyed') }}, {{ ref('int_charges_keyed') }}, {{ ref('int_support_tickets_keyed') }}
-- depends_on: {{ ref('int_campaign_responses_keyed') }}, {{ ref('int_survey_answers_keyed') }}, {{ ref('int_reviews_keyed') }}

with touched as (
    select id as record_id
    from {{ source('ops', 'dbt_batch_touched') }}
    where kind = 'record'
),

-- An address that bounces is invalid for everyone who gives it, not for the subscriber alone.
sharing_an_address as (
    select sharing.record_id
    from touched
    inner join {{ ref('stg_identity__record_attributes') }} as attribute
        on touched.record_id = attribute.record_id and attribute.attribute = 'email'
    inner join {{ ref('stg_identity__record_attributes') }} as sharing
        on attribute.standard_value = sharing.standard_value and sharing.attribute = 'email'
    where starts_with(touched.record_id, 'email.subscribers:')
),

records as (
    select record_id from touched
    union
    select record_id from sharing_an_address
),

final as (
    select customer_id from {{ source('ops', 'dbt_batch_customer') }}
    union
    select holders.customer_id
    from records
    -- looked up record by record (one stands for each): how few there are the planner cannot know, and it would read all
    cross join lateral (
        select membership.customer_id
        from {{ source('identity', 'membership') }} as membership
        where membership.record_id = records.record_id and membership.valid_to is null
        limit 1 -- noqa: AM09
    ) as holders
)

select customer_id
from final
where {{ var('live') }}
