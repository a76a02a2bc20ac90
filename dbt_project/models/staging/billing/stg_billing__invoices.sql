-- Grain: one row per invoice.
-- Preference: an invoice told of again has the same id, and raw keeps its newest event. Drafts are nobody's debt yet.
select
    id as invoice_id,
    'billing.customers:' || customer_id as customer_record_id,
    number as invoice_number,
    order_number,
    status,
    upper(currency) as currency,
    {{ from_minor_units('amount_due', 'currency') }} as due_amount,
    {{ from_minor_units('amount_paid', 'currency') }} as paid_amount,
    {{ from_minor_units('amount_remaining', 'currency') }} as remaining_amount,
    coalesce(billing_reason = 'subscription_cycle', false) as is_membership,
    created_at as invoiced_at,
    due_at,
    paid_at,
    voided_at,
    changed_at as updated_at
from {{ source('billing', 'invoices') }}
where not _is_deleted and status <> 'draft'
