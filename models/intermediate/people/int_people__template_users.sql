with educators as (
    {{ versions(ref("stg_templates__educators"), "template_row_key") }}
),

students as (
    {{ versions(ref("stg_templates__students"), "template_row_key") }}
),

member_versions as (
    {{ versions(ref("stg_templates__members"), "member_key") }}
),

-- A member ends on a date of their own, whenever the next change comes.
members as (
    select
        *,
        least(valid_to, coalesce(end_date, valid_to)) as ends_on
    from member_versions
),

roles as (
    select
        aliases.role_alias,
        roles.role,
        roles.user_type,
        roles.user_type_rank,
        roles.is_staff,
        roles.is_on_roster
    from {{ ref("role_aliases") }} as aliases
    inner join {{ ref("roles") }} as roles on aliases.role = roles.role and roles.oneroster_version = 'template'
),

rows as (
    select
        template_row_key as user_row_key,
        district_id,
        'template' as source,
        'educators' as template,
        sis_id,
        role,
        school_cell,
        grade_level,
        email,
        given_name,
        family_name,
        sis_id_hash,
        email_hash,
        email_domain,
        extensions,
        is_deleted,
        valid_from,
        valid_to
    from educators
    union all
    select
        template_row_key as user_row_key,
        district_id,
        'template' as source,
        'students' as template,
        sis_id,
        'student' as role,
        school_cell,
        grade_level,
        cast(null as string) as email,
        cast(null as string) as given_name,
        cast(null as string) as family_name,
        sis_id_hash,
        email_hash,
        email_domain,
        extensions,
        is_deleted,
        valid_from,
        valid_to
    from students
    union all
    select
        member_key as user_row_key,
        district_id,
        'added' as source,
        'members' as template,
        cast(null as string) as sis_id,
        role,
        school_cell,
        grade_level,
        email,
        given_name,
        family_name,
        cast(null as string) as sis_id_hash,
        email_hash,
        email_domain,
        extensions,
        is_deleted,
        valid_from,
        ends_on as valid_to
    from members
    where valid_from < ends_on
),

schools as (
    select
        false as is_of_members,
        district_id,
        cell,
        {{ text_in_order("org_sourced_id", ",", "position") }} as org_sourced_ids
    from {{ ref("int_orgs__template_schools") }}
    group by district_id, cell
    union all
    select
        true as is_of_members,
        district_id,
        cell,
        {{ text_in_order("org_sourced_id", ",", "position") }} as org_sourced_ids
    from {{ ref("int_orgs__named_schools") }}
    where org_key is not null
    group by district_id, cell
),

users as (
    select
        rows.user_row_key,
        -- A person of a template is their id, else their address; members added manually are an address.
        -- Anyone whom a list of educators calls a student is one of the students.
        {{ key([
            "rows.district_id", "case when roles.role = 'student' then 'students' else rows.template end",
            "coalesce(rows.sis_id, rows.email_hash)",
        ]) }} as source_user_key,
        rows.district_id,
        rows.source,
        rows.sis_id,
        coalesce(roles.role, 'unknown') as role,
        coalesce(roles.user_type, 'other') as user_type,
        coalesce(roles.user_type_rank, 4) as user_type_rank,
        coalesce(roles.is_staff, true) as is_staff,
        coalesce(roles.is_on_roster, true) as is_on_roster,
        true as is_present,
        schools.org_sourced_ids,
        {{ replace_all("rows.grade_level", "[;|\\r\\n]+", ",") }} as grades,
        rows.email,
        rows.given_name,
        rows.family_name,
        rows.sis_id_hash,
        rows.email_hash,
        rows.email_domain,
        rows.extensions,
        rows.valid_from,
        rows.valid_to
    from rows
    -- A list of educators that says no role says that they are teachers; a role that nobody knows is staff of no type.
    left join roles on coalesce(rows.role, 'teacher') = roles.role_alias
    left join schools
        on rows.district_id = schools.district_id
        and rows.school_cell = schools.cell
        and (rows.template = 'members') = schools.is_of_members
    -- Nothing is known of a row that is gone, but since when.
    where not rows.is_deleted
)

select *
from users
where {{ in_people_scope("source_user_key") }}
