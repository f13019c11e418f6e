with classes as (
    {{ versions(ref("stg_oneroster__classes"), "class_key") }}
),

courses as (
    {{ versions(ref("stg_oneroster__courses"), "course_key") }}
),

-- A class without grades has those of its course, for as long as both are as they are.
class_courses as (
    select
        classes.class_key,
        classes.district_id,
        classes.school_sourced_id,
        coalesce(classes.grades, courses.grades) as grades,
        greatest(classes.valid_from, coalesce(courses.valid_from, classes.valid_from)) as valid_from,
        least(classes.valid_to, coalesce(courses.valid_to, classes.valid_to)) as valid_to
    from classes
    left join courses
        on classes.district_id = courses.district_id
        and classes.course_sourced_id = courses.sourced_id
        and classes.grades is null
        and not courses.is_deleted
        and courses.valid_from < classes.valid_to
        and classes.valid_from < courses.valid_to
    where not classes.is_deleted
),

items as (
    select
        class_key,
        district_id,
        school_sourced_id,
        valid_from,
        valid_to,
        -- noqa: disable=PRS
        {{ unnest_items(
            "case when grades is null then " ~ list_of("cast(null as string)")
            ~ " else " ~ split_items("grades") ~ " end",
            "grade_item"
        ) }}
    from class_courses
)

-- distinct: 9 and 09 are one grade.
select distinct
    items.class_key,
    {{ key(["items.district_id", "items.school_sourced_id"]) }} as org_key,
    grade_aliases.grade_code,
    items.valid_from,
    items.valid_to
from items
left join {{ ref("grade_aliases") }} as grade_aliases on lower(items.grade_item) = grade_aliases.grade_alias
