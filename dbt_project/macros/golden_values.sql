{# What a reader is told about a valid value that lost: the rule that decided, and both sides' measure under it. #}
{% macro why_lost(rule, own, winner) -%}
    case {{ rule }}
        when 'pinned' then case when {{ own }} = 0 then 'pinned: another value is' else 'pinned: a newer pin says otherwise' end
        when 'verified_first' then 'verified_first: not verified, the winner is'
        when 'source_priority' then 'source_priority: ' || {{ priority_told(own) }} || ', the winner ' || {{ priority_told(winner) }}
        when 'most_recent' then 'most_recent: observed ' || {{ day_told(own) }} || ', the winner ' || {{ day_told(winner) }}
        when 'most_frequent' then 'most_frequent: in ' || {{ own }} || ' records, the winner in ' || {{ winner }}
        when 'most_complete' then 'most_complete: ' || trim_scale({{ own }}) || ' parts, the winner ' || trim_scale({{ winner }})
        when 'longest' then 'longest: ' || {{ own }} || ' characters, the winner ' || {{ winner }}
        when 'tie' then 'tie: equal under every rule, the value itself decided'
        else {{ rule }}
    end
{%- endmacro %}


{% macro day_told(epoch) -%}
    to_char(to_timestamp({{ epoch }}::double precision) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
{%- endmacro %}


{% macro priority_told(weight) -%}
    case when {{ weight }} <= -1000 then 'a source not listed' else 'priority ' || -{{ weight }} end
{%- endmacro %}
