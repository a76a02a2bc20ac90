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

given as (
    select
        records.customer_id,
        records.record_id,
        records.record_kind,
        records.system,
        records.system || '.' || records.object as source_object,
        -- What belongs together: an address row; otherwise the first values of a record, the second ones, and so on.
        case when attribute.unit = '' then attribute.ordinal::text else attribute.unit end as unit,
        attribute.attribute,
        attribute.field,
        attribute.raw_value,
        attribute.standard_value,
        attribute.is_verified,
        attribute.observed_since,
        attribute.is_placeholder,
        attribute.is_role_mailbox,
        attribute.is_impossible
    from records
    inner join {{ ref('stg_identity__record_attributes') }} as attribute on records.record_id = attribute.record_id
),

-- Asked address by address, so that a live run looks up what its customers give and does not read who ever bounced. One subscriber that
-- bounced is enough, whichever (hence no order below).
bounced_addresses as (
    select asked.standard_value
    from (select distinct given.standard_value from given where given.attribute = 'email') as asked
    cross join lateral (
        select 1
        from {{ ref('stg_identity__record_attributes') }} as attribute
        inner join {{ ref('int_source_records_unioned') }} as source_records on attribute.record_id = source_records.record_id
        where
            attribute.attribute = 'email'
            and attribute.standard_value = asked.standard_value
            and source_records.is_bounced
        limit 1 -- noqa: AM09
    ) as bounced
),

-- Why a value may not win. A date of birth is judged by the day it was given, not by today: a run repeated later says the same.
judged as (
    select
        given.*,
        case
            when given.standard_value is null
                then
                    case given.attribute
                        when 'birth_date' then 'impossible date'
                        when 'phone' then 'impossible number'
                        when 'email' then 'impossible address'
                        else 'no valid form'
                    end
            when given.is_placeholder then 'placeholder'
            when given.attribute = 'phone' and given.is_impossible then 'impossible number'
            when
                given.attribute in ('birth_date', 'birth_year')
                and (
                    given.standard_value > to_char(given.observed_since at time zone 'UTC', 'YYYY-MM-DD')
                    or left(given.standard_value, 4)::integer < extract(year from given.observed_since at time zone 'UTC') - {{ var('longest_life') }}
                )
                then 'impossible date'
            -- an organisation's own mailbox is one
            when given.is_role_mailbox and given.record_kind = 'person' then 'role mailbox'
            when reports.state is not null then reports.state
            when bounced_addresses.standard_value is not null then 'bounced'
        end as invalid_because
    from given
    left join {{ source('identity', 'contact_report') }} as reports
        on given.attribute = reports.attribute and given.standard_value = reports.value and reports.withdrawn_at is null
    left join bounced_addresses on given.attribute = 'email' and given.standard_value = bounced_addresses.standard_value
),

rules as (
    select
        attribute_group,
        array_agg(strategy order by position) as strategies
    from {{ ref('survivorship_rules') }}
    group by attribute_group
),

-- A pin is a candidate with a source of its own; it says something wherever the rules of its group ask for pins.
pins as (
    select standing.*
    from {{ source('identity', 'standing_pin') }} as standing
    inner join rules on standing.attribute_group = rules.attribute_group and 'pinned' = any(rules.strategies)
    where
        standing.customer_id is not null
        and {{ if_live('standing.customer_id in (' ~ customers_changed() ~ ')') }}
),

pinned as (
    select
        pins.customer_id,
        pins.pin_id,
        pins.pinned_at,
        pinned_values.attribute,
        pinned_values.raw as raw_value,
        pinned_values.standard as standard_value
    from pins
    cross join jsonb_to_recordset(pins.pinned_values) as pinned_values (attribute text, raw text, standard text)
    union all
    -- no value is pinned: that holds for every attribute of the group
    select
        pins.customer_id,
        pins.pin_id,
        pins.pinned_at,
        golden.attribute,
        null as raw_value,
        null as standard_value
    from pins
    inner join {{ ref('golden_attributes') }} as golden on pins.attribute_group = golden.attribute_group
    where pins.pinned_values = '[]'::jsonb
),

