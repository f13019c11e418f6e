select
    {{ key(["district_id", '"sourcedId"']) }} as course_key,
    district_id,
    trim("sourcedId") as sourced_id,
    nullif(trim("schoolYearSourcedId"), '') as school_year_sourced_id,
    nullif(trim("title"), '') as title,
    nullif(trim("courseCode"), '') as course_code,
    nullif(trim("grades"), '') as grades,
    nullif(trim("orgSourcedId"), '') as org_sourced_id,
    nullif(trim("subjects"), '') as subjects,
    nullif(trim("subjectCodes"), '') as subject_codes,
    _op = 'delete' or lower(trim(coalesce(status, ''))) = 'tobedeleted' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("oneroster/courses") }}
