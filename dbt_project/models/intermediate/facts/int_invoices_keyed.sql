-- Grain: one row per invoice, keyed on the billing customer's record; amounts in its currency and in the reference currency.
{{ config(
    unique_key='invoice_id',
    indexes=[{'columns': ['invoice_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'invoices_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

with invoices as (
    select *
    from {{ ref('stg_billing__invoices') }}
    {% if is_live() %}where invoice_id in ({{ keys_loaded('billing', 'invoices', 'id') }}){% endif %}
),

rates as (
    select * from {{ ref('int_reference_rates_spanned') }}
)

select
    invoices.invoice_id,
    invoices.customer_record_id,
    invoices.invoice_number,
    invoices.order_number,
    invoices.status,
    invoices.is_membership,
    invoices.currency,
    invoices.due_amount,
    invoices.paid_amount,
    invoices.remaining_amount,
    (invoices.due_amount * rates.rate)::numeric(14, 2) as due_amount_reference,
    (invoices.remaining_amount * rates.rate)::numeric(14, 2) as remaining_amount_reference,
    invoices.invoiced_at,
    invoices.due_at,
    invoices.paid_at,
    invoices.voided_at,
    invoices.updated_at
from invoices
left join rates
    on
        invoices.currency = rates.currency
        and invoices.invoiced_at::date >= rates.valid_from
        and invoices.invoiced_at::date < rates.valid_until
