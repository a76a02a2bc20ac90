-- Grain: one row per living customer: the winning values side by side, each group with the record it came from.
{{ config(
    unique_key='customer_id',
    indexes=[{'columns': ['customer_id'], 'unique': true}],
    meta={'scope': 'customers_in_batch'}
) }}
-- depends_on: {{ ref('int_customers_changed') }}

with records as (
    select
        bridged.customer_id,
        count(*)::integer as record_count,
        count(distinct bridged.system)::integer as system_count,
        string_agg(distinct bridged.system, ', ' order by bridged.system) as systems,
        bool_or(bridged.record_kind = 'person') as is_person,
        least(min(bridged.first_seen_at), min(source_records.created_at)) as customer_since_at,
        -- One refusal outweighs every consent.
        bool_and(source_records.is_email_consented) as is_email_consented
    from {{ ref('int_customer_records_bridged') }} as bridged
    left join {{ ref('int_source_records_unioned') }} as source_records on bridged.record_id = source_records.record_id
    {% if is_live() %}where bridged.customer_id in ({{ customers_changed() }}){% endif %}
    group by bridged.customer_id
),

winners as (
    select
        customer_id,
        {{ winners_as_columns('attribute', golden_columns(), 'value') }},
        {{ winners_as_columns('attribute_group', golden_groups(), 'record_id', suffix='_source') }},
        -- a unit is as sure as its least sure part
        {{ winners_as_columns('attribute_group', golden_groups(), 'confidence', suffix='_confidence', pick='min') }},
        string_agg(distinct attribute_group, ', ' order by attribute_group) filter (where is_pinned) as pinned_groups
    from {{ ref('int_customer_attributes_ranked') }}
    where
        is_winner
        and {{ if_live('customer_id in (' ~ customers_changed() ~ ')') }}
    group by customer_id
),

customers as (
    select *
    from {{ source('identity', 'customer') }}
    where
        retired_at is null
        and {{ if_live('customer_id in (' ~ customers_changed() ~ ')') }}
)

select
    customers.customer_id,
    case when records.is_person then 'person' else 'organisation' end as customer_kind,
    winners.first_name,
    winners.middle_name,
    winners.last_name,
    -- A name or an address that the source keeps in one line is shown as that line: its parts are in standard form.
    coalesce(
        winners.full_name, nullif(concat_ws(' ', winners.first_name, winners.middle_name, winners.last_name), '')
    ) as full_name,
    -- where only the year or the month is known there is no date to show; the long form has it
    case when length(winners.birth_date) = 10 then winners.birth_date::date end as birth_date,
    winners.gender,
    lower(winners.email) as email,
    winners.phone,
    coalesce(winners.address, nullif(concat_ws(' ', winners.street, winners.house_number), '')) as street_address,
    winners.postal_code,
    winners.city,
    winners.region,
    winners.country,
    winners.external_id as loyalty_id,
    winners.organisation,
    winners.name_source,
    winners.email_source,
    winners.phone_source,
    winners.address_source,
    winners.birth_date_source,
    winners.gender_source,
    winners.external_id_source as loyalty_id_source,
    winners.name_confidence,
    winners.email_confidence,
    winners.phone_confidence,
    winners.address_confidence,
    winners.birth_date_confidence,
    winners.gender_confidence,
    winners.external_id_confidence as loyalty_id_confidence,
    winners.pinned_groups,
    records.is_email_consented,
    records.record_count,
    records.system_count,
    records.systems,
    customers.confidence,
    records.customer_since_at,
    customers.born_at as identified_at
from customers
inner join records on customers.customer_id = records.customer_id
left join winners on customers.customer_id = winners.customer_id
