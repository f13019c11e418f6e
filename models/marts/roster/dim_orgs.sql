{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_increments__roster_parts") }}
select
    org_key,
    district_id,
    sourced_id as org_sourced_id,
    org_name,
    org_type,
    parent_org_key,
    extensions,
    is_active
from {{ ref("int_orgs__current") }}
