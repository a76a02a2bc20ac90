{# Incremental strategy `reconcile`: after it, the rows in scope are those of the query, and no row that was right already is written.

   config:
     unique_key          column or list of columns; needs a unique index (`indexes`).
     meta.scope          macro name; live, it returns the condition on target rows (alias `target`) that the query was to produce.
                         A row in scope that the query did not produce is deleted. Without live the scope is the whole table.
     meta.touches        {kind: column}: ids of changed rows, old and new value, go to ops.dbt_batch_touched for the models behind.
     meta.keep_gone      true: nothing is deleted (history). #}
{% macro get_incremental_reconcile_sql(arg_dict) %}
    {%- set target_relation = arg_dict['target_relation'] -%}
    {%- set temp_relation = arg_dict['temp_relation'] -%}
    {%- set keys = [arg_dict['unique_key']] if arg_dict['unique_key'] is string else arg_dict['unique_key'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set touches = meta.get('touches', {}) -%}
    {%- set same_key -%}
        {%- for key in keys %}target.{{ key }} = built.{{ key }}{{ ' and ' if not loop.last }}{% endfor -%}
    {%- endset -%}
    {%- set values = [] -%}
    {%- for column in columns if column | replace('"', '') not in keys %}{% do values.append(column) %}{% endfor -%}

    {% if not meta.get('keep_gone', false) %}
    with gone as (
        delete from {{ target_relation }} as target
        where {{ live_scope(meta) }}
          and not exists (select 1 from {{ temp_relation }} as built where {{ same_key }})
        returning target.*
    )
    {{ record_touched(touches, 'gone', ['']) }};
    {% endif %}

    with written as (
        merge into {{ target_relation }} as target
        using {{ temp_relation }} as built
        on {{ same_key }}
        {% if values %}
        when matched and ({% for c in values %}target.{{ c }}{{ ', ' if not loop.last }}{% endfor %})
            is distinct from ({% for c in values %}built.{{ c }}{{ ', ' if not loop.last }}{% endfor %})
            then update set {% for c in values %}{{ c }} = built.{{ c }}{{ ', ' if not loop.last }}{% endfor %}
        {% endif %}
        when not matched then insert ({{ columns | join(', ') }})
            values ({% for c in columns %}built.{{ c }}{{ ', ' if not loop.last }}{% endfor %})
        returning 1 as row_written
        {%- for column in touches.values() | unique %}, old.{{ column }} as old_{{ column }}, new.{{ column }} as new_{{ column }}{% endfor %}
    )
    {{ record_touched(touches, 'written', ['old_', 'new_']) }}
{% endmacro %}


{% macro live_scope(meta) -%}
    {%- if is_live() and meta.get('scope') -%}({{ context[meta['scope']]() }}){%- else -%}true{%- endif -%}
{%- endmacro %}


{% macro record_touched(touches, rows, prefixes) -%}
    {%- if touches -%}
    insert into {{ source('ops', 'dbt_batch_touched') }} (kind, id)
    {%- for kind, column in touches.items() %}
    {%- set outer_loop = loop %}
    {%- for prefix in prefixes %}
    select '{{ kind }}', {{ prefix }}{{ column }}::text from {{ rows }} where {{ prefix }}{{ column }} is not null
    {{ 'union' if not (loop.last and outer_loop.last) }}
    {%- endfor %}
    {%- endfor %}
    on conflict do nothing
    {%- else -%}
    select count(*) from {{ rows }}
    {%- endif -%}
{%- endmacro %}
