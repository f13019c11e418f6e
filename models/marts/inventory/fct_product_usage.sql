{{
    config(
        materialized="incremental",
        incremental_strategy="replace_scope",
        on_schema_change="fail",
        scope="int_increments__scope",
        parts="usage_date",
        replaces=[
            {"keys": ["district_id", "usage_date"], "where": "is_whole"},
            {"keys": ["district_id", "usage_date", "user_key"], "where": "not is_whole"},
        ],
    )
}}
-- What it replaces is read before it is replaced, and named by the scope.
-- depends_on: {{ ref("int_increments__taken_back") }}
-- depends_on: {{ ref("int_increments__scope") }}
select
    district_id,
    usage_date,
    user_key,
    user_type,
    roster_status,
    product_key,
    membership_group_key,
    page_loads,
    active_seconds,
    first_seen_at,
    last_seen_at
from {{ ref("int_increments__counted") }}
