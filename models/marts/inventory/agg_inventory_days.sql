{%- set keys = ["district_id", "usage_date", "user_type", "roster_status", "membership_group_key"] -%}
{{
    config(
        materialized="incremental",
        incremental_strategy="roll_up",
        on_schema_change="fail",
        keys=keys,
        parts="usage_date",
        gone_without="page_loads",
    )
}}
with person_days as (
    select
        *,
        -- Use that is nobody's makes nobody a user.
        case when user_key is null then 0 else sign end as users
    from {{ ref("int_increments__person_day_changes") }}
)

{{ rolled_up("person_days") }}
