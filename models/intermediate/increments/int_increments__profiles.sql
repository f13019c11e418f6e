{{ config(materialized="ephemeral") }}
select district_id, user_key, user_type, is_relative
from {{ ref("int_people__profiles") }}
union all
select
    users.district_id,
    users.user_key,
    users.user_type,
    users.is_relative
from {{ published("dim_users") }} as users
semi join {{ ref("int_increments__carried_districts") }} as carried_over on users.district_id = carried_over.district_id
anti join {{ ref("int_increments__people_scope") }} as people on users.user_key = people.source_user_key
