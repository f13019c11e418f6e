{{
    config(
        materialized="incremental",
        incremental_strategy="replace_districts",
        on_schema_change="fail",
        replaces=[{"columns": "user_key", "among": "int_increments__people_scope", "named": "source_user_key"}],
    )
}}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_increments__roster_parts") }}
-- depends_on: {{ ref("int_increments__people_scope") }}
-- depends_on: {{ ref("int_increments__identities") }}
select
    user_key,
    district_id,
    source,
    identifier_type,
    identifier_value,
    identifier_key,
    valid_from,
    {{ open_end("valid_to") }} as valid_to
from {{ ref("int_people__identifiers") }}
