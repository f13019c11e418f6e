{{ config(materialized="ephemeral") }}
select
    district_id,
    usage_date,
    user_key,
    user_type,
    roster_status,
    membership_group_key,
    sign,
    sum(page_loads) as page_loads,
    sum(active_seconds) as active_seconds
from {{ ref("int_increments__changes") }}
group by district_id, usage_date, user_key, user_type, roster_status, membership_group_key, sign
