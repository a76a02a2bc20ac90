-- Grain: one row per order, keyed on the shop account's record; amounts in the order's currency and in the reference currency.
{{ config(
    unique_key='order_id',
    indexes=[{'columns': ['order_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'orders_in_batch', 'touches': {'order': 'order_id', 'record': 'customer_record_id'}}
) }}

with orders as (
    select *
    from {{ ref('stg_shop__orders') }}
    {% if is_live() %}where order_id in ({{ order_ids_in_batch() }}){% endif %}
),

rates as (
    select * from {{ ref('int_reference_rates_spanned') }}
)

select
    orders.order_id,
    orders.order_number,
    orders.customer_record_id,
    orders.cart_id,
    orders.status,
    orders.status not in ('pending', 'cancelled') as is_sale,
    orders.channel,
    orders.currency,
    orders.subtotal_amount,
    orders.shipping_amount,
    orders.discount_amount,
    orders.total_amount,
    rates.rate as reference_rate,
    (orders.total_amount * rates.rate)::numeric(14, 2) as total_amount_reference,
    orders.ordered_at,
    orders.updated_at
from orders
left join rates
    on
        orders.currency = rates.currency
        and orders.ordered_at::date >= rates.valid_from
        and orders.ordered_at::date < rates.valid_until
