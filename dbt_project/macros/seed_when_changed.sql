{# dbt loads a seed anew in each run. This one loads it when its file, its column types or its table are others than at the last load, so
   that a night in which nobody edited a rule writes nothing. What was loaded stands in the table's comment. #}
{% materialization seed, adapter='postgres' %}
    {%- set wanted = seed_version() -%}
    {%- set loaded = run_query(
        "select obj_description(to_regclass('" ~ this.schema ~ "." ~ this.identifier ~ "'), 'pg_class')"
    ).columns[0].values()[0] -%}
    {%- if loaded == wanted -%}
        {#- dbt reads both after each seed -#}
        {%- do store_result('agate_table', response='OK', agate_table=load_agate_table()) -%}
        {%- do store_raw_result('main', message='UNCHANGED', code='UNCHANGED', rows_affected='0') -%}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {%- endif -%}
    {{ return(materialization_seed_default()) }}
{% endmaterialization %}


{% macro seed_version() -%}
    {{ return('loaded from ' ~ local_md5(model.checksum.checksum ~ model.config.column_types | dictsort | string)) }}
{%- endmacro %}
