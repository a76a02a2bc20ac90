-- Grain: one row per cart, with the record of its account, or of the user its visitor identified as.
{{ config(
    unique_key='cart_id',
    indexes=[
        {'columns': ['cart_id'], 'unique': true},
        {'columns': ['anonymous_id']},
        {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'carts_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with carts as (
    select *
    from {{ ref('stg_shop__carts') }}
    {% if is_live() %}where cart_id in ({{ cart_ids_in_batch() }}){% endif %}
),

identifies as (
    select *
    from {{ ref('int_web_identifies') }}
    {% if is_live() %}where anonymous_id in (select carts.anonymous_id from carts){% endif %}
),

spans as (
    {{ visitor_spans('identifies') }}
),

rates as (
    select * from {{ ref('int_reference_rates_spanned') }}
)

select
    carts.cart_id,
    coalesce(carts.customer_record_id, spans.user_record_id) as customer_record_id,
    carts.anonymous_id,
    carts.status,
    carts.item_count,
    carts.total_amount,
    carts.currency,
    (carts.total_amount * rates.rate)::numeric(14, 2) as total_amount_reference,
    carts.created_at,
    carts.updated_at
from carts
left join spans
    on
        carts.customer_record_id is null
        and carts.anonymous_id = spans.anonymous_id
        and carts.created_at >= spans.valid_from
        and carts.created_at < spans.valid_until
left join rates
    on
        carts.currency = rates.currency
        and carts.created_at::date >= rates.valid_from
        and carts.created_at::date < rates.valid_until
