select
    {{ key(["rows.district_id", 'rows."sourcedId"']) }} as enrollment_key,
    rows.district_id,
    trim(rows."sourcedId") as sourced_id,
    nullif(trim(rows."classSourcedId"), '') as class_sourced_id,
    nullif(trim(rows."schoolSourcedId"), '') as school_sourced_id,
    nullif(trim(rows."userSourcedId"), '') as user_sourced_id,
    nullif(trim(rows."role"), '') as role,
    lower(trim(rows."primary")) = 'true' as is_primary_teacher,
    try_cast(rows."beginDate" as date) as begin_date,
    try_cast(rows."endDate" as date) as end_date,
    rows._op = 'delete' or coalesce(rows.status, '') = 'tobedeleted' as is_deleted,
    cast(rows._effective_at as date) as effective_date,
    rows._arrived_at as arrived_at,
    rows._delivery_id as delivery_id,
    rows._row_number as row_number
from {{ lake_rows("oneroster/enrollments") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
