{{ config(materialized="view") }}
select
    event_key,
    district_id,
    cast(usage_date as date) as usage_date,
    identity_key,
    host,
    path_prefix,
    occurred_at,
    {{ usable_seconds("duration_seconds") }} as duration_seconds,
    file_path
from {{ source("extension", "page_loads") }}
