-- Grain: one row per review.
-- Preference: raw keeps what was told last of a review; one that was withdrawn is none.
select
    review_id,
    'reviews.reviews:' || reviewer_id as customer_record_id,
    order_number,
    sku,
    rating,
    title,
    text,
    created_at as reviewed_at,
    changed_at
from {{ source('reviews', 'reviews') }}
where not _is_deleted
