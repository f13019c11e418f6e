{#- What a row of a user and one of their roles have in common. -#}
{%- set columns = [
    "district_id", "sourced_id", "is_deleted", "is_enabled", "grades", "identifier", "email", "username", "given_name",
    "family_name", "sourced_id_hash", "identifier_hash", "email_hash", "username_hash", "email_domain",
    "extensions",
] -%}
with versions as (
    {{ versions(ref("stg_oneroster__users"), "user_row_key") }}
),

role_versions as (
    {{ versions(ref("stg_oneroster__roles"), "role_row_key") }}
),

roles as (
    select role, oneroster_version, user_type, user_type_rank, is_staff, is_on_roster
    from {{ ref("roles") }}
),

-- Staff, whose name the intake has kept: someone with a role of staff and none of a student. On the roster is everybody but those
-- who are known as a parent, guardian or relative and as nothing else.
people_of_1_2 as (
    select
        role_versions.district_id,
        role_versions.user_sourced_id,
        bool_or(coalesce(roles.is_staff, false)) and not bool_or(role_versions.role = 'student') as is_staff,
        bool_or(coalesce(roles.is_on_roster, true)) as is_on_roster
    from role_versions
    left join roles on role_versions.role = roles.role and roles.oneroster_version = '1.2'
    where not role_versions.is_deleted
    group by role_versions.district_id, role_versions.user_sourced_id
),

role_spans as (
    select
        role_versions.role_row_key,
        role_versions.district_id,
        role_versions.user_sourced_id,
        role_versions.role,
        role_versions.is_primary_role,
        role_versions.org_sourced_id,
        greatest(role_versions.valid_from, coalesce(role_versions.begin_date, role_versions.valid_from)) as valid_from,
        least(role_versions.valid_to, coalesce(role_versions.end_date, role_versions.valid_to)) as valid_to
    from role_versions
    where not role_versions.is_deleted
),

-- 1.1: the user row says the role and the orgs. 1.2: it says neither, and holds for as long as the user does.
user_rows as (
    select
        versions.user_row_key as row_key,
        versions.user_row_key as source_user_key,
        {% for column in columns -%}
        versions.{{ column }},
        {% endfor -%}
        versions.role,
        versions.org_sourced_ids as row_orgs,
        false as is_explicit,
        2 as explicit_rank,
        case when versions.role is null then '1.2' else '1.1' end as oneroster_version,
        versions.valid_from as row_from,
        versions.valid_to as row_to
    from versions
    union all
    select
        role_spans.role_row_key as row_key,
        versions.user_row_key as source_user_key,
        {% for column in columns -%}
        versions.{{ column }},
        {% endfor -%}
        role_spans.role,
        role_spans.org_sourced_id as row_orgs,
        true as is_explicit,
        case
            when role_spans.org_sourced_id = versions.primary_org_sourced_id then 0
            when role_spans.is_primary_role then 1
            else 2
        end as explicit_rank,
        '1.2' as oneroster_version,
        greatest(versions.valid_from, role_spans.valid_from) as row_from,
        least(versions.valid_to, role_spans.valid_to) as row_to
    from versions
    inner join role_spans
        on versions.district_id = role_spans.district_id
        and versions.sourced_id = role_spans.user_sourced_id
        and role_spans.valid_from < versions.valid_to
        and versions.valid_from < role_spans.valid_to
    where versions.role is null and not versions.is_deleted and role_spans.valid_from < role_spans.valid_to
),

typed as (
    select
        user_rows.*,
        case when user_rows.is_explicit and roles.role is null then 'unknown' else user_rows.role end as known_role,
        roles.user_type,
        roles.user_type_rank,
        case
            when user_rows.oneroster_version = '1.2' then coalesce(people_of_1_2.is_staff, false)
            else coalesce(roles.is_staff, false)
        end as is_staff,
        case
            when user_rows.oneroster_version = '1.1' or user_rows.is_explicit then coalesce(roles.is_on_roster, true)
            else coalesce(people_of_1_2.is_on_roster, true)
        end as is_on_roster
    from user_rows
    left join roles on user_rows.role = roles.role and user_rows.oneroster_version = roles.oneroster_version
    left join people_of_1_2
        on user_rows.oneroster_version = '1.2'
        and user_rows.district_id = people_of_1_2.district_id
        and user_rows.sourced_id = people_of_1_2.user_sourced_id
)

select
    row_key as user_row_key,
    source_user_key,
    district_id,
    sourced_id,
    known_role as role,
    case when known_role = 'unknown' then 'other' else user_type end as user_type,
    case when known_role = 'unknown' then 4 else user_type_rank end as user_type_rank,
    is_staff,
    is_on_roster,
    not is_deleted as is_present,
    not is_deleted and is_on_roster and coalesce(is_enabled, false) as is_in_force,
    is_explicit,
    explicit_rank,
    row_orgs as org_sourced_ids,
    grades,
    identifier,
    email,
    username,
    given_name,
    family_name,
    sourced_id_hash,
    identifier_hash,
    email_hash,
    username_hash,
    email_domain,
    extensions,
    row_from as valid_from,
    row_to as valid_to
from typed