claimed as (
    select
        customer_id,
        record_id,
        system,
        source_object,
        unit,
        attribute,
        field,
        raw_value,
        standard_value,
        is_verified,
        observed_since,
        invalid_because,
        null::timestamptz as pinned_at
    from judged
    union all
    select
        customer_id,
        'steward.pins:' || pin_id as record_id,
        'steward' as system,
        'steward.pins' as source_object,
        '' as unit,
        attribute,
        'steward.pins.' || attribute as field,
        raw_value,
        standard_value,
        false as is_verified,
        pinned_at as observed_since,
        null as invalid_because,
        pinned_at
    from pinned
),

spelled as (
    select
        claimed.*,
        claimed.invalid_because is null as is_valid,
        identity.agreement_form(claimed.attribute, claimed.standard_value) as spelled_form,
        -- Keys of one column: of several without statistics the planner thinks that hardly any row meets another, and pairs all with all.
        md5(concat_ws(chr(31), claimed.customer_id, golden.attribute_group, claimed.record_id, claimed.unit))::uuid as claim_key,
        md5(concat_ws(chr(31), claimed.customer_id, claimed.attribute))::uuid as question_key,
        golden.attribute_group,
        case when golden.shown_as = 'raw' then btrim(claimed.raw_value) else claimed.standard_value end as shown_value,
        coalesce(source_priorities.priority, 1000) as source_priority,
        case
            when claimed.pinned_at is not null then {{ var('steward_reliability') }}
            else coalesce(source_priorities.reliability, {{ var('unlisted_reliability') }})
        end as reliability
    from claimed
    inner join {{ ref('golden_attributes') }} as golden on claimed.attribute = golden.attribute
    left join {{ ref('source_priorities') }} as source_priorities
        on golden.attribute_group = source_priorities.attribute_group and claimed.source_object = source_priorities.source_object
),

-- What says less (a year, an initial, a number without its country) agrees with the fullest value that it may mean.
meant as (
    select distinct on (vague_key)
        md5(concat_ws(chr(31), vague.question_key, vague.spelled_form))::uuid as vague_key,
        fuller.spelled_form as meant_form
    from spelled as vague
    inner join spelled as fuller
        on vague.question_key = fuller.question_key and identity.may_mean(vague.attribute, vague.spelled_form, fuller.spelled_form)
    where identity.is_vague(vague.attribute, vague.spelled_form) and fuller.is_valid
    order by vague_key asc, length(fuller.spelled_form) desc, fuller.reliability desc, fuller.spelled_form asc
),

attributes as (
    select
        spelled.*,
        -- equal where two values agree, however they are spelled
        coalesce(meant.meant_form, spelled.spelled_form) as agreed_form,
        md5(concat_ws(chr(31), spelled.question_key, coalesce(meant.meant_form, spelled.spelled_form)))::uuid as value_key
    from spelled
    left join meant on md5(concat_ws(chr(31), spelled.question_key, spelled.spelled_form))::uuid = meant.vague_key
),

-- One row per thing that a record says about a group: what is ranked.
claims as (
    select
        customer_id,
        attribute_group,
        record_id,
        unit,
        claim_key,
        min(source_priority) as source_priority,
        md5(string_agg(
            attribute || '=' || coalesce(standard_value, '?' || raw_value, ''), chr(31)
            order by attribute, standard_value, raw_value, field
        )) as candidate_key,
        md5(string_agg(
            concat_ws('=', customer_id, attribute, coalesce(agreed_form, '?' || raw_value)), chr(31)
            order by attribute, agreed_form, raw_value, field
        ))::uuid as agreed_key,
        -- a line counts as the part it is split into, or a source of lines would look more complete than one of parts
        count(distinct case attribute when 'address' then 'street' when 'full_name' then 'last_name' else attribute end)
        filter (where is_valid and attribute not in ('birth_date', 'birth_year'))
        -- a date is as complete as it is long: 1980-05-03, 1980-05, 1980
        + coalesce(
            max(round(length(standard_value) / 10.0, 1)) filter (where is_valid and attribute in ('birth_date', 'birth_year')), 0
        ) as valid_parts,
        sum(length(shown_value)) filter (where is_valid) as value_length,
        bool_or(is_verified) as is_verified,
        max(observed_since) as observed_since,
        max(pinned_at) as pinned_at
    from attributes
    group by customer_id, attribute_group, record_id, unit, claim_key
),

support as (
    select
        agreed_key,
        count(distinct record_id) filter (where pinned_at is null) as records
    from claims
    group by agreed_key
),

