-- Grain: one row per calendar day of the years first_year to last_year (variables); weeks as in ISO 8601.
{{ config(materialized='incremental', incremental_strategy='reconcile', unique_key='date_day',
    indexes=[{'columns': ['date_day'], 'unique': true}], on_schema_change='append_new_columns') }}

with days as (
    select day::date as date_day
    from generate_series('{{ var("first_year") }}-01-01'::date, '{{ var("last_year") }}-12-31'::date, interval '1 day') as day
)

select
    date_day,
    extract(year from date_day)::integer as year,
    extract(quarter from date_day)::integer as quarter,
    extract(month from date_day)::integer as month,
    to_char(date_day, 'FMMonth') as month_name,
    extract(isoyear from date_day)::integer as iso_year,
    extract(week from date_day)::integer as iso_week,
    extract(isodow from date_day)::integer as day_of_week,
    to_char(date_day, 'FMDay') as day_name,
    extract(isodow from date_day) in (6, 7) as is_weekend
from days
