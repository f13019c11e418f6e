select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as session_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("title") }} as title,
    {{ clean("type") }} as session_type,
    {{ date_or_null(adapter.quote("startDate")) }} as start_date,
    {{ date_or_null(adapter.quote("endDate")) }} as end_date,
    {{ clean("parentSourcedId") }} as parent_sourced_id,
    {{ clean("schoolYear") }} as school_year,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "academicSessions") }}
where {{ in_roster_scope() }}
