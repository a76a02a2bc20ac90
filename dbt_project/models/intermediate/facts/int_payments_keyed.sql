-- Grain: one row per payment attempt, with its order's record. A payment whose order is not there (yet) has no record.
{{ config(
    unique_key='payment_id',
    indexes=[
        {'columns': ['payment_id'], 'unique': true},
        {'columns': ['order_id']},
        {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'payments_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with payments as (
    select *
    from {{ ref('stg_shop__payments') }}
    {% if is_live() %}where payment_id in ({{ keys_of_orders_in_batch('payments', 'payment_id') }}){% endif %}
),

orders as (
    select * from {{ ref('int_orders_keyed') }}
),

rates as (
    select * from {{ ref('int_reference_rates_spanned') }}
)

select
    payments.payment_id,
    payments.order_id,
    orders.customer_record_id,
    payments.method,
    payments.status,
    payments.amount,
    payments.currency,
    (payments.amount * rates.rate)::numeric(14, 2) as amount_reference,
    payments.paid_at,
    payments.updated_at
from payments
left join orders on payments.order_id = orders.order_id
left join rates
    on
        payments.currency = rates.currency
        and coalesce(payments.paid_at, payments.updated_at)::date >= rates.valid_from
        and coalesce(payments.paid_at, payments.updated_at)::date < rates.valid_until
