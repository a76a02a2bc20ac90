{# Live runs process what the open batch names; the pipeline freezes it in ops.dbt_batch_* before dbt starts.
   Only the open batch has rows there, so no batch id appears in a model. Nothing here depends on `live` while dbt parses: both kinds of
   runs take the same manifest. #}

{# True when this model's table exists and only the batch's part of it is to be rebuilt. #}
{% macro is_live() -%}
    {# `and` stops before is_incremental(), which asks the database: linting needs none. #}
    {{ return(var('live') and is_incremental()) }}
{%- endmacro %}


{# Loads of one source object in the open batch, as a list of literals: with literals the planner takes the index on _load_id. #}
{% macro batch_loads(system, object) -%}
    {%- if not execute -%}{{ return('null') }}{%- endif -%}
    {%- set loads = run_query(
        "select load_id from ops.dbt_batch_load where system = '" ~ system ~ "' and object = '" ~ object ~ "' order by load_id"
    ).columns[0].values() -%}
    {{ return(loads | join(', ') if loads else 'null') }}
{%- endmacro %}


{# Keys of raw rows that the open batch's loads touched, tombstones included. #}
{% macro keys_loaded(system, object, key) -%}
    select {{ key }} from {{ source(system, object) }} where _load_id in ({{ batch_loads(system, object) }})
{%- endmacro %}


{# Ids that models of this run have changed (see `touches` in the reconcile strategy). #}
{% macro ids_touched(kind, type) -%}
    select id::{{ type }} from {{ source('ops', 'dbt_batch_touched') }} where kind = '{{ kind }}'
{%- endmacro %}


{# The planner learns a table after a full rebuild; live runs change too little to pay for it. #}
{% macro analyze_after_rebuild() -%}
    {%- if not var('live') and model.config.materialized == 'incremental' -%}analyze {{ this }}{%- endif -%}
{%- endmacro %}


{# A condition that only a live run makes. #}
{% macro if_live(condition) -%}
    {{ return('(' ~ condition ~ ')' if is_live() else 'true') }}
{%- endmacro %}


{# dbt's own, asked by each incremental model. Comparing columns costs two queries a model, and only a full run can meet a changed one. #}
{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
    {{ return('ignore' if var('live') else dbt.incremental_validate_on_schema_change(on_schema_change, default)) }}
{%- endmacro %}
