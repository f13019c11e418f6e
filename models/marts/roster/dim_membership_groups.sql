select
    members.membership_group_key,
    orgs.district_id,
    cast(count(distinct case when orgs.org_type = 'school' then members.org_key end) as bigint) as school_count,
    cast(count(distinct members.grade_code) as bigint) as grade_count,
    count(distinct case when orgs.org_type = 'school' then members.org_key end) > 0 as has_school,
    count(distinct members.grade_code) > 0 as has_grade
from {{ ref("bridge_membership_groups") }} as members
inner join {{ ref("dim_orgs") }} as orgs on members.org_key = orgs.org_key
group by members.membership_group_key, orgs.district_id
