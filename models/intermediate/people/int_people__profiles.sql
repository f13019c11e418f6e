with user_versions as (
    select
        persons.user_key,
        persons.district_id,
        versions.source,
        versions.user_type_rank,
        versions.is_on_roster,
        versions.is_present,
        versions.is_in_force,
        versions.is_current
    from {{ ref("int_people__user_versions") }} as versions
    inner join {{ ref("int_people__persons") }} as persons on versions.source_user_key = persons.source_user_key
),

presence as (
    select
        user_key,
        district_id,
        max(case when is_current and is_present then 1 else 0 end) = 1 as is_active,
        max(case when is_current and is_in_force then 1 else 0 end) = 1 as is_enabled,
        max(case when source <> 'added' and is_on_roster and is_present then 1 else 0 end) = 1 as is_rostered,
        max(case when is_on_roster and is_present then 1 else 0 end) = 0 as is_relative,
        min(case when is_current and is_present then user_type_rank end) as current_type_rank,
        min(case when is_present then user_type_rank end) as any_type_rank
    from user_versions
    group by user_key, district_id
),

-- distinct: several roles are of one user type.
user_types as (
    select distinct user_type, user_type_rank
    from {{ ref("roles") }}
)

select
    presence.user_key,
    presence.district_id,
    coalesce(user_types.user_type, 'other') as user_type,
    presence.is_active,
    presence.is_enabled,
    presence.is_rostered,
    presence.is_relative
from presence
left join user_types on coalesce(presence.current_type_rank, presence.any_type_rank) = user_types.user_type_rank
