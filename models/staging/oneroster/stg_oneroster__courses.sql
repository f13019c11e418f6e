select
    {{ key(["rows.district_id", 'rows."sourcedId"']) }} as course_key,
    rows.district_id,
    trim(rows."sourcedId") as sourced_id,
    nullif(trim(rows."schoolYearSourcedId"), '') as school_year_sourced_id,
    nullif(trim(rows."title"), '') as title,
    nullif(trim(rows."courseCode"), '') as course_code,
    nullif(trim(rows."grades"), '') as grades,
    nullif(trim(rows."orgSourcedId"), '') as org_sourced_id,
    nullif(trim(rows."subjects"), '') as subjects,
    nullif(trim(rows."subjectCodes"), '') as subject_codes,
    rows._op = 'delete' or coalesce(rows.status, '') = 'tobedeleted' as is_deleted,
    cast(rows._effective_at as date) as effective_date,
    rows._arrived_at as arrived_at,
    rows._delivery_id as delivery_id,
    rows._row_number as row_number
from {{ lake_rows("oneroster/courses") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
