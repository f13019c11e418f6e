{{ config(materialized="ephemeral") }}
-- Who has several schools and several grades is in the scope. Of the others, each membership says what its school serves.
select
    memberships.org_key,
    memberships.grade_code,
    memberships.valid_from,
    coalesce(memberships.valid_to, {{ end_of_time() }}) as valid_to
from {{ published("fct_memberships") }} as memberships
semi join {{ ref("int_increments__roster_parts") }} as parts on memberships.district_id = parts.district_id
anti join {{ ref("int_increments__people_scope") }} as people on memberships.user_key = people.source_user_key
where memberships.grade_code is not null
    and memberships.role in (select role from {{ ref("roles") }} where user_type = 'student')
