-- Grain: one row per order line, with its order's record, time and rate. A line whose order is not there (yet) has no record.
{{ config(
    unique_key=['order_id', 'line_number'],
    indexes=[
        {'columns': ['order_id', 'line_number'], 'unique': true},
        {'columns': ['customer_record_id']},
        {'columns': ['product_id']}
    ],
    meta={'scope': 'order_lines_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with lines as (
    select *
    from {{ ref('stg_shop__order_lines') }}
    {% if is_live() %}where (order_id, line_number) in ({{ order_line_keys_in_batch() }}){% endif %}
),

orders as (
    select * from {{ ref('int_orders_keyed') }}
)

select
    lines.order_id,
    lines.line_number,
    orders.customer_record_id,
    lines.product_id,
    lines.quantity,
    lines.unit_price,
    lines.discount_amount,
    lines.line_amount,
    orders.currency,
    (lines.line_amount * orders.reference_rate)::numeric(14, 2) as line_amount_reference,
    orders.is_sale,
    orders.ordered_at,
    lines.updated_at
from lines
left join orders on lines.order_id = orders.order_id
