{# What we believed at a moment, as functions that are read like tables. They read the views as whoever asks, so what is masked there
   stays masked. Made anew with the view of the history, in its transaction: their columns are its columns. Relations are named without
   the database, because a function's text is read when it is called: a warehouse may be restored under another name.

   marts.customer_as_of(moment)               the golden record of everybody, as it was. Grain: a customer of then.
   marts.customer_as_of(moment, customer_id)  one customer, living or retired: who held its records then. Grain: a customer of then;
                                              is_main marks the id itself, or where it did not exist, who held most of its records. #}
{% macro create_as_of_functions() -%}
    {%- set names = model.columns.keys() | list -%}
    {%- set types = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do types.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor %}
    drop function if exists marts.customer_as_of(timestamptz);
    drop function if exists marts.customer_as_of(timestamptz, uuid);

    create function marts.customer_as_of(moment timestamptz)
    returns table ({{ types | join(', ') }}, customer_id_now uuid)
    language sql stable parallel safe as $$
        select {{ listed(names, 'history') }}, coalesce(living.customer_id, alias.customer_id)
        from {{ this.include(database=false) }} as history
        left join {{ ref('dim_customer').include(database=false) }} as living on living.customer_id = history.customer_id
        left join {{ ref('bridge_customer_alias').include(database=false) }} as alias on alias.retired_customer_id = history.customer_id
        where history.valid_from_at <= moment and moment < history.valid_until_at
    $$;
    comment on function marts.customer_as_of(timestamptz) is
        'The golden record of every customer of that moment; customer_id_now is who that is today, null for nobody.';

    create function marts.customer_as_of(moment timestamptz, asked_customer_id uuid)
    returns table ({{ types | join(', ') }}, customer_id_now uuid, shared_records bigint, is_main boolean)
    language sql stable parallel safe as $$
        with stays as (
            select stay.record_id, stay.valid_from_at, stay.valid_until_at
            from {{ ref('bridge_customer_record_history').include(database=false) }} as stay
            where stay.customer_id = asked_customer_id
        ),
        records as (
            -- what it holds now, or held at its end
            select stays.record_id from stays where stays.valid_until_at = (select max(last.valid_until_at) from stays as last)
            union
            -- where it had gone into another, to live again later: what it had held until then
            select stays.record_id from stays
            where
                stays.valid_until_at = (select max(before.valid_until_at) from stays as before where before.valid_until_at <= moment)
                and not exists (select 1 from stays as held where held.valid_from_at <= moment and moment < held.valid_until_at)
        ),
        holders as (
            select stay.customer_id, count(*) as shared_records
            from records
            inner join {{ ref('bridge_customer_record_history').include(database=false) }} as stay on stay.record_id = records.record_id
            where stay.valid_from_at <= moment and moment < stay.valid_until_at
            group by stay.customer_id
            union
            select asked_customer_id, 0
        ),
        counted as (
            select holders.customer_id, max(holders.shared_records) as shared_records from holders group by holders.customer_id
        )
        select
            {{ listed(names, 'believed') }},
            believed.customer_id_now,
            counted.shared_records,
            row_number() over (
                order by believed.customer_id = asked_customer_id desc, counted.shared_records desc, believed.valid_from_at, believed.customer_id
            ) = 1
        from counted
        inner join marts.customer_as_of(moment) as believed on believed.customer_id = counted.customer_id
    $$;
    comment on function marts.customer_as_of(timestamptz, uuid) is
        'What was believed at that moment of one customer, across merges and splits: one row per customer that held its records then.';
{%- endmacro %}
