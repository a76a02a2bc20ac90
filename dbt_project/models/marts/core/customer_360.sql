-- Grain: one row per living customer: who it is, what may be done with it, and what it did.
select
    customers.customer_id,
    customers.customer_kind,
    marts.mask(customers.full_name) as full_name,
    marts.mask(customers.first_name) as first_name,
    marts.mask(customers.last_name) as last_name,
    marts.mask(customers.birth_date) as birth_date,
    marts.mask(customers.gender) as gender,
    marts.mask(customers.email) as email,
    marts.mask(customers.phone) as phone,
    marts.mask(customers.street_address) as street_address,
    marts.mask(customers.postal_code) as postal_code,
    marts.mask(customers.city) as city,
    marts.mask(customers.region) as region,
    customers.country,
    marts.mask(customers.loyalty_id) as loyalty_id,
    customers.organisation,
    customers.is_email_consented,
    customers.record_count,
    customers.system_count,
    customers.systems,
    customers.confidence,
    customers.customer_since_at,
    customers.identified_at,
    {{ listed(activity_columns(), 'activity') }}
from {{ ref('int_customers_pivoted') }} as customers
inner join {{ ref('int_customer_activity_summed') }} as activity on customers.customer_id = activity.customer_id
