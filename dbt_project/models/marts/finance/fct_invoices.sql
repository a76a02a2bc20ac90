-- Grain: one row per invoice that is no draft.
select
    facts.invoice_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.invoice_number,
    facts.order_number,
    facts.status,
    facts.status = 'open' and facts.due_at < now() as is_overdue,
    facts.is_membership,
    facts.currency,
    facts.due_amount,
    facts.paid_amount,
    facts.remaining_amount,
    facts.due_amount_reference,
    facts.remaining_amount_reference,
    facts.invoiced_at,
    facts.invoiced_at::date as invoiced_on,
    facts.due_at,
    facts.paid_at,
    facts.voided_at,
    facts.updated_at
from {{ ref('int_invoices_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
