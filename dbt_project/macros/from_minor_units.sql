{# An amount in whole minor units (cents) as an amount of its currency. Decimals as in ISO 4217: none for the yen, three for the dinars. #}
{% macro from_minor_units(amount, currency) -%}
    ({{ amount }} / power(
        10::numeric,
        case
            when
                upper({{ currency }}) in (
                    'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
                ) then 0
            when upper({{ currency }}) in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then 3
            else 2
        end
    ))::numeric(15, 3)
{%- endmacro %}
