select
    {{ key(["district_id", "row_key"]) }} as org_key,
    district_id,
    {{ clean("row_key") }} as sourced_id,
    {{ clean("name") }} as org_name,
    {{ clean("aliases") }} as aliases,
    _op = 'delete' as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("templates", "school_list") }}
where {{ in_roster_scope() }}
