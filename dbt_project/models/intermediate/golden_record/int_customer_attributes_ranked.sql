-- Grain: one row per customer, attribute and candidate value. The winner has rank 1; its form is `value`.
-- Attributes of one group (name, address) are ranked as a unit, so that a golden address was a real address somewhere.
{{ config(
    unique_key=['customer_id', 'attribute', 'candidate_key'],
    indexes=[{'columns': ['customer_id', 'attribute', 'candidate_key'], 'unique': true}],
    meta={'scope': 'customers_in_batch'}
) }}
-- depends_on: {{ ref('int_customers_changed') }}

with records as (
    select *
    from {{ ref('int_customer_records_bridged') }}
    where
        not is_deleted
        and {{ if_live('customer_id in (' ~ customers_changed() ~ ')') }}
),

bounced_addresses as (
    select distinct attribute.standard_value
    from {{ ref('stg_identity__record_attributes') }} as attribute
    inner join {{ ref('int_source_records_unioned') }} as source_records
        on attribute.record_id = source_records.record_id
    where attribute.attribute = 'email' and source_records.is_bounced
),

attributes as (
    select
        records.customer_id,
        records.record_id,
        records.system || '.' || records.object as source_object,
        golden.attribute_group,
        attribute.attribute,
        -- What belongs together: an address row; otherwise the first values of a record, the second ones, and so on.
        case when attribute.unit = '' then attribute.ordinal::text else attribute.unit end as unit,
        attribute.field,
        attribute.raw_value,
        attribute.standard_value,
        case when golden.shown_as = 'raw' then btrim(attribute.raw_value) else attribute.standard_value end as shown_value,
        attribute.is_verified,
        attribute.observed_since,
        case
            when attribute.standard_value is null then 'no valid form'
            when attribute.is_placeholder then 'placeholder'
            when
                attribute.attribute = 'email'
                and exists (select 1 from bounced_addresses where bounced_addresses.standard_value = attribute.standard_value)
                then 'bounced'
        end as invalid_because
    from records
    inner join {{ ref('stg_identity__record_attributes') }} as attribute on records.record_id = attribute.record_id
    inner join {{ ref('golden_attributes') }} as golden on attribute.attribute = golden.attribute
),

-- One row per thing that a record says about a group: what is ranked.
claims as (
    select
        customer_id,
        attribute_group,
        record_id,
        unit,
        min(source_object) as source_object,
        md5(string_agg(
            attribute || '=' || coalesce(standard_value, '?' || raw_value), chr(31)
            order by attribute, standard_value, raw_value, field
        )) as candidate_key,
        -- a line counts as the part it is split into, or a source of lines would look more complete than one of parts
        count(distinct case attribute when 'address' then 'street' when 'full_name' then 'last_name' else attribute end)
        filter (where invalid_because is null) as valid_values,
        sum(length(shown_value)) filter (where invalid_because is null) as value_length,
        bool_or(is_verified) as is_verified,
        max(observed_since) as observed_since
    from attributes
    group by customer_id, attribute_group, record_id, unit
),

support as (
    select
        customer_id,
        attribute_group,
        candidate_key,
        count(distinct record_id) as records
    from claims
    group by customer_id, attribute_group, candidate_key
),

weighed as (
    select
        claims.*,
        coalesce(source_priorities.priority, 1000) as source_priority,
        support.records as supporting_records
    from claims
    inner join support using (customer_id, attribute_group, candidate_key)
    left join {{ ref('source_priorities') }} as source_priorities
        on
            claims.attribute_group = source_priorities.attribute_group
            and claims.source_object = source_priorities.source_object
),

rules as (
    select
        attribute_group,
        array_agg(strategy order by position) as strategies
    from {{ ref('survivorship_rules') }}
    group by attribute_group
),

-- A claim's weight under each rule of its group, in the rules' order; arrays compare element by element, greater wins.
scored as (
    select
        weighed.*,
        weighed.valid_values > 0 as is_valid,
        rules.strategies,
        array(
            select
                case strategies.strategy
                    when 'verified_first' then weighed.is_verified::integer
                    when 'source_priority' then -weighed.source_priority
                    when 'most_recent' then extract(epoch from weighed.observed_since)
                    when 'most_frequent' then weighed.supporting_records
                    when 'most_complete' then weighed.valid_values
                    when 'longest' then coalesce(weighed.value_length, 0)
                end::numeric
            from unnest(rules.strategies) with ordinality as strategies (strategy, position)
            order by strategies.position
        ) as weights
    from weighed
    inner join rules on weighed.attribute_group = rules.attribute_group
),

-- Records that say the same are one candidate; the weightiest of them vouches for it.
candidates as (
    select distinct on (customer_id, attribute_group, candidate_key) *
    from scored
    order by customer_id asc, attribute_group asc, candidate_key asc, is_valid desc, weights desc, record_id asc, unit asc
),

ordered as (
    select
        *,
        row_number() over ranking as rank,
        -- the candidate to compare with: the winner's is the next, any other's the one before it
        coalesce(lag(weights) over ranking, lead(weights) over ranking) as other_weights,
        coalesce(lag(is_valid) over ranking, lead(is_valid) over ranking) as is_other_valid
    from candidates
    window ranking as (
        partition by customer_id, attribute_group
        order by is_valid desc, weights desc, candidate_key asc
    )
),

-- The rule that set a candidate apart: the winner from the next, any other from the one before it.
ranked as (
    select
        ordered.*,
        case
            when ordered.other_weights is null then 'only candidate'
            when ordered.is_valid <> ordered.is_other_valid then 'validity'
            else coalesce(
                    (
                        select ordered.strategies[places.place]
                        from generate_subscripts(ordered.strategies, 1) as places (place)
                        where ordered.weights[places.place] <> ordered.other_weights[places.place]
                        order by places.place
                        limit 1
                    ),
                    'tie'
                )
        end as ranked_by
    from ordered
),

final as (
    select distinct on (ranked.customer_id, attributes.attribute, ranked.candidate_key)
        ranked.customer_id,
        attributes.attribute,
        ranked.candidate_key,
        ranked.attribute_group,
        attributes.shown_value as value,
        attributes.standard_value,
        ranked.rank::integer as rank,
        ranked.rank = 1 and attributes.invalid_because is null as is_winner,
        ranked.ranked_by,
        attributes.invalid_because is null as is_valid,
        attributes.invalid_because,
        attributes.is_verified,
        attributes.observed_since,
        ranked.supporting_records::integer as supporting_records,
        ranked.record_id,
        ranked.source_object,
        attributes.field
    from ranked
    inner join attributes
        on
            ranked.customer_id = attributes.customer_id
            and ranked.record_id = attributes.record_id
            and ranked.attribute_group = attributes.attribute_group
            and ranked.unit = attributes.unit
    order by
        ranked.customer_id, attributes.attribute, ranked.candidate_key,
        attributes.standard_value, attributes.field, attributes.raw_value
)

select * from final
