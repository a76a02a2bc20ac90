{# The steps from what a customer's sources say to how sure each value is, as named queries of a model; docs/models.md has the
   formulas. Last of them: believed_values, one row per question (a customer's attribute) and value.
   A system has one vote for a value, that of its best record; a verification is a vote of its own. #}
{% macro believed_values(attributes) -%}
votes as (
    select
        question_key,
        value_key,
        attribute_group,
        system,
        max(reliability) as reliability,
        max(observed_since) as observed_since
    from {{ attributes }}
    where is_valid
    group by question_key, value_key, attribute_group, system
    union all
    select
        question_key,
        value_key,
        attribute_group,
        'verification' as system,
        {{ var('verification_reliability') }} as reliability,
        max(observed_since) as observed_since
    from {{ attributes }}
    where is_valid and is_verified
    group by question_key, value_key, attribute_group
),

observed_values as (
    select
        question_key,
        value_key,
        count(*) filter (where system not in ('steward', 'verification')) as supporting_systems,
        -- when another value was last observed: what speaks for this one has been losing force since its own observation
        max(max(observed_since)) over (
            partition by question_key rows between unbounded preceding and unbounded following exclude current row
        ) as contradicted_at,
        count(*) over (partition by question_key) as rivals
    from votes
    group by question_key, value_key
),

weighed_values as (
    select
        votes.question_key,
        votes.value_key,
        min(observed_values.supporting_systems) as supporting_systems,
        bool_or(votes.system = 'steward') as is_vouched_for,
        bool_or(golden_groups.has_one_value) as has_one_value,
        max(golden_groups.wrong_values) as wrong_values,
        max(golden_groups.evidence_slope)::double precision as evidence_slope,
        max(golden_groups.evidence_offset)::double precision as evidence_offset,
        max(observed_values.rivals) as rivals,
        exp(least(sum({{ vote('votes', 'observed_values', 'golden_groups') }}), 300)) as weight
    from votes
    inner join observed_values on votes.value_key = observed_values.value_key
    inner join {{ ref('golden_groups') }} as golden_groups on votes.attribute_group = golden_groups.attribute_group
    group by votes.question_key, votes.value_key
),

-- The logarithm of the odds for a value: its weight against that of all others, heard and unheard. 30 is as good as certain, and
-- what exp() can still take.
balanced_values as (
    select
        *,
        least(greatest(ln(
            weight / case
                when has_one_value
                    then coalesce(sum(weight) over others, 0) + greatest(wrong_values + 1 - rivals, 0)
                else wrong_values
            end
        ), -30), 30) as evidence
    from weighed_values
    window others as (
        partition by question_key rows between unbounded preceding and unbounded following exclude current row
    )
),

believed_values as (
    select
        value_key,
        supporting_systems,
        evidence,
        case
            -- labels speak of sources; what a steward vouches for loses nothing by them
            when is_vouched_for then greatest({{ as_share('evidence') }}, {{ as_share('evidence_offset + evidence_slope * evidence') }})
            else {{ as_share('evidence_offset + evidence_slope * evidence') }}
        end::numeric(5, 4) as confidence
    from balanced_values
)
{%- endmacro %}


{# Odds as a share: the inverse of the logit. #}
{% macro as_share(log_odds) -%}
    1 / (1 + exp(-({{ log_odds }})))
{%- endmacro %}


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
