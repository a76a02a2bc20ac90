-- Grain: one row per customer, attribute and candidate value: why the golden record says what it says.
select
    customer_id,
    attribute,
    rank,
    is_winner,
    marts.mask(value) as value,
    marts.mask(standard_value) as standard_value,
    ranked_by,
    lost_because,
    is_valid,
    invalid_because,
    is_verified,
    is_pinned,
    observed_since as observed_since_at,
    -- Age counts to the moment of reading, so it is not stored.
    extract(day from current_timestamp - observed_since)::integer as age_days,
    case
        when half_life_days is null then 1
        else power(0.5, greatest(extract(epoch from current_timestamp - observed_since), 0) / (86400.0 * half_life_days))
    end::numeric(5, 4) as freshness,
    confidence,
    evidence,
    supporting_records,
    supporting_systems,
    record_id,
    source_object,
    field,
    attribute_group,
    candidate_key
from {{ ref('int_customer_attributes_ranked') }}
