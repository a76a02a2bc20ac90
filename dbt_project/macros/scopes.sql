{# What a live run rebuilds, per model: the keys of the batch, and the condition on target rows that the reconcile strategy
   compares with (meta.scope). Facts that depend on another fact follow the ids that one touched. #}

{# Orders that share an order number with a loaded one are decided together (see stg_shop__orders). #}
{% macro order_ids_in_batch() -%}
    select same_number.order_id
    from {{ source('shop', 'orders') }} as loaded
    inner join {{ source('shop', 'orders') }} as same_number on loaded.order_number = same_number.order_number
    where loaded._load_id in ({{ batch_loads('shop', 'orders') }})
{%- endmacro %}
{% macro orders_in_batch() %}target.order_id in ({{ order_ids_in_batch() }}){% endmacro %}


{% macro order_line_keys_in_batch() -%}
    {{ keys_loaded('shop', 'order_lines', 'order_id, line_number') }}
    union
    select this_line.order_id, this_line.line_number
    from {{ this }} as this_line
    where this_line.order_id in ({{ ids_touched('order', 'bigint') }})
{%- endmacro %}
{% macro order_lines_in_batch() %}(target.order_id, target.line_number) in ({{ order_line_keys_in_batch() }}){% endmacro %}


{% macro keys_of_orders_in_batch(object, key) -%}
    {{ keys_loaded('shop', object, key) }}
    union
    select this_fact.{{ key }} from {{ this }} as this_fact where this_fact.order_id in ({{ ids_touched('order', 'bigint') }})
{%- endmacro %}
{% macro payments_in_batch() %}target.payment_id in ({{ keys_of_orders_in_batch('payments', 'payment_id') }}){% endmacro %}
{% macro shipments_in_batch() %}target.shipment_id in ({{ keys_of_orders_in_batch('shipments', 'shipment_id') }}){% endmacro %}
{% macro returns_in_batch() %}target.return_id in ({{ keys_of_orders_in_batch('returns', 'return_id') }}){% endmacro %}


{% macro cart_ids_in_batch() -%}
    {{ keys_loaded('shop', 'carts', 'cart_id') }}
    union
    select this_cart.cart_id from {{ this }} as this_cart where this_cart.anonymous_id in ({{ ids_touched('visitor', 'text') }})
{%- endmacro %}
{% macro carts_in_batch() %}target.cart_id in ({{ cart_ids_in_batch() }}){% endmacro %}


{% macro web_events_loaded() %}target.event_id in ({{ keys_loaded('web', 'events', 'message_id') }}){% endmacro %}
{% macro web_event_ids_in_batch() -%}
    {{ keys_loaded('web', 'events', 'message_id') }}
    union
    select this_event.event_id from {{ this }} as this_event where this_event.anonymous_id in ({{ ids_touched('visitor', 'text') }})
{%- endmacro %}
{% macro web_events_in_batch() %}target.event_id in ({{ web_event_ids_in_batch() }}){% endmacro %}


{% macro email_events_loaded() %}target.event_id in ({{ keys_loaded('email', 'engagement', 'event_id') }}){% endmacro %}


{% macro reviews_loaded() %}target.review_id in ({{ keys_loaded('reviews', 'reviews', 'review_id') }}){% endmacro %}


{% macro invoices_loaded() %}target.invoice_id in ({{ keys_loaded('billing', 'invoices', 'id') }}){% endmacro %}
{% macro charges_loaded() %}target.charge_id in ({{ keys_loaded('billing', 'charges', 'id') }}){% endmacro %}
{% macro inventory_movements_loaded() -%}
    target.movement_id in ({{ keys_loaded('inventory', 'movements', 'movement_id') }})
{%- endmacro %}
{% macro support_tickets_loaded() %}target.ticket_id in ({{ keys_loaded('support', 'tickets', 'id') }}){% endmacro %}
{% macro campaign_responses_loaded() -%}
    target.response_id in ({{ keys_loaded('marketing', 'responses', 'response_id') }})
{%- endmacro %}


{# An interaction belongs to whom its profile belongs to, so a profile takes its interactions along. #}
{% macro social_interaction_ids_in_batch() -%}
    {{ keys_loaded('marketing', 'social_interactions', 'interaction_id') }}
    union
    select this_fact.interaction_id
    from {{ this }} as this_fact
    where this_fact.profile_id in ({{ keys_loaded('marketing', 'social_profiles', 'profile_id') }})
{%- endmacro %}
{% macro social_interactions_in_batch() -%}
    target.interaction_id in ({{ social_interaction_ids_in_batch() }})
{%- endmacro %}


{# Answers of one respondent to one question of one survey are decided together (see stg_surveys__answers). #}
{% macro survey_answer_ids_in_batch() -%}
    select same_question.answer_id
    from {{ source('surveys', 'answers') }} as loaded
    inner join {{ source('surveys', 'answers') }} as same_question
        on
            loaded.respondent_id = same_question.respondent_id
            and loaded.survey_id = same_question.survey_id
            and loaded.question_code = same_question.question_code
    where loaded._load_id in ({{ batch_loads('surveys', 'answers') }})
{%- endmacro %}
{% macro survey_answers_in_batch() %}target.answer_id in ({{ survey_answer_ids_in_batch() }}){% endmacro %}


{# Records whose own row was loaded, and subscribers whose mail events changed. #}
{% macro subscriber_ids_in_batch() -%}
    {{ keys_loaded('email', 'subscribers', 'subscriber_id') }}
    union
    select substr(touched.id, length('email.subscribers:') + 1)
    from {{ source('ops', 'dbt_batch_touched') }} as touched
    where touched.kind = 'record' and starts_with(touched.id, 'email.subscribers:')
{%- endmacro %}
{% macro source_records_in_batch() -%}
    target.record_id in (
        {{ keys_loaded('shop', 'customers', "'shop.customers:' || customer_id") }}
        union all
        {{ keys_loaded('crm', 'contacts', "'crm.contacts:' || id") }}
        union all
        {{ keys_loaded('crm', 'leads', "'crm.leads:' || id") }}
        union all
        select 'email.subscribers:' || subscriber_id from ({{ subscriber_ids_in_batch() }}) as subscribers
    )
{%- endmacro %}


{% macro customers_changed() -%}
    select changed.customer_id from {{ ref('int_customers_changed') }} as changed
{%- endmacro %}
{% macro customers_in_batch() %}target.customer_id in ({{ customers_changed() }}){% endmacro %}
