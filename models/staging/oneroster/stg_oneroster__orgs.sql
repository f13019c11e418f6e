select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as org_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    {{ clean("name") }} as org_name,
    {{ clean("type") }} as org_type,
    {{ clean("identifier") }} as identifier,
    {{ clean("parentSourcedId") }} as parent_sourced_id,
    extensions,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "orgs") }}
where {{ in_roster_scope() }}
