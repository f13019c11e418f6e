select
    {{ key(["district_id", '"sourcedId"']) }} as enrollment_key,
    district_id,
    trim("sourcedId") as sourced_id,
    nullif(trim("classSourcedId"), '') as class_sourced_id,
    nullif(trim("schoolSourcedId"), '') as school_sourced_id,
    nullif(trim("userSourcedId"), '') as user_sourced_id,
    nullif(trim("role"), '') as role,
    lower(trim("primary")) = 'true' as is_primary_teacher,
    try_cast("beginDate" as date) as begin_date,
    try_cast("endDate" as date) as end_date,
    _op = 'delete' or lower(trim(coalesce(status, ''))) = 'tobedeleted' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("oneroster/enrollments") }}
