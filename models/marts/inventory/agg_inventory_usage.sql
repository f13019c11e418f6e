{%- set keys = [
    "district_id", "period", "period_start", "user_key", "product_key", "user_type", "roster_status", "membership_group_key",
] -%}
{{
    config(
        materialized="incremental",
        incremental_strategy="roll_up",
        on_schema_change="fail",
        keys=keys,
        parts="period_start",
        gone_without="page_loads",
        laid_down_by=["period", "period_start", "user_key"],
    )
}}
with changes as (
    select *, sign as active_days from {{ ref("int_increments__changes") }}
),

all_periods as (
    {{ in_each_period("changes") }}
)

{{ rolled_up("all_periods", is_summed_by_day=true) }}
