with educators as (
    -- distinct: one row a user, however many versions.
    select distinct source_user_key
    from {{ ref("int_people__user_versions") }}
    where user_type = 'educator' and source = 'oneroster'
),

enrollments as (
    select
        enrollments.enrollment_key,
        enrollments.district_id,
        enrollments.is_deleted,
        {{ key(["enrollments.district_id", "enrollments.user_sourced_id"]) }} as source_user_key,
        {{ key(["enrollments.district_id", "enrollments.class_sourced_id"]) }} as class_key,
        enrollments.begin_date,
        enrollments.end_date,
        enrollments.effective_date,
        enrollments.arrived_at,
        enrollments.delivery_id,
        enrollments.row_number
    from {{ ref("stg_oneroster__enrollments") }} as enrollments
    where enrollments.role <> 'student' or enrollments.is_deleted
),

enrollment_versions as (
    {{ versions("enrollments", "enrollment_key") }}
),

educator_enrollments as (
    select enrollment_versions.*
    from enrollment_versions
    inner join educators on enrollment_versions.source_user_key = educators.source_user_key
    where not enrollment_versions.is_deleted
),

taught as (
    select
        educator_enrollments.source_user_key,
        educator_enrollments.class_key,
        greatest(
            educator_enrollments.valid_from, coalesce(educator_enrollments.begin_date, educator_enrollments.valid_from)
        ) as valid_from,
        least(
            educator_enrollments.valid_to, coalesce(educator_enrollments.end_date, educator_enrollments.valid_to)
        ) as valid_to
    from educator_enrollments
)

select
    taught.source_user_key,
    class_grades.class_key,
    class_grades.org_key,
    class_grades.grade_code,
    greatest(taught.valid_from, class_grades.valid_from) as valid_from,
    least(taught.valid_to, class_grades.valid_to) as valid_to
from taught
inner join {{ ref("int_memberships__class_grades") }} as class_grades on taught.class_key = class_grades.class_key
where greatest(taught.valid_from, class_grades.valid_from) < least(taught.valid_to, class_grades.valid_to)
