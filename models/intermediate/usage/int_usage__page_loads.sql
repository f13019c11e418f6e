{{ config(materialized="view") }}
-- depends_on: {{ ref("int_deliveries__accepted") }}
-- depends_on: {{ ref("stg_extension__page_load_files") }}
-- depends_on: {{ ref("int_usage__partitions") }}
select
    event_key,
    district_id,
    usage_date,
    identity_key,
    host,
    path_prefix,
    occurred_at,
    duration_seconds
from {{ ref("stg_extension__page_loads") }} as page_loads
where {{ in_partitions_of(ref("int_increments__scope")) }}
