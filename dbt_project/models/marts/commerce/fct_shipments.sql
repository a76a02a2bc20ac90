-- Grain: one row per parcel of an order that is in fct_orders.
select
    facts.shipment_id,
    facts.order_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.carrier,
    facts.tracking_code,
    facts.status,
    facts.status = 'delivered' as is_delivered,
    facts.shipped_at,
    facts.shipped_at::date as shipped_on,
    facts.delivered_at,
    facts.updated_at
from {{ ref('int_shipments_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
-- without its order it has no record
where facts.customer_record_id is not null
