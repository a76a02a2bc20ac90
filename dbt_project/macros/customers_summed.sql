{# The first two CTEs of what is added up per customer: `customers`, those that are due, and `records`, theirs. #}
{% macro customers_and_their_records() -%}
customers as (
    select customer_id
    from {{ ref('int_customers_pivoted') }}
    {% if is_live() %}where customer_id in ({{ customers_changed() }}){% endif %}
),

records as (
    select
        bridged.record_id,
        bridged.customer_id
    from {{ ref('int_customer_records_bridged') }} as bridged
    {% if is_live() %}where bridged.customer_id in ({{ customers_changed() }}){% endif %}
)
{%- endmacro %}
