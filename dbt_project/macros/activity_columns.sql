{# Columns of int_customer_activity_summed, in the order customer_360 shows them. #}
{% macro activity_columns() -%}
    {{ return([
        'first_order_at', 'last_order_at', 'order_count', 'sale_count', 'revenue_reference', 'revenue_by_currency',
        'unconverted_order_count', 'return_count', 'returned_quantity', 'refund_reference', 'last_return_at',
        'open_cart_count', 'abandoned_cart_count', 'last_cart_at', 'failed_payment_count', 'last_payment_at',
        'lost_shipment_count', 'last_delivery_at', 'web_event_count', 'page_view_count', 'first_web_visit_at',
        'last_web_visit_at', 'mail_sent_count', 'mail_delivered_count', 'mail_opened_count', 'mail_clicked_count',
        'mail_bounced_count', 'last_mail_opened_at', 'last_mail_clicked_at'
    ]) }}
{%- endmacro %}
