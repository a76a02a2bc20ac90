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
    'role_mailbox' = any(flags) as is_role_mailbox,
    'invalid' = any(flags) as is_impossible,
    observed_since
from {{ source('identity', 'record_attribute') }}
