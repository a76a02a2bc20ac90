{# A source's vote for a value, as the logarithm of an odds: ln(n·A / (1 − A)), with n plausible wrong values and A the source's
   reliability. Of a group that has one value at a time, A falls towards that of a guess, 1 / (n + 1), by half in each half-life that
   lies between the observation and the last one of another value. See docs/models.md for where the formula comes from. #}
{% macro vote(votes, observed, groups) -%}
    {%- set n = groups ~ '.wrong_values' -%}
    {%- set guess = '1.0 / (' ~ n ~ ' + 1)' -%}
    {%- set reliability -%}
        least(greatest(
            {{ guess }} + ({{ votes }}.reliability - {{ guess }}) * power(0.5, {{ half_lives(votes, observed, groups) }}), {{ guess }}
        ), 0.999)
    {%- endset -%}
    ln(({{ n }} * {{ reliability }} / (1 - {{ reliability }}))::double precision)
{%- endmacro %}


{# Half-lives from the vote's observation to the newest one of another value; 0 where values do not age or do not exclude each other. #}
{% macro half_lives(votes, observed, groups) -%}
    case
        when {{ groups }}.has_one_value and {{ groups }}.half_life_days > 0 and {{ observed }}.contradicted_at > {{ votes }}.observed_since
            then extract(epoch from {{ observed }}.contradicted_at - {{ votes }}.observed_since)::double precision
            / (86400.0 * {{ groups }}.half_life_days)
        else 0
    end
{%- endmacro %}


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
