select
    {{ key(["district_id", '"sourcedId"']) }} as session_key,
    district_id,
    trim("sourcedId") as sourced_id,
    nullif(trim("title"), '') as title,
    nullif(trim("type"), '') as session_type,
    try_cast("startDate" as date) as start_date,
    try_cast("endDate" as date) as end_date,
    nullif(trim("parentSourcedId"), '') as parent_sourced_id,
    nullif(trim("schoolYear"), '') as school_year,
    _op = 'delete' or lower(trim(coalesce(status, ''))) = 'tobedeleted' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("oneroster/academicSessions") }}
