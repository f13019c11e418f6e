-- What: the current memberships of a person are not the rows of the membership group they are in.
-- When it matters: a filter by school and grade would pick other people than the roster has there.
-- How to resolve: compare int_memberships__groups with int_memberships__slices for the person.
with memberships as (
    select user_key, count(*) as row_count
    from {{ ref("fct_memberships") }}
    where
        is_current
        and district_id in (select district_id from {{ ref("int_increments__roster_scope") }} where is_in_scope)
        and {{ in_people_scope("user_key") }}
    group by user_key
),

groups as (
    select
        groups.user_key,
        count(*) as row_count
    from {{ ref("int_memberships__groups") }} as groups
    inner join {{ ref("bridge_membership_groups") }} as bridge
        on groups.membership_group_key = bridge.membership_group_key
    inner join {{ ref("int_deliveries__as_of") }} as as_of on groups.district_id = as_of.district_id
    where groups.valid_from <= as_of.as_of_date and as_of.as_of_date < groups.valid_to
    group by groups.user_key
)

select
    coalesce(memberships.user_key, groups.user_key) as user_key,
    memberships.row_count as membership_rows,
    groups.row_count as group_rows
from memberships
full outer join groups on memberships.user_key = groups.user_key
where memberships.row_count is distinct from groups.row_count
