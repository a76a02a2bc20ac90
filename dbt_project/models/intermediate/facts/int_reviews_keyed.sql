-- Grain: one row per review, keyed on the reviewer's record.
{{ config(
    unique_key='review_id',
    indexes=[{'columns': ['review_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'reviews_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

select
    review_id,
    customer_record_id,
    order_number,
    sku,
    rating,
    title,
    text,
    reviewed_at,
    changed_at
from {{ ref('stg_reviews__reviews') }}
{% if is_live() %}where review_id in ({{ keys_loaded('reviews', 'reviews', 'review_id') }}){% endif %}
