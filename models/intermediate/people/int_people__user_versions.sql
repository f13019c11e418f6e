with oneroster_users as (
    select
        user_row_key,
        source_user_key,
        district_id,
        'oneroster' as source,
        1 as source_rank,
        sourced_id,
        role,
        user_type,
        user_type_rank,
        is_staff,
        is_on_roster,
        is_present,
        is_in_force,
        is_explicit,
        explicit_rank,
        org_sourced_ids,
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
        valid_from,
        valid_to
    from {{ ref("int_people__oneroster_users") }}
    -- A delta may take away someone who never was there, and whom nothing else knows.
    where is_present
),

template_users as (
    select
        user_row_key,
        source_user_key,
        district_id,
        source,
        case source when 'template' then 2 else 3 end as source_rank,
        sis_id as sourced_id,
        role,
        user_type,
        user_type_rank,
        is_staff,
        is_on_roster,
        is_present,
        is_present and is_on_roster as is_in_force,
        true as is_explicit,
        2 as explicit_rank,
        org_sourced_ids,
        grades,
        sis_id as identifier,
        email,
        cast(null as string) as username,
        given_name,
        family_name,
        cast(null as string) as sourced_id_hash,
        sis_id_hash as identifier_hash,
        email_hash,
        cast(null as string) as username_hash,
        email_domain,
        extensions,
        valid_from,
        valid_to
    from {{ ref("int_people__template_users") }}
)

-- The same columns in the same order: both are listed from one list.
select
    users.*,
    users.valid_from <= as_of.as_of_date and as_of.as_of_date < users.valid_to as is_current
from (
    select * from oneroster_users
    union all
    select * from template_users
) as users
inner join {{ ref("int_deliveries__as_of") }} as as_of on users.district_id = as_of.district_id
