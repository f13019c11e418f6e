select
    {{ key(["district_id", '"sourcedId"']) }} as org_key,
    district_id,
    trim("sourcedId") as sourced_id,
    nullif(trim("name"), '') as org_name,
    nullif(trim("type"), '') as org_type,
    nullif(trim("identifier"), '') as identifier,
    nullif(trim("parentSourcedId"), '') as parent_sourced_id,
    _op = 'delete' or lower(trim(coalesce(status, ''))) = 'tobedeleted' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("oneroster/orgs") }}
