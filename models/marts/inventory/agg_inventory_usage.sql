{%- set keys = [
    "district_id", "period", "period_start", "user_key", "product_key", "user_type", "roster_status", "membership_group_key",
] -%}
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

weekly as (
    select
        district_id,
        'week' as period,
        {{ period_start("week", "usage_date") }} as period_start,
        user_key,
        product_key,
        user_type,
        roster_status,
        membership_group_key,
        sum(sign) as active_days,
        sum(page_loads) as page_loads,
        sum(active_seconds) as active_seconds
    from changes
    group by district_id, {{ period_start("week", "usage_date") }}, user_key, product_key, user_type, roster_status, membership_group_key
),

monthly as (
    select
        district_id,
        'month' as period,
        {{ period_start("month", "usage_date") }} as period_start,
        user_key,
        product_key,
        user_type,
        roster_status,
        membership_group_key,
        sum(sign) as active_days,
        sum(page_loads) as page_loads,
        sum(active_seconds) as active_seconds
    from changes
    group by district_id, {{ period_start("month", "usage_date") }}, user_key, product_key, user_type, roster_status, membership_group_key
),

-- A school year is made of whole months.
all_periods as (
    select * from weekly
    union all
    select * from monthly
    union all
    select
        * replace (
            'school_year' as period,
            {{ period_start("school_year", "period_start") }} as period_start
        )
    from monthly
)

{{ rolled_up("all_periods", keys, ["active_days", "page_loads", "active_seconds"]) }}
