-- Grain: one row per returned order line, with its order's record, currency and rate. Without its order (yet) it has none of them.
{{ config(
    unique_key='return_id',
    indexes=[
        {'columns': ['return_id'], 'unique': true},
        {'columns': ['order_id']},
        {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'returns_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with returns as (
    select *
    from {{ ref('stg_shop__returns') }}
    {% if is_live() %}where return_id in ({{ keys_of_orders_in_batch('returns', 'return_id') }}){% endif %}
),

orders as (
    select * from {{ ref('int_orders_keyed') }}
)

select
    returns.return_id,
    returns.order_id,
    returns.line_number,
    orders.customer_record_id,
    returns.quantity,
    returns.reason,
    returns.refund_amount,
    orders.currency,
    (returns.refund_amount * orders.reference_rate)::numeric(14, 2) as refund_amount_reference,
    returns.returned_at,
    returns.updated_at
from returns
left join orders on returns.order_id = orders.order_id
