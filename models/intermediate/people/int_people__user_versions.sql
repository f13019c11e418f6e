with versions as (
    {{ versions(ref("stg_oneroster__users"), "user_row_key") }}
),

roles as (
    select role, user_type, user_type_rank, is_staff
    from {{ ref("roles") }}
    where oneroster_version = '1.1'
)

select
    versions.user_row_key,
    versions.district_id,
    versions.sourced_id,
    versions.role,
    roles.user_type,
    roles.user_type_rank,
    coalesce(roles.is_staff, false) as is_staff,
    not versions.is_deleted as is_present,
    not versions.is_deleted and coalesce(versions.is_enabled, false) as is_in_force,
    versions.org_sourced_ids,
    versions.grades,
    versions.identifier,
    versions.email,
    versions.username,
    versions.given_name,
    versions.family_name,
    versions.sourced_id_hash,
    versions.identifier_hash,
    versions.email_hash,
    versions.username_hash,
    versions.email_domain,
    versions.valid_from,
    versions.valid_to
from versions
left join roles on versions.role = roles.role
