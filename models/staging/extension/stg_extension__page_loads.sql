{{ config(materialized="view") }}
-- depends_on: {{ ref("stg_landing__deliveries") }}
select
    rows.event_key,
    rows.district_id,
    cast(rows.usage_date as date) as usage_date,
    rows.identity_key,
    rows.host,
    rows.path_prefix,
    rows.occurred_at,
    {{ usable_seconds("rows.duration_seconds") }} as duration_seconds
from {{ page_loads_in_scope(ref("int_usage__scope")) }} as rows
