-- Grain: one row per parcel, with its order's record. A parcel whose order is not there (yet) has no record.
{{ config(
    unique_key='shipment_id',
    indexes=[
        {'columns': ['shipment_id'], 'unique': true},
        {'columns': ['order_id']},
        {'columns': ['customer_record_id']}
    ],
    meta={'scope': 'shipments_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

with shipments as (
    select *
    from {{ ref('stg_shop__shipments') }}
    {% if is_live() %}where shipment_id in ({{ keys_of_orders_in_batch('shipments', 'shipment_id') }}){% endif %}
),

orders as (
    select * from {{ ref('int_orders_keyed') }}
)

select
    shipments.shipment_id,
    shipments.order_id,
    orders.customer_record_id,
    shipments.carrier,
    shipments.tracking_code,
    shipments.status,
    shipments.shipped_at,
    shipments.delivered_at,
    shipments.updated_at
from shipments
left join orders on shipments.order_id = orders.order_id
