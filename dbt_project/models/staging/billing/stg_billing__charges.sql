-- Grain: one row per attempt to take money.
-- Preference: a charge told of again has the same id, and raw keeps its newest event.
select
    id as charge_id,
    'billing.customers:' || customer_id as customer_record_id,
    invoice_id,
    status,
    method,
    upper(currency) as currency,
    {{ from_minor_units('amount', 'currency') }} as amount,
    {{ from_minor_units('amount_refunded', 'currency') }} as refunded_amount,
    failure_code,
    created_at as charged_at,
    changed_at as updated_at
from {{ source('billing', 'charges') }}
where not _is_deleted
