with educators as (
    -- distinct: one row a user, however many versions.
    select distinct user_row_key
    from {{ ref("int_people__user_versions") }}
    where user_type = 'educator'
),

enrollments as (
    select
        enrollments.enrollment_key,
        enrollments.district_id,
        enrollments.is_deleted,
        {{ key(["enrollments.district_id", "enrollments.user_sourced_id"]) }} as user_row_key,
        {{ key(["enrollments.district_id", "enrollments.class_sourced_id"]) }} as class_key,
        enrollments.begin_date,
        enrollments.end_date,
        enrollments.effective_date,
        enrollments.arrived_at,
        enrollments.delivery_id
    from {{ ref("stg_oneroster__enrollments") }} as enrollments
    where enrollments.role <> 'student' or enrollments.is_deleted
),

enrollment_versions as (
    {{ versions("enrollments", "enrollment_key") }}
),

educator_enrollments as (
    select enrollment_versions.*
    from enrollment_versions
    inner join educators on enrollment_versions.user_row_key = educators.user_row_key
    where not enrollment_versions.is_deleted
),

boundary_dates as (
    select district_id, begin_date as boundary_date from educator_enrollments where begin_date is not null
    union
    select district_id, end_date as boundary_date from educator_enrollments where end_date is not null
),

-- A roster is known on the dates of its deliveries: a term that ends between two of them ends with the second.
snapped_dates as (
    select
        boundary_dates.district_id,
        boundary_dates.boundary_date,
        coalesce(min(roster_dates.delivery_date), {{ end_of_time() }}) as delivery_date
    from boundary_dates
    left join {{ ref("int_deliveries__roster_dates") }} as roster_dates
        on boundary_dates.district_id = roster_dates.district_id
        and boundary_dates.boundary_date <= roster_dates.delivery_date
    group by boundary_dates.district_id, boundary_dates.boundary_date
),

taught as (
    select
        educator_enrollments.user_row_key,
        educator_enrollments.class_key,
        greatest(
            educator_enrollments.valid_from, coalesce(begins.delivery_date, educator_enrollments.valid_from)
        ) as valid_from,
        least(educator_enrollments.valid_to, coalesce(ends.delivery_date, educator_enrollments.valid_to)) as valid_to
    from educator_enrollments
    left join snapped_dates as begins
        on educator_enrollments.district_id = begins.district_id and educator_enrollments.begin_date = begins.boundary_date
    left join snapped_dates as ends
        on educator_enrollments.district_id = ends.district_id and educator_enrollments.end_date = ends.boundary_date
)

select
    taught.user_row_key,
    class_grades.class_key,
    class_grades.org_key,
    class_grades.grade_code,
    greatest(taught.valid_from, class_grades.valid_from) as valid_from,
    least(taught.valid_to, class_grades.valid_to) as valid_to
from taught
inner join {{ ref("int_memberships__class_grades") }} as class_grades on taught.class_key = class_grades.class_key
where greatest(taught.valid_from, class_grades.valid_from) < least(taught.valid_to, class_grades.valid_to)
