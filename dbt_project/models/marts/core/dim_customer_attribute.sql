-- Grain: one row per customer, attribute and candidate value: why the golden record says what it says.
select
    customer_id,
    attribute,
    rank,
    is_winner,
    marts.mask(value) as value,
    marts.mask(standard_value) as standard_value,
    ranked_by,
    is_valid,
    invalid_because,
    is_verified,
    observed_since as observed_since_at,
    supporting_records,
    record_id,
    source_object,
    field,
    attribute_group,
    candidate_key
from {{ ref('int_customer_attributes_ranked') }}
