-- Grain: one row per respondent, survey and question: the later answer.
select
    facts.answer_id,
    bridged.customer_id,
    facts.customer_record_id,
    facts.survey_id,
    facts.question_code,
    marts.mask(facts.score) as score,
    marts.mask(facts.comment) as comment,
    facts.answered_at,
    facts.answered_at::date as answered_on
from {{ ref('int_survey_answers_keyed') }} as facts
left join {{ ref('int_customer_records_bridged') }} as bridged on facts.customer_record_id = bridged.record_id
