with persons as (
    select source_user_key, district_id, source, user_key
    from {{ ref("int_people__persons") }}
),

in_force as (
    select
        persons.user_key,
        persons.district_id,
        versions.role,
        versions.user_type,
        versions.source_rank,
        versions.valid_from,
        versions.valid_to
    from {{ ref("int_people__user_versions") }} as versions
    inner join persons on versions.source_user_key = persons.source_user_key
    where versions.is_in_force
),

pairings as (
    select
        persons.user_key,
        persons.source,
        pairings.role,
        pairings.user_type,
        pairings.explicit_rank,
        pairings.org_key,
        pairings.grade_code,
        pairings.pairing_basis,
        pairings.class_count,
        pairings.org_position,
        pairings.valid_from,
        pairings.valid_to
    from {{ ref("int_memberships__pairings") }} as pairings
    inner join persons on pairings.source_user_key = persons.source_user_key
),

boundaries as (
    select user_key, valid_from as boundary_date from in_force
    union
    select user_key, valid_to from in_force
    union
    select user_key, valid_from from pairings
    union
    select user_key, valid_to from pairings
),

-- A person's time, cut wherever anything about their memberships changes.
slices as (
    select
        user_key,
        boundary_date as valid_from,
        lead(boundary_date) over (partition by user_key order by boundary_date) as valid_to
    from boundaries
),

person_slices as (
    select
        slices.user_key,
        in_force.district_id,
        slices.valid_from,
        slices.valid_to,
        min(in_force.source_rank) as source_rank,
        -- A person who was only added manually has the memberships that they were added with, and none of the district.
        min(
            case when in_force.user_type = 'administrator' and in_force.source_rank < 3 then in_force.source_rank end
        ) as administrator_rank,
        min(
            case when in_force.user_type = 'administrator' and in_force.source_rank < 3 then in_force.role end
        ) as administrator_role
    from slices
    inner join in_force
        on slices.user_key = in_force.user_key
        and in_force.valid_from <= slices.valid_from
        and slices.valid_to <= in_force.valid_to
    group by slices.user_key, in_force.district_id, slices.valid_from, slices.valid_to
),

rows_of_slices as (
    select
        person_slices.user_key,
        person_slices.district_id,
        person_slices.valid_from,
        person_slices.valid_to,
        pairings.role,
        pairings.user_type,
        case pairings.source when 'oneroster' then 1 when 'template' then 2 else 3 end as source_rank,
        pairings.explicit_rank,
        pairings.org_key,
        pairings.grade_code,
        pairings.pairing_basis,
        pairings.class_count,
        pairings.org_position
    from person_slices
    inner join pairings
        on person_slices.user_key = pairings.user_key
        and pairings.valid_from <= person_slices.valid_from
        and person_slices.valid_to <= pairings.valid_to
),

district_defaults as (
    select
        person_slices.user_key,
        person_slices.district_id,
        person_slices.valid_from,
        person_slices.valid_to,
        person_slices.administrator_role as role,
        'administrator' as user_type,
        person_slices.administrator_rank as source_rank,
        2 as explicit_rank,
        roots.org_key,
        cast(null as string) as grade_code,
        'district_default' as pairing_basis,
        0 as class_count,
        1 as org_position
    from person_slices
    inner join {{ ref("int_orgs__current") }} as roots
        on person_slices.district_id = roots.district_id and roots.is_district_root
    left join rows_of_slices
        on person_slices.user_key = rows_of_slices.user_key
        and person_slices.valid_from = rows_of_slices.valid_from
        and rows_of_slices.user_type = 'administrator'
    where person_slices.administrator_rank is not null and rows_of_slices.user_key is null
),

bases as (
    select pairing_basis, basis_rank
    from {{ ref("pairing_bases") }}
),

-- Equal rows of several user rows are one; the strongest source and its more certain pairing name it.
collapsed as (
    select
        user_key,
        district_id,
        valid_from,
        valid_to,
        role,
        org_key,
        grade_code,
        -- Ranks are below ten: the least pair of source and basis, the source first.
        cast(floor(min(source_rank * 10 + basis_rank) / 10) as integer) as source_rank,
        min(source_rank * 10 + basis_rank) % 10 as basis_rank,
        min(explicit_rank) as explicit_rank,
        min(user_type) as user_type,
        max(class_count) as class_count,
        min(org_position) as org_position
    from (
        select all_rows.*, bases.basis_rank
        from (
            select * from rows_of_slices
            union all
            select * from district_defaults
        ) as all_rows
        inner join bases on all_rows.pairing_basis = bases.pairing_basis
    ) as ranked
    group by user_key, district_id, valid_from, valid_to, role, org_key, grade_code
),

-- distinct: several roles are of one user type.
user_types as (
    select distinct user_type, user_type_rank
    from {{ ref("roles") }}
)

select
    person_slices.user_key,
    person_slices.district_id,
    person_slices.valid_from,
    person_slices.valid_to,
    collapsed.role,
    collapsed.org_key,
    collapsed.grade_code,
    case collapsed.source_rank when 1 then 'oneroster' when 2 then 'template' when 3 then 'added' end as source,
    bases.pairing_basis,
    collapsed.org_key is not null and row_number() over (
        partition by person_slices.user_key, person_slices.valid_from
        order by
            collapsed.explicit_rank,
            collapsed.class_count desc,
            case when collapsed.class_count = 0 then collapsed.org_position end nulls last,
            orgs.sourced_id,
            user_types.user_type_rank,
            collapsed.role,
            grades.sort_order nulls last
    ) = 1 as is_primary,
    case when person_slices.source_rank < 3 then 'rostered' else 'member' end as roster_status
from person_slices
left join collapsed
    on person_slices.user_key = collapsed.user_key and person_slices.valid_from = collapsed.valid_from
left join bases on collapsed.basis_rank = bases.basis_rank
left join {{ ref("int_orgs__current") }} as orgs on collapsed.org_key = orgs.org_key
left join user_types on collapsed.user_type = user_types.user_type
left join {{ ref("grades") }} as grades on collapsed.grade_code = grades.grade_code
