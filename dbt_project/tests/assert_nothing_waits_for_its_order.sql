-- Lines, payments, parcels and returns whose order never came are kept, but no fact shows them.
-- Late orders are normal, a growing number of them is not.
{{ config(severity='warn') }}

select 'order_lines' as fact, order_id from {{ ref('int_order_lines_keyed') }} where customer_record_id is null
union all
select 'payments' as fact, order_id from {{ ref('int_payments_keyed') }} where customer_record_id is null
union all
select 'shipments' as fact, order_id from {{ ref('int_shipments_keyed') }} where customer_record_id is null
union all
select 'returns' as fact, order_id from {{ ref('int_returns_keyed') }} where customer_record_id is null
