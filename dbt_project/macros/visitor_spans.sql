{# Spans of time in which a visitor id means one user: from each identify to the next, the first one open to the past. #}
{% macro visitor_spans(identifies) -%}
    select
        anonymous_id,
        user_record_id,
        case
            when row_number() over visits = 1 then '-infinity'::timestamptz
            else occurred_at
        end as valid_from,
        lead(occurred_at, 1, 'infinity'::timestamptz) over visits as valid_until
    from {{ identifies }}
    window visits as (partition by anonymous_id order by occurred_at, event_id)
{%- endmacro %}
