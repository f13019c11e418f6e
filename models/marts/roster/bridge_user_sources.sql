{{
    config(
        materialized="incremental",
        incremental_strategy="replace_districts",
        on_schema_change="fail",
        replaces=[{"columns": "source_user_key", "among": "int_increments__people_scope", "named": "source_user_key"}],
    )
}}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_increments__roster_parts") }}
-- depends_on: {{ ref("int_increments__people_scope") }}
with persons as (
    select
        source_user_key, district_id, user_key, source, sourced_id, merge_basis, has_shared_mailbox, first_date
    from {{ ref("int_people__persons") }}
),

user_versions as (
    select source_user_key, role, is_staff, is_present, sourced_id_hash, identifier_hash, is_current
    from {{ ref("int_people__user_versions") }}
),

-- distinct: a role counts once, however many versions of the user have it.
user_roles as (
    select source_user_key, {{ sorted_text("role", "+") }} as roles
    from (select distinct source_user_key, role from user_versions where role is not null) as roles
    group by source_user_key
),

users as (
    select
        source_user_key,
        max(case when is_staff then 1 else 0 end) = 1 as is_staff,
        min(sourced_id_hash) as sourced_id_hash,
        min(identifier_hash) as identifier_hash,
        max(case when is_present and is_current then 1 else 0 end) = 1 as is_active
    from user_versions
    group by source_user_key
)

select
    persons.source_user_key,
    persons.user_key,
    persons.district_id,
    persons.source,
    case
        when users.is_staff then persons.sourced_id
        else coalesce(users.sourced_id_hash, users.identifier_hash)
    end as source_id,
    user_roles.roles,
    persons.merge_basis,
    count(*) over (partition by persons.user_key) as users_of_person,
    persons.has_shared_mailbox,
    users.is_active,
    persons.first_date as known_since
from persons
inner join users on persons.source_user_key = users.source_user_key
left join user_roles on persons.source_user_key = user_roles.source_user_key
