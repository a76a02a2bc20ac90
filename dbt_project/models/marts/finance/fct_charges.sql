-- Grain: one row per attempt to take money.
select
    facts.charge_id,
    facts.invoice_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.status,
    facts.method,
    facts.currency,
    facts.amount,
    facts.refunded_amount,
    facts.amount_reference,
    facts.refunded_amount_reference,
    facts.failure_code,
    facts.charged_at,
    facts.charged_at::date as charged_on,
    facts.updated_at
from {{ ref('int_charges_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
