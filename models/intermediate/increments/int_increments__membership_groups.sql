{{ config(materialized="ephemeral") }}
select
    groups_before.membership_group_key,
    groups_before.district_id,
    groups_before.org_key,
    groups_before.grade_code,
    groups_before.role
from {{ published("bridge_membership_groups") }} as groups_before
semi join {{ ref("int_increments__roster_parts") }} as parts on groups_before.district_id = parts.district_id
