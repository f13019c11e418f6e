{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
-- depends_on: {{ ref("int_increments__roster_scope") }}
with slices as (
    select user_key, district_id, valid_from, org_key, grade_code, role
    from {{ ref("int_memberships__slices") }}
    where org_key is not null
),

groups as (
    select user_key, valid_from, membership_group_key
    from {{ ref("int_memberships__groups") }}
    where membership_group_key is not null
)

-- distinct: everybody with the same set of rows is in the same group.
select distinct
    groups.membership_group_key,
    slices.district_id,
    slices.org_key,
    slices.grade_code,
    slices.role
from slices
inner join groups on slices.user_key = groups.user_key and slices.valid_from = groups.valid_from
union
-- Of a district that is derived in part, the others too, as long as anybody is in them.
select
    groups_before.membership_group_key,
    groups_before.district_id,
    groups_before.org_key,
    groups_before.grade_code,
    groups_before.role
from {{ ref("int_increments__membership_groups") }} as groups_before
semi join {{ ref("bridge_user_groups") }} as spans
    on groups_before.district_id = spans.district_id and groups_before.membership_group_key = spans.membership_group_key
