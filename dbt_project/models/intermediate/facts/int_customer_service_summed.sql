-- Grain: one row per living customer: what billing, support, marketing, surveys and reviews know, added up.
{{ config(
    unique_key='customer_id',
    indexes=[{'columns': ['customer_id'], 'unique': true}],
    meta={'scope': 'customers_in_batch'}
) }}
-- depends_on: {{ ref('int_customers_changed') }}, {{ ref('int_customers_pivoted') }}, {{ ref('int_customer_records_bridged') }}

with {{ customers_and_their_records() }},

invoices as (
    select
        records.customer_id,
        count(*) filter (where facts.status <> 'void') as invoice_count,
        sum(facts.due_amount_reference) filter (where facts.status <> 'void') as invoiced_reference,
        count(*) filter (where facts.status = 'open') as unpaid_invoice_count,
        sum(facts.remaining_amount_reference) filter (where facts.status = 'open') as unpaid_reference,
        min(facts.due_at) filter (where facts.status = 'open') as oldest_unpaid_due_at
    from {{ ref('int_invoices_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

tickets as (
    select
        records.customer_id,
        count(*) as ticket_count,
        count(*) filter (where facts.is_open) as open_ticket_count,
        max(facts.opened_at) as last_ticket_at
    from {{ ref('int_support_tickets_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

ratings as (
    select distinct on (records.customer_id)
        records.customer_id,
        facts.satisfaction as last_satisfaction
    from {{ ref('int_support_tickets_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    where facts.satisfaction is not null
    order by records.customer_id asc, facts.updated_at desc, facts.ticket_id desc
),

recommendations as (
    select distinct on (records.customer_id)
        records.customer_id,
        facts.score as last_recommend_score
    from {{ ref('int_survey_answers_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    where facts.question_code = 'recommend'
    order by records.customer_id asc, facts.answered_at desc, facts.answer_id desc
),

responses as (
    select
        records.customer_id,
        count(*) as campaign_response_count,
        max(facts.responded_at) as last_campaign_response_at
    from {{ ref('int_campaign_responses_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

answers as (
    select
        records.customer_id,
        count(*) as survey_answer_count,
        max(facts.answered_at) as last_survey_answer_at
    from {{ ref('int_survey_answers_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

reviews as (
    select
        records.customer_id,
        count(*) as review_count,
        round(avg(facts.rating), 2) as average_rating,
        max(facts.reviewed_at) as last_review_at
    from {{ ref('int_reviews_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
)

select
    customers.customer_id,
    coalesce(invoices.invoice_count, 0) as invoice_count,
    coalesce(invoices.invoiced_reference, 0)::numeric(16, 2) as invoiced_reference,
    coalesce(invoices.unpaid_invoice_count, 0) as unpaid_invoice_count,
    coalesce(invoices.unpaid_reference, 0)::numeric(16, 2) as unpaid_reference,
    invoices.oldest_unpaid_due_at,
    coalesce(tickets.ticket_count, 0) as ticket_count,
    coalesce(tickets.open_ticket_count, 0) as open_ticket_count,
    tickets.last_ticket_at,
    ratings.last_satisfaction,
    coalesce(responses.campaign_response_count, 0) as campaign_response_count,
    responses.last_campaign_response_at,
    coalesce(answers.survey_answer_count, 0) as survey_answer_count,
    answers.last_survey_answer_at,
    recommendations.last_recommend_score,
    coalesce(reviews.review_count, 0) as review_count,
    reviews.average_rating,
    reviews.last_review_at
from customers
left join invoices on customers.customer_id = invoices.customer_id
left join tickets on customers.customer_id = tickets.customer_id
left join responses on customers.customer_id = responses.customer_id
left join ratings on customers.customer_id = ratings.customer_id
left join recommendations on customers.customer_id = recommendations.customer_id
left join answers on customers.customer_id = answers.customer_id
left join reviews on customers.customer_id = reviews.customer_id
