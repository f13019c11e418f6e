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
    {{ key([
        "spans.user_key", "spans.org_key", "coalesce(spans.grade_code, '')", "spans.role", "spans.valid_from",
    ]) }} as membership_key,
    spans.district_id,
    spans.user_key,
    spans.org_key,
    spans.grade_code,
    spans.role,
    spans.source,
    spans.pairing_basis,
    spans.is_primary,
    spans.valid_from,
    {{ open_end("spans.valid_to") }} as valid_to,
    spans.valid_from <= as_of.as_of_date and as_of.as_of_date < spans.valid_to as is_current
from {{ ref("int_memberships__spans") }} as spans
inner join {{ ref("int_deliveries__as_of") }} as as_of on spans.district_id = as_of.district_id
