-- What customer_360 counts is what the facts hold.
with counted as (
    select
        sum(order_count) as orders,
        sum(web_event_count) as web_events,
        sum(return_count) as returns,
        sum(mail_sent_count) as mails,
        sum(ticket_count) as tickets,
        sum(survey_answer_count) as answers,
        sum(review_count) as reviews
    from {{ ref('customer_360') }}
),

facts as (
    select
        (select count(*) from {{ ref('fct_orders') }} where customer_id is not null) as orders,
        (select count(*) from {{ ref('fct_web_events') }} where customer_id is not null) as web_events,
        (select count(*) from {{ ref('fct_returns') }} where customer_id is not null) as returns,
        (select count(*) from {{ ref('fct_email_engagement') }} where customer_id is not null and event_type = 'sent') as mails,
        (select count(*) from {{ ref('fct_support_tickets') }} where customer_id is not null) as tickets,
        (select count(*) from {{ ref('fct_survey_answers') }} where customer_id is not null) as answers,
        (select count(*) from {{ ref('fct_reviews') }} where customer_id is not null) as reviews
)

select *
from counted
cross join facts
where
    coalesce(counted.orders, 0) <> facts.orders
    or coalesce(counted.web_events, 0) <> facts.web_events
    or coalesce(counted.returns, 0) <> facts.returns
    or coalesce(counted.mails, 0) <> facts.mails
    or coalesce(counted.tickets, 0) <> facts.tickets
    or coalesce(counted.answers, 0) <> facts.answers
    or coalesce(counted.reviews, 0) <> facts.reviews
