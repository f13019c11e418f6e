select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as enrollment_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("classSourcedId") }} as class_sourced_id,
    {{ clean("schoolSourcedId") }} as school_sourced_id,
    {{ clean("userSourcedId") }} as user_sourced_id,
    {{ clean("role") }} as role,
    lower({{ clean("primary") }}) = 'true' as is_primary_teacher,
    {{ date_or_null(adapter.quote("beginDate")) }} as begin_date,
    {{ date_or_null(adapter.quote("endDate")) }} as end_date,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "enrollments") }}
where {{ in_roster_scope() }}
    and {{ in_logs_of_people("enrollments") }}
