{{
    config(
        materialized="incremental",
        incremental_strategy="replace_districts",
        on_schema_change="fail",
        replaces=[
            {
                "columns": "(district_id, identity_key)",
                "among": "int_increments__identities",
                "named": "district_id, identity_key",
            },
        ],
    )
}}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_increments__roster_parts") }}
-- depends_on: {{ ref("int_increments__identities") }}
-- Built after the facts, since it records for the next build what they were counted with.
-- depends_on: {{ ref("fct_product_usage") }}
select
    identity_key,
    district_id,
    user_key,
    user_type,
    roster_status,
    membership_group_key,
    nullif(valid_from, {{ beginning_of_time() }}) as valid_from,
    {{ open_end("valid_to") }} as valid_to
from {{ ref("int_usage__identity_spans") }}
