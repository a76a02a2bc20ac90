-- Grain: one row per product of the catalogue, deleted ones included, because old order lines name them.
-- Doubled SKUs share a canonical product. Preference: not deleted, then active, then newest update, then greatest id.
select
    product_id,
    sku,
    first_value(product_id) over same_sku as canonical_product_id,
    name as product_name,
    category,
    brand,
    price as list_price,
    upper(currency) as currency,
    coalesce(is_active, false) as is_active,
    _is_deleted as is_deleted,
    created_at,
    updated_at
from {{ source('shop', 'products') }}
window same_sku as (
    partition by sku
    order by _is_deleted asc, coalesce(is_active, false) desc, updated_at desc, product_id desc
)
