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
select
    spans.user_key,
    spans.district_id,
    profiles.user_type,
    spans.roster_status,
    spans.membership_group_key,
    nullif(spans.valid_from, {{ beginning_of_time() }}) as valid_from,
    {{ open_end("spans.valid_to") }} as valid_to
from {{ ref("int_people__status_spans") }} as spans
inner join {{ ref("int_people__profiles") }} as profiles on spans.user_key = profiles.user_key
