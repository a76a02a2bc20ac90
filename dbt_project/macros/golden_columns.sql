{# Attributes that become columns of the customer. A new semantic type is in the long form without being named here. #}
{% macro golden_columns() -%}
    {{ return([
        'first_name', 'middle_name', 'last_name', 'full_name', 'birth_date', 'gender', 'email', 'phone', 'address', 'street',
        'house_number', 'postal_code', 'city', 'region', 'country', 'external_id', 'organisation'
    ]) }}
{%- endmacro %}


{# Columns whose change makes a new version of a customer (slowly changing dimension, type 2). #}
{% macro versioned_columns() -%}
    {{ return([
        'customer_kind', 'first_name', 'middle_name', 'last_name', 'full_name', 'birth_date', 'gender', 'email', 'phone',
        'street_address', 'postal_code', 'city', 'region', 'country', 'loyalty_id', 'organisation', 'is_email_consented',
        'name_source', 'email_source', 'phone_source', 'address_source', 'birth_date_source', 'gender_source', 'loyalty_id_source'
    ]) }}
{%- endmacro %}


{# Groups whose source record and confidence become columns beside their values. #}
{% macro golden_groups() -%}
    {{ return(['name', 'email', 'phone', 'address', 'birth_date', 'gender', 'external_id']) }}
{%- endmacro %}


{# One column for each label: the value of the winners that carry it, the smallest or greatest where there are several. #}
{% macro winners_as_columns(label, names, value, suffix='', pick='max') -%}
    {%- for name in names -%}
        {{ pick }}({{ value }}) filter (where {{ label }} = '{{ name }}') as {{ name }}{{ suffix }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# Column names with commas, of one table when its alias is given. #}
{% macro listed(names, of=none) -%}
    {%- for name in names -%}{{ of ~ '.' if of }}{{ name }}{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
