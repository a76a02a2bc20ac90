-- Grain: one row per living customer: what the facts add up to.
{{ config(
    unique_key='customer_id',
    indexes=[{'columns': ['customer_id'], 'unique': true}],
    meta={'scope': 'customers_in_batch'}
) }}
-- depends_on: {{ ref('int_customers_changed') }}, {{ ref('int_customers_pivoted') }}, {{ ref('int_customer_records_bridged') }}

with {{ customers_and_their_records() }},

orders as (
    select
        records.customer_id,
        min(facts.ordered_at) as first_order_at,
        max(facts.ordered_at) as last_order_at,
        count(*) as order_count,
        count(*) filter (where facts.is_sale) as sale_count,
        sum(facts.total_amount_reference) filter (where facts.is_sale) as revenue_reference,
        count(*) filter (where facts.is_sale and facts.total_amount_reference is null) as unconverted_order_count
    from {{ ref('int_orders_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

revenue as (
    select
        customer_id,
        jsonb_object_agg(currency, amount) as revenue_by_currency
    from (
        select
            records.customer_id,
            facts.currency,
            sum(facts.total_amount) as amount
        from {{ ref('int_orders_keyed') }} as facts
        inner join records on facts.customer_record_id = records.record_id
        where facts.is_sale
        group by records.customer_id, facts.currency
    ) as sales
    group by customer_id
),

returns as (
    select
        records.customer_id,
        count(*) as return_count,
        sum(facts.quantity) as returned_quantity,
        sum(facts.refund_amount_reference) as refund_reference,
        max(facts.returned_at) as last_return_at
    from {{ ref('int_returns_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

carts as (
    select
        records.customer_id,
        count(*) filter (where facts.status = 'open') as open_cart_count,
        count(*) filter (where facts.status = 'abandoned') as abandoned_cart_count,
        max(facts.updated_at) as last_cart_at
    from {{ ref('int_carts_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

payments as (
    select
        records.customer_id,
        count(*) filter (where facts.status = 'failed') as failed_payment_count,
        max(facts.paid_at) as last_payment_at
    from {{ ref('int_payments_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

shipments as (
    select
        records.customer_id,
        count(*) filter (where facts.status = 'lost') as lost_shipment_count,
        max(facts.delivered_at) as last_delivery_at
    from {{ ref('int_shipments_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

web as (
    select
        records.customer_id,
        count(*) as web_event_count,
        count(*) filter (where facts.event_type = 'page') as page_view_count,
        min(facts.occurred_at) as first_web_visit_at,
        max(facts.occurred_at) as last_web_visit_at
    from {{ ref('int_web_events_attributed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

mails as (
    select
        records.customer_id,
        count(*) filter (where facts.event_type = 'sent') as mail_sent_count,
        count(*) filter (where facts.event_type = 'delivered') as mail_delivered_count,
        count(*) filter (where facts.event_type = 'opened') as mail_opened_count,
        count(*) filter (where facts.event_type = 'clicked') as mail_clicked_count,
        count(*) filter (where facts.event_type = 'bounced') as mail_bounced_count,
        max(facts.occurred_at) filter (where facts.event_type = 'opened') as last_mail_opened_at,
        max(facts.occurred_at) filter (where facts.event_type = 'clicked') as last_mail_clicked_at
    from {{ ref('int_email_events_keyed') }} as facts
    inner join records on facts.customer_record_id = records.record_id
    group by records.customer_id
),

final as (
    select
        customers.customer_id,
        orders.first_order_at,
        orders.last_order_at,
        coalesce(orders.order_count, 0) as order_count,
        coalesce(orders.sale_count, 0) as sale_count,
        coalesce(orders.revenue_reference, 0)::numeric(16, 2) as revenue_reference,
        coalesce(revenue.revenue_by_currency, '{}'::jsonb) as revenue_by_currency,
        coalesce(orders.unconverted_order_count, 0) as unconverted_order_count,
        coalesce(returns.return_count, 0) as return_count,
        coalesce(returns.returned_quantity, 0)::bigint as returned_quantity,
        coalesce(returns.refund_reference, 0)::numeric(16, 2) as refund_reference,
        returns.last_return_at,
        coalesce(carts.open_cart_count, 0) as open_cart_count,
        coalesce(carts.abandoned_cart_count, 0) as abandoned_cart_count,
        carts.last_cart_at,
        coalesce(payments.failed_payment_count, 0) as failed_payment_count,
        payments.last_payment_at,
        coalesce(shipments.lost_shipment_count, 0) as lost_shipment_count,
        shipments.last_delivery_at,
        coalesce(web.web_event_count, 0) as web_event_count,
        coalesce(web.page_view_count, 0) as page_view_count,
        web.first_web_visit_at,
        web.last_web_visit_at,
        coalesce(mails.mail_sent_count, 0) as mail_sent_count,
        coalesce(mails.mail_delivered_count, 0) as mail_delivered_count,
        coalesce(mails.mail_opened_count, 0) as mail_opened_count,
        coalesce(mails.mail_clicked_count, 0) as mail_clicked_count,
        coalesce(mails.mail_bounced_count, 0) as mail_bounced_count,
        mails.last_mail_opened_at,
        mails.last_mail_clicked_at
    from customers
    left join orders on customers.customer_id = orders.customer_id
    left join revenue on customers.customer_id = revenue.customer_id
    left join returns on customers.customer_id = returns.customer_id
    left join carts on customers.customer_id = carts.customer_id
    left join payments on customers.customer_id = payments.customer_id
    left join shipments on customers.customer_id = shipments.customer_id
    left join web on customers.customer_id = web.customer_id
    left join mails on customers.customer_id = mails.customer_id
)

select * from final
