{%- set keys = ["district_id", "usage_date", "user_type", "roster_status", "membership_group_key"] -%}
{{
    config(
        materialized="incremental",
        incremental_strategy="roll_up",
        on_schema_change="fail",
        keys=keys,
    )
}}
with changes as (
    select * from {{ ref("int_usage__changes") }}
),

person_days as (
    select
        district_id,
        usage_date,
        user_key,
        user_type,
        roster_status,
        membership_group_key,
        -- Use that is nobody's makes nobody a user.
        case when user_key is null then 0 else sign end as users,
        sum(page_loads) as page_loads,
        sum(active_seconds) as active_seconds
    from changes
    group by district_id, usage_date, user_key, user_type, roster_status, membership_group_key, sign
)

{{ rolled_up("person_days", keys, ["users", "page_loads", "active_seconds"]) }}
