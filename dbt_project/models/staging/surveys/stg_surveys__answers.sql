-- Grain: one row per respondent, survey and question.
-- Who answers a question of one survey twice meant the later answer. Preference: newest, then greatest id.
-- Written as an anti-join for the same reason as in stg_shop__orders.
select
    answers.answer_id,
    'surveys.respondents:' || answers.respondent_id as customer_record_id,
    answers.survey_id,
    answers.question_code,
    answers.score,
    answers.comment,
    answers.answered_at
from {{ source('surveys', 'answers') }} as answers
where
    not answers._is_deleted
    and not exists (
        select 1
        from {{ source('surveys', 'answers') }} as preferred
        where
            not preferred._is_deleted
            and preferred.respondent_id = answers.respondent_id
            and preferred.survey_id = answers.survey_id
            and preferred.question_code = answers.question_code
            and (preferred.answered_at, preferred.answer_id) > (answers.answered_at, answers.answer_id)
    )
