{%- set keys = [
    "district_id", "period", "period_start", "user_key", "user_type", "roster_status", "membership_group_key",
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

-- A person's day counts once, however many products it has. Both before and after are whole days of a person.
person_days as (
    select
        district_id,
        usage_date,
        user_key,
        user_type,
        roster_status,
        membership_group_key,
        sign as active_days,
        sum(page_loads) as page_loads,
        sum(active_seconds) as active_seconds
    from changes
    group by district_id, usage_date, user_key, user_type, roster_status, membership_group_key, sign
),

all_periods as (
    {%- for period in ["week", "month", "school_year"] %}
    select
        person_days.* exclude (usage_date),
        '{{ period }}' as period,
        {{ period_start(period, "usage_date") }} as period_start
    from person_days
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

{{ rolled_up("all_periods", keys, ["active_days", "page_loads", "active_seconds"]) }}
