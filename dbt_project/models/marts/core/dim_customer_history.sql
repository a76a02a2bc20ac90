-- Grain: one row per version of a customer; the version of a moment has valid_from <= moment < valid_until.
-- Beside it stand the functions marts.customer_as_of, see macros/as_of.sql.
{{ config(post_hook='{{ create_as_of_functions() }}') }}
-- depends_on: {{ ref('bridge_customer_record_history') }}, {{ ref('bridge_customer_alias') }}, {{ ref('dim_customer') }}
select
    customer_id,
    valid_from as valid_from_at,
    coalesce(valid_until, 'infinity'::timestamptz) as valid_until_at,
    valid_until is null as is_current,
    customer_kind,
    marts.mask(first_name) as first_name,
    marts.mask(middle_name) as middle_name,
    marts.mask(last_name) as last_name,
    marts.mask(full_name) as full_name,
    marts.mask(birth_date) as birth_date,
    marts.mask(gender) as gender,
    marts.mask(email) as email,
    marts.mask(phone) as phone,
    marts.mask(street_address) as street_address,
    marts.mask(postal_code) as postal_code,
    marts.mask(city) as city,
    marts.mask(region) as region,
    country,
    marts.mask(loyalty_id) as loyalty_id,
    organisation,
    is_email_consented,
    name_source,
    email_source,
    phone_source,
    address_source,
    birth_date_source,
    gender_source,
    loyalty_id_source
from {{ ref('int_customer_versions_tracked') }}
