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

all_periods as (
    {{ in_each_period("changes") }}
)

{{ rolled_up("all_periods", keys, ["active_days", "page_loads", "active_seconds"]) }}
