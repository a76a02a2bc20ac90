-- Grain: one row per sales channel.
{{ config(materialized='incremental', incremental_strategy='reconcile', unique_key='channel',
    indexes=[{'columns': ['channel'], 'unique': true}], on_schema_change='append_new_columns') }}

select
    channel,
    channel_name,
    is_online
from {{ ref('channels') }}
