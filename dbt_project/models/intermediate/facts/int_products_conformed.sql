-- Grain: one row per product, deleted ones included.
{{ config(unique_key='product_id', indexes=[{'columns': ['product_id'], 'unique': true}]) }}

-- The catalogue is small and a doubled SKU changes its neighbour's row: it is compared whole, live too.
select
    product_id,
    sku,
    canonical_product_id,
    product_name,
    category,
    brand,
    list_price,
    currency,
    is_active,
    is_deleted,
    created_at,
    updated_at
from {{ ref('stg_shop__products') }}
