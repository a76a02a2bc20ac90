-- Grain: one row per attempt to take money, keyed on the billing customer's record.
{{ config(
    unique_key='charge_id',
    indexes=[{'columns': ['charge_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'charges_loaded', 'touches': {'record': 'customer_record_id'}}
) }}

with charges as (
    select *
    from {{ ref('stg_billing__charges') }}
    {% if is_live() %}where charge_id in ({{ keys_loaded('billing', 'charges', 'id') }}){% endif %}
),

rates as (
    select * from {{ ref('int_reference_rates_spanned') }}
)

select
    charges.charge_id,
    charges.customer_record_id,
    charges.invoice_id,
    charges.status,
    charges.method,
    charges.currency,
    charges.amount,
    charges.refunded_amount,
    (charges.amount * rates.rate)::numeric(14, 2) as amount_reference,
    (charges.refunded_amount * rates.rate)::numeric(14, 2) as refunded_amount_reference,
    charges.failure_code,
    charges.charged_at,
    charges.updated_at
from charges
left join rates
    on
        charges.currency = rates.currency
        and charges.charged_at::date >= rates.valid_from
        and charges.charged_at::date < rates.valid_until