-- A claim's weight under each rule of its group, in the rules' order; arrays compare element by element, greater wins.
scored as (
    select
        claims.*,
        support.records as supporting_records,
        claims.valid_parts > 0 or claims.pinned_at is not null as is_valid,
        rules.strategies,
        array(
            select
                case strategies.strategy
                    -- of two pins, which only a merge can bring together, the newer holds
                    when 'pinned' then coalesce(extract(epoch from claims.pinned_at), 0)
                    when 'verified_first' then claims.is_verified::integer
                    when 'source_priority' then -claims.source_priority
                    when 'most_recent' then extract(epoch from claims.observed_since)
                    when 'most_frequent' then support.records
                    when 'most_complete' then claims.valid_parts
                    when 'longest' then coalesce(claims.value_length, 0)
                end::numeric
            from unnest(rules.strategies) with ordinality as strategies (strategy, position)
            order by strategies.position
        ) as weights
    from claims
    inner join support on claims.agreed_key = support.agreed_key
    inner join rules on claims.attribute_group = rules.attribute_group
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
        -- the candidate to compare with: the winner's is the next, any other's the winner
        case when row_number() over ranking = 1 then lead(weights) over ranking else first_value(weights) over ranking end as other_weights,
        case when row_number() over ranking = 1 then lead(is_valid) over ranking else first_value(is_valid) over ranking end as is_other_valid
    from candidates
    window ranking as (
        partition by customer_id, attribute_group
        order by is_valid desc, weights desc, candidate_key asc
    )
),

-- The rule that decided between a candidate and the winner; for the winner, between it and the next.
ranked as (
    select
        ordered.*,
        ordered.weights[deciding.place] as weight,
        ordered.other_weights[deciding.place] as other_weight,
        case
            when ordered.other_weights is null then 'only candidate'
            when ordered.is_valid <> ordered.is_other_valid then 'validity'
            else coalesce(ordered.strategies[deciding.place], 'tie')
        end as ranked_by
    from ordered
    left join lateral (
        select min(places.place) as place
        from generate_subscripts(ordered.strategies, 1) as places (place)
        where ordered.weights[places.place] <> ordered.other_weights[places.place]
    ) as deciding on true
),

-- Confidence, see docs/models.md: `believed_values`, one row per value_key.
{{ believed_values('attributes') }},

shown as (
    select distinct on (ranked.customer_id, attributes.attribute, ranked.candidate_key)
        ranked.customer_id,
        attributes.attribute,
        ranked.candidate_key,
        ranked.attribute_group,
        attributes.shown_value,
        attributes.standard_value,
        attributes.value_key,
        ranked.rank,
        ranked.rank = 1 and attributes.is_valid as is_winner,
        ranked.ranked_by,
        ranked.weight,
        ranked.other_weight,
        attributes.is_valid,
        attributes.invalid_because,
        attributes.is_verified,
        attributes.pinned_at is not null as is_pinned,
        attributes.observed_since,
        ranked.supporting_records,
        ranked.record_id,
        attributes.source_object,
        attributes.field
    from ranked
    inner join attributes on ranked.claim_key = attributes.claim_key
    order by
        ranked.customer_id, attributes.attribute, ranked.candidate_key,
        attributes.standard_value, attributes.field, attributes.raw_value
),

final as (
    select
        shown.customer_id,
        shown.attribute,
        shown.candidate_key,
        shown.attribute_group,
        shown.shown_value as value,
        shown.standard_value,
        shown.rank::integer as rank,
        shown.is_winner,
        shown.ranked_by,
        case
            when shown.is_winner then null
            when shown.invalid_because is not null then 'invalid: ' || shown.invalid_because
            else {{ why_lost('shown.ranked_by', 'shown.weight', 'shown.other_weight') }}
        end as lost_because,
        shown.is_valid,
        shown.invalid_because,
        shown.is_verified,
        shown.is_pinned,
        shown.observed_since,
        nullif(golden_groups.half_life_days, 0) as half_life_days,
        shown.supporting_records::integer as supporting_records,
        coalesce(believed_values.supporting_systems, 0)::integer as supporting_systems,
        case when shown.is_valid then believed_values.confidence else 0 end::numeric(5, 4) as confidence,
        case when shown.is_valid then believed_values.evidence end::numeric(6, 3) as evidence,
        shown.record_id,
        shown.source_object,
        shown.field
    from shown
    left join believed_values on shown.value_key = believed_values.value_key
    inner join {{ ref('golden_groups') }} as golden_groups on shown.attribute_group = golden_groups.attribute_group
)

select * from final
