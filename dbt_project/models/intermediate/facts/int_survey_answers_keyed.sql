-- Grain: one row per respondent, survey and question, keyed on the respondent's record.
{{ config(
    unique_key='answer_id',
    indexes=[{'columns': ['answer_id'], 'unique': true}, {'columns': ['customer_record_id']}],
    meta={'scope': 'survey_answers_in_batch', 'touches': {'record': 'customer_record_id'}}
) }}

select
    answer_id,
    customer_record_id,
    survey_id,
    question_code,
    score,
    comment,
    answered_at
from {{ ref('stg_surveys__answers') }}
{% if is_live() %}where answer_id in ({{ survey_answer_ids_in_batch() }}){% endif %}
