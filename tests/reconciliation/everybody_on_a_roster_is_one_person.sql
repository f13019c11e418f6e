-- What: a user row that was ever on a roster leads to no person, or to one that is not in dim_users.
-- When it matters: people would be missing from every figure.
-- How to resolve: find the user row in int_people__persons.
select versions.user_row_key
from {{ ref("int_people__user_versions") }} as versions
left join {{ ref("int_people__persons") }} as persons on versions.source_user_key = persons.source_user_key
left join {{ ref("dim_users") }} as users on persons.user_key = users.user_key
where versions.is_present and users.user_key is null
