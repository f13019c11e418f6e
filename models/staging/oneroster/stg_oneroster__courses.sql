select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as course_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("schoolYearSourcedId") }} as school_year_sourced_id,
    {{ clean("title") }} as title,
    {{ clean("courseCode") }} as course_code,
    {{ clean("grades") }} as grades,
    {{ clean("orgSourcedId") }} as org_sourced_id,
    {{ clean("subjects") }} as subjects,
    {{ clean("subjectCodes") }} as subject_codes,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "courses") }}
where {{ in_roster_scope() }}
