-- Grain: one row per source record, attribute and value, as identity resolution standardised it.
select
    record_id,
    attribute,
    ordinal,
    unit,
    field,
    raw_value,
    value as standard_value,
    coalesce(is_verified, false) as is_verified,
    'placeholder' = any(flags) as is_placeholder,
    observed_since
from {{ source('identity', 'record_attribute') }}
