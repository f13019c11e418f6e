select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as class_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("title") }} as title,
    {{ clean("grades") }} as grades,
    {{ clean("courseSourcedId") }} as course_sourced_id,
    {{ clean("classCode") }} as class_code,
    {{ clean("classType") }} as class_type,
    {{ clean("location") }} as location,
    {{ clean("schoolSourcedId") }} as school_sourced_id,
    {{ clean("termSourcedIds") }} as term_sourced_ids,
    {{ clean("subjects") }} as subjects,
    {{ clean("subjectCodes") }} as subject_codes,
    {{ clean("periods") }} as periods,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "classes") }}
where {{ in_roster_scope() }}
