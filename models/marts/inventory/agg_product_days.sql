{%- set keys = ["district_id", "usage_date", "product_key"] -%}
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
with changes as (
    select
        *,
        case when user_key is null then 0 else sign end as users
    from {{ ref("int_increments__changes") }}
)

{{ rolled_up("changes") }}
