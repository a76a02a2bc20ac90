-- Grain: one row per version of a customer (valid_from, valid_until): SCD 2 of the golden record.
-- The time of a change is the batch's, frozen before dbt starts, so that a run repeated after a failure writes the same.
-- No dbt snapshot: one would rewrite rows of a run in which nothing changed, and could not follow the batch.
{{ config(
    unique_key=['customer_id', 'valid_from'],
    full_refresh=false,
    indexes=[{'columns': ['customer_id', 'valid_from'], 'unique': true}],
    meta={'keep_gone': true}
) }}
-- depends_on: {{ ref('int_customers_changed') }}

with customers as (
    select *
    from {{ ref('int_customers_pivoted') }}
    {% if is_live() %}where customer_id in ({{ customers_changed() }}){% endif %}
),

{% if is_incremental() %}
    batch as (
        select coalesce(
            (select open_batch.frozen_at from {{ source('ops', 'dbt_batch') }} as open_batch where open_batch.state = 'open'),
            current_timestamp
        ) as frozen_at
    ),

    open_versions as (
        select *
        from {{ this }}
        where
            valid_until is null
            and {{ if_live('customer_id in (' ~ customers_changed() ~ ')') }}
    ),

    known as (
        select distinct customer_id
        from {{ this }}
        {% if is_live() %}where customer_id in ({{ customers_changed() }}){% endif %}
    ),

    opened as (
        select
            customers.customer_id,
            case when known.customer_id is null then customers.identified_at else batch.frozen_at end as valid_from,
            null::timestamptz as valid_until,
            {{ listed(versioned_columns(), 'customers') }}
        from customers
        cross join batch
        left join known on customers.customer_id = known.customer_id
        left join open_versions on customers.customer_id = open_versions.customer_id
        where
            open_versions.customer_id is null
            or (
                {{ listed(versioned_columns(), 'customers') }}
            ) is distinct from (
                {{ listed(versioned_columns(), 'open_versions') }}
            )
    ),

    closed as (
        select
            open_versions.customer_id,
            open_versions.valid_from,
            batch.frozen_at as valid_until,
            {{ listed(versioned_columns(), 'open_versions') }}
        from open_versions
        cross join batch
        left join opened on open_versions.customer_id = opened.customer_id
        left join customers on open_versions.customer_id = customers.customer_id
        where
            (opened.customer_id is not null and open_versions.valid_from < opened.valid_from)
            or customers.customer_id is null
    ),

    final as (
        select * from opened
        union all
        select * from closed
    )
{% else %}
    final as (
        select
            customer_id,
            identified_at as valid_from,
            null::timestamptz as valid_until,
            {{ listed(versioned_columns()) }}
        from customers
    )
{% endif %}

select * from final
