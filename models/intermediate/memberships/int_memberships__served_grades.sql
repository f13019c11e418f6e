with student_lists as (
    -- distinct: what a school's pupils have in common is said once, not once a pupil.
    select distinct
        district_id,
        org_sourced_ids,
        grades,
        valid_from,
        valid_to
    from {{ ref("int_people__user_versions") }}
    where is_in_force and user_type = 'student' and org_sourced_ids is not null and grades is not null
),

listed_orgs as (
    -- distinct: a school that is in the list twice is one.
    select distinct
        items.district_id,
        items.org_sourced_ids,
        items.grades,
        items.valid_from,
        items.valid_to,
        orgs.org_key
    from (
        select *, {{ unnest_items(split_items("org_sourced_ids"), "org_sourced_id") }}  -- noqa: PRS,LT01
        from student_lists
    ) as items
    inner join {{ ref("int_orgs__current") }} as orgs
        on items.district_id = orgs.district_id and items.org_sourced_id = orgs.sourced_id
),

listed_grades as (
    -- distinct: 9 and 09 are one grade.
    select distinct
        items.grades,
        grade_aliases.grade_code
    from (
        select grades, {{ unnest_items(split_items("grades"), "grade_item") }}  -- noqa: PRS,LT01
        -- distinct: a list of grades is split once.
        from (select distinct grades from student_lists) as lists
    ) as items
    inner join {{ ref("grade_aliases") }} as grade_aliases on lower(items.grade_item) = grade_aliases.grade_alias
),

pairs as (
    select
        listed_orgs.org_key,
        listed_grades.grade_code,
        listed_orgs.valid_from,
        listed_orgs.valid_to,
        count(*) over (
            partition by
                listed_orgs.district_id, listed_orgs.org_sourced_ids, listed_orgs.grades, listed_orgs.valid_from,
                listed_orgs.valid_to, listed_grades.grade_code
        ) as org_count,
        count(*) over (
            partition by
                listed_orgs.district_id, listed_orgs.org_sourced_ids, listed_orgs.grades, listed_orgs.valid_from,
                listed_orgs.valid_to, listed_orgs.org_key
        ) as grade_count
    from listed_orgs
    inner join listed_grades on listed_orgs.grades = listed_grades.grades
),

served as (
    -- A pupil of several schools and several grades does not say which school has which grade.
    select org_key, grade_code, valid_from, valid_to
    from pairs
    where org_count = 1 or grade_count = 1
    union all
    select org_key, grade_code, valid_from, valid_to
    from {{ ref("int_increments__student_grades") }}
    union all
    select org_key, grade_code, valid_from, valid_to
    from {{ ref("int_memberships__class_grades") }}
    where grade_code is not null
)

{{ merged_spans("served", ["org_key", "grade_code"]) }}
