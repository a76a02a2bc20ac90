-- Grain: one row per product, deleted ones included, because old order lines name them.
select
    product_id,
    sku,
    canonical_product_id,
    product_id = canonical_product_id as is_canonical,
    product_name,
    category,
    brand,
    list_price,
    currency,
    is_active,
    is_deleted,
    created_at,
    updated_at
from {{ ref('int_products_conformed') }}
