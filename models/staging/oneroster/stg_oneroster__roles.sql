select
    {{ key(["district_id", "'role'", '"sourcedId"']) }} as role_row_key,
    district_id,
    trim("sourcedId") as sourced_id,
    nullif(trim("userSourcedId"), '') as user_sourced_id,
    lower(trim("roleType")) = 'primary' as is_primary_role,
    nullif(trim("role"), '') as role,
    try_cast("beginDate" as date) as begin_date,
    try_cast("endDate" as date) as end_date,
    nullif(trim("orgSourcedId"), '') as org_sourced_id,
    _op = 'delete' or lower(trim(coalesce(status, ''))) = 'tobedeleted' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("oneroster/roles") }}
