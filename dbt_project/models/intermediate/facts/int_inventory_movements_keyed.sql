-- Grain: one row per movement of stock.
{{ config(
    unique_key='movement_id',
    indexes=[{'columns': ['movement_id'], 'unique': true}, {'columns': ['sku', 'warehouse']}],
    meta={'scope': 'inventory_movements_loaded'}
) }}

select
    movement_id,
    sku,
    warehouse,
    kind,
    quantity,
    unit_cost,
    reason,
    order_number,
    line_number,
    transfer_id,
    occurred_at,
    recorded_at
from {{ ref('stg_inventory__movements') }}
{% if is_live() %}where movement_id in ({{ keys_loaded('inventory', 'movements', 'movement_id') }}){% endif %}
