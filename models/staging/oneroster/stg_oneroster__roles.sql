select
    {{ key(["district_id", "'role'", adapter.quote("sourcedId")]) }} as role_row_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("userSourcedId") }} as user_sourced_id,
    lower({{ clean("roleType") }}) = 'primary' as is_primary_role,
    {{ clean("role") }} as role,
    {{ date_or_null(adapter.quote("beginDate")) }} as begin_date,
    {{ date_or_null(adapter.quote("endDate")) }} as end_date,
    {{ clean("orgSourcedId") }} as org_sourced_id,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "roles") }}
where {{ in_roster_scope() }}
    and {{ in_logs_of_people("roles") }}
